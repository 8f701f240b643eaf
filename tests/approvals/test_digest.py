"""The digest: what ran alone since this person last looked, with the reviews that are owed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals import digest, reviews
from approvals.models import DigestLook, Execution
from tests.factories import make_approval, make_execution, make_principal, make_user

pytestmark = pytest.mark.django_db


def ran(ago: timedelta, **fields) -> Execution:
    at = timezone.now() - ago
    verified = {"status": "succeeded", "autonomous": True, "verified_at": at, "verification_result": "success"}
    return make_execution(make_approval(status="approved"), planned_at=at, **(verified | fields))


def digest_of(user) -> digest.Digest:
    found = digest.unseen(digest.facts(""), make_principal(user=user))
    assert found is not None
    return found


def test_who_never_looked_sees_the_last_day():
    ran(timedelta(hours=30))
    ran(timedelta(hours=2))
    ran(timedelta(hours=1), autonomous=False)
    assert len(digest_of(make_user()).lines) == 1


def test_each_person_has_seen_up_to_their_own_look():
    ran(timedelta(days=3))
    ran(timedelta(hours=2))
    mira, jonas = make_user(), make_user()
    digest.look(jonas, until=timezone.now() - timedelta(days=4))
    digest.look(mira, until=timezone.now() - timedelta(minutes=5))
    ran(timedelta(minutes=1), verification_result="failed")
    assert (len(digest_of(mira).lines), digest_of(mira).failed) == (1, 1)
    assert (len(digest_of(jonas).lines), digest_of(jonas).worked) == (3, 2)


def test_what_happens_while_it_is_read_is_in_the_next_one(visit):
    ran(timedelta(minutes=10))
    mira = make_user("viewer")
    client = visit(mira)
    until = digest_of(mira).until.isoformat()
    assert f'value="{until}"' in client.get("/").content.decode()
    ran(timedelta(minutes=1))
    assert client.post("/digest/looked", {"until": until}).status_code == 302
    assert len(digest_of(mira).lines) == 1


def test_a_look_never_goes_back_nor_ahead_of_now():
    mira = make_user()
    now = timezone.now()
    digest.look(mira, until=now + timedelta(days=1))
    assert DigestLook.objects.get().seen_until <= timezone.now()
    digest.look(mira, until=now - timedelta(days=9))
    assert DigestLook.objects.get().seen_until >= now


def test_reviews_that_are_owed_are_named():
    review = reviews.ask(ran(timedelta(hours=1)))
    ran(timedelta(minutes=30))
    found = digest_of(make_user("responder"))
    assert (found.owed, found.may_review) == (1, True)
    assert [line.review for line in found.lines] == [None, review.pk]


def test_a_bad_time_is_refused(visit):
    assert visit(make_user()).post("/digest/looked", {"until": "yesterday"}).status_code == 422
