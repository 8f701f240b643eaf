"""Was it right? Asked of people about some of what ran alone, and what follows from the answer or from none."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from aiops.access.models import AuditEntry
from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.core.errors import Invalid, NotAllowed
from approvals import brakes, policy_in_force, reviews
from approvals.models import Execution, Review
from learning import trust_page
from learning.judgement import Level
from learning.models import Outcome, TrustRecord
from learning.scopes import Scope
from tests.factories import make_approval, make_execution, make_principal, make_token, make_user, record_outcome

pytestmark = pytest.mark.django_db
NOT_DRAWN, DRAWN = 1, 20  # of one in ten, by the act's id


def ran_alone(number: int = NOT_DRAWN, **fields) -> Execution:
    """An act that ran alone and was verified, whose id ends in `number`."""
    now = timezone.now()
    used = Execution.objects.count()
    verified = {"status": "succeeded", "started_at": now, "verified_at": now, "verification_result": "success"}
    identity = UUID(int=10**30 + used * 10_000 + number)
    approval = make_approval(status="approved", tier="human")
    return make_execution(approval, id=identity, autonomous=True, **(verified | fields))


def learned(execution: Execution, **fields) -> Outcome:
    return record_outcome(
        "success", execution=execution.pk, autonomous=True, alert_name=execution.alert_name, signers=[], tier="human", **fields
    )


def scope_of(execution: Execution) -> Scope:
    return Scope(execution.pattern, execution.environment, execution.namespace, execution.alert_name)


def overdue_count(execution: Execution) -> int:
    return brakes.of_scopes([scope_of(execution)], policy=policy_in_force.now(), at=timezone.now())[0].overdue_reviews


def test_the_first_of_a_kind_is_asked_about_and_the_next_is_not():
    assert reviews.ask(ran_alone()).why == Review.Why.FIRST
    assert reviews.ask(ran_alone()) is None
    assert reviews.ask(ran_alone(alert_name="Other")).why == Review.Why.FIRST


def test_one_in_ten_is_drawn_by_its_id():
    reviews.ask(ran_alone())
    asked = [number for number in range(1, 31) if reviews.ask(ran_alone(number))]
    assert asked == [10, 20, 30]


def test_what_people_signed_is_not_asked_about():
    signed = ran_alone(DRAWN)
    signed.autonomous = False
    assert reviews.ask(signed) is None


def test_asking_twice_about_an_act_makes_one_review():
    execution = ran_alone(DRAWN)
    reviews.ask(ran_alone())
    assert reviews.ask(execution).pk == reviews.ask(execution).pk


def test_no_turns_the_success_into_a_failure_and_yes_takes_that_back():
    execution = ran_alone()
    outcome = learned(execution)
    review = reviews.ask(execution)
    jonas = make_principal("responder")
    reviews.answer(review, jonas, right=False, note="it was the database")
    outcome.refresh_from_db()
    review.refresh_from_db()
    assert (outcome.successes, outcome.failures) == (0.0, 1.0)
    assert (review.right, review.by, review.note) == (False, jonas.name, "it was the database")
    assert AuditEntry.objects.get(act="review.answer").detail["right"] is False
    reviews.answer(review, make_principal("lead"), right=True)
    outcome.refresh_from_db()
    assert (outcome.successes, outcome.failures) == (1.0, 0.0)


def test_no_needs_a_reason():
    execution = ran_alone()
    learned(execution)
    review = reviews.ask(execution)
    with pytest.raises(Invalid) as refused:
        reviews.answer(review, make_principal("responder"), right=False, note="  ")
    assert refused.value.loc == ("note",)
    review.refresh_from_db()
    assert review.right is None


@pytest.mark.parametrize("who", ["viewer", "service"])
def test_only_people_from_responder_on_answer(who):
    execution = ran_alone()
    learned(execution)
    by = make_principal("viewer") if who == "viewer" else Principal(name="ci", via=Via.API, role=Role.ADMIN)
    with pytest.raises(NotAllowed):
        reviews.answer(reviews.ask(execution), by, right=True)


def test_an_overdue_review_takes_the_step_away_until_it_is_answered():
    execution = ran_alone()
    now = timezone.now()
    for day in range(9):  # proven: it may run alone
        record_outcome(at=now - timedelta(days=day), alert_name=execution.alert_name, signers=[f"lead{day % 2}"], tier="human")
    learned(execution)
    record = TrustRecord.objects.get(alert_name=execution.alert_name)
    review = reviews.ask(execution)
    assert level(record) is Level.ALONE
    Review.objects.update(asked_at=now - timedelta(hours=73))
    assert level(record) is Level.ONE_PERSON
    assert overdue_count(execution) == 1
    reviews.answer(review, make_principal("responder"), right=True)
    assert level(record) is Level.ALONE


def level(record: TrustRecord) -> Level:
    """As the trust page and the API show it."""
    record.refresh_from_db()
    return trust_page.row(record, conf=policy_in_force.now().trust, at=timezone.now()).standing.level


def test_the_sweeper_tells_once_that_a_review_is_overdue():
    review = reviews.ask(ran_alone())
    assert reviews.tell_overdue() == 0
    Review.objects.update(asked_at=timezone.now() - timedelta(hours=73))
    assert reviews.tell_overdue() == 1
    assert reviews.tell_overdue() == 0
    assert review.execution.incident.timeline.filter(kind="review.overdue").count() == 1


def test_in_flight_is_counted_on_its_own_row_and_failures_on_the_resource_group():
    ran_alone(status="running", verified_at=None)
    for _ in range(2):
        ran_alone(alert_name="Other", pattern="scale:web-*", verification_result="failed")
    policy, at = policy_in_force.now(), timezone.now()
    mine = Scope("restart:web-*", "production", "shop", "KubePodCrashLooping")
    other = Scope("restart:web-*", "production", "shop", "Else")
    elsewhere = Scope("restart:web-*", "production", "pay", "Else")
    found = brakes.of_scopes([mine, other, elsewhere], policy=policy, at=at)
    assert [each.in_flight for each in found] == [1, 0, 0]
    assert [each.group_failures for each in found] == [2, 2, 0]


def test_a_run_that_was_later_found_wrong_opens_the_breaker_too():
    execution = ran_alone()
    learned(execution)
    reviews.answer(reviews.ask(execution), make_principal("responder"), right=False, note="wrong")
    assert brakes.failed_alone(since=timezone.now() - timedelta(hours=1)).count() == 1


def test_the_api_lists_and_answers(client):
    execution = ran_alone()
    learned(execution)
    review = reviews.ask(execution)
    headers = {"Authorization": f"Bearer {make_token('responder')}"}
    listed = client.get("/api/v1/reviews?open=true", headers=headers).json()["items"]
    assert [(row["id"], row["execution"], row["right"]) for row in listed] == [(review.pk, str(execution.pk), None)]
    refused = client.post(f"/api/v1/reviews/{review.pk}", {"right": False}, content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["loc"]) == (422, ["note"])
    said = client.post(f"/api/v1/reviews/{review.pk}", {"right": True}, content_type="application/json", headers=headers)
    assert (said.status_code, said.json()["right"]) == (200, True)
    assert client.get("/api/v1/reviews?open=true", headers=headers).json()["items"] == []


def test_the_approvals_page_asks_and_takes_the_answer(visit):
    execution = ran_alone()
    learned(execution)
    review = reviews.ask(execution)
    client = visit(make_user("responder"))
    assert f'action="/reviews/{review.pk}"' in client.get("/approvals").content.decode()
    answer = client.post(f"/reviews/{review.pk}", {"right": "no", "note": "it hid a leak"})
    assert (answer.status_code, answer["Location"]) == (302, "/approvals")
    assert f'action="/reviews/{review.pk}"' not in client.get("/approvals").content.decode()
    viewer = visit(make_user("viewer"))
    assert viewer.post(f"/reviews/{review.pk}", {"right": "yes"}).status_code == 403
