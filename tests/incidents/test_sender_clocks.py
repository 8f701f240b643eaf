"""Times are what senders say, and senders' clocks are wrong: no end is hidden by one, no episode lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from incidents.models import Alert, Incident
from tests.incidents.senders import ByToken, body_of

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
ZERO = "0001-01-01T00:00:00Z"


@pytest.fixture
def post():
    sender = ByToken("alertmanager")

    def send(status, *, starts, ends=None):
        (alert,) = body_of("alertmanager/firing")["alerts"]
        times = {"startsAt": _text(starts), "endsAt": _text(ends) if ends else ZERO}
        answer = sender({"version": "4", "alerts": [alert | {"status": status} | times]})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return send


def _text(at):
    return at if isinstance(at, str) else at.isoformat()


def status():
    return Incident.objects.get().status


@pytest.mark.parametrize("ahead", [-10 * MINUTE, timedelta(0), 10 * MINUTE, 59 * MINUTE, timedelta(days=9000)])
def test_an_end_is_heard_whatever_the_sender_s_clock_says(post, ahead):
    began = timezone.now() + ahead
    post("firing", starts=began)
    post("resolved", starts=began, ends=timezone.now() + ahead + MINUTE)
    assert status() == "resolved"


def test_an_end_is_heard_where_the_beginning_was_guessed_from_a_timeout(post):
    """Alertmanager: an alert posted without startsAt begins when it would end, and moves when it is resolved."""
    post("firing", starts=timezone.now() + 30 * MINUTE)
    over = timezone.now() + timedelta(seconds=5)
    post("resolved", starts=over, ends=over)
    assert status() == "resolved"


@pytest.mark.parametrize("ahead", [-10 * MINUTE, timedelta(0), 10 * MINUTE])
def test_the_next_episode_of_the_same_clock_reopens(post, ahead):
    began = timezone.now() + ahead - 5 * MINUTE
    post("firing", starts=began)
    post("resolved", starts=began, ends=began + MINUTE)
    assert post("firing", starts=began + 2 * MINUTE)["accepted"] == 1
    assert status() == "open"
    assert Alert.objects.count() == 2


@pytest.mark.parametrize("ahead", [-10 * MINUTE, timedelta(0), 10 * MINUTE])
def test_an_episode_that_has_ended_is_not_reopened_by_its_own_body(post, ahead):
    began = timezone.now() + ahead
    post("firing", starts=began)
    post("resolved", starts=began, ends=timezone.now() + MINUTE)
    assert post("firing", starts=began)["accepted"] == 0
    assert post("resolved", starts=began, ends=timezone.now() + MINUTE)["accepted"] == 0
    assert status() == "resolved"
    assert Alert.objects.count() == 1


@pytest.mark.parametrize(
    "starts", [ZERO, "0001-01-01T12:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", 0, 1e11, None]
)
def test_a_time_that_is_none_is_the_time_of_arrival(post, starts):
    sender = ByToken("alertmanager")
    (alert,) = body_of("alertmanager/firing")["alerts"]
    answer = sender({"version": "4", "alerts": [alert | {"startsAt": starts, "endsAt": starts}]})
    assert (answer.status_code, answer.json()["accepted"]) == (200, 1), answer.content


def test_a_time_without_a_zone_is_utc(post):
    post("firing", starts="2026-03-09T20:05:57")
    assert Alert.objects.get().starts_at.isoformat() == "2026-03-09T20:05:57+00:00"


def test_an_end_of_a_new_fingerprint_is_stored_once(post):
    began = timezone.now() - 5 * MINUTE
    for _ in range(3):
        post("resolved", starts=began, ends=began + MINUTE)
    assert Alert.objects.count() == 1
    assert not Incident.objects.exists()
