"""What intake loses or misses becomes an event: one a condition, resolved when it is over."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.access.models import ApiToken
from governance import intake_watch
from governance.conditions import Condition, observe, recover
from governance.models import GovernanceEvent
from incidents.models import Delivery, ListComparison, Refusal
from tests.factories import make_token
from tests.incidents.senders import ByToken, body_of, send
from tests.threads import together

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def post():
    return ByToken("alertmanager")


def events(kind):
    return list(GovernanceEvent.objects.filter(kind=kind, resolved_at=None))


def bad(n):
    return {"version": "4", "alerts": [{"status": "on fire", "labels": {"n": str(n)}}]}


def test_three_alerts_put_aside_within_ten_minutes_raise_an_event(post):
    for n in range(2):
        post(bad(n))
    assert intake_watch.look() == 0
    post(bad(2))
    assert intake_watch.look() == 1
    (event,) = events("alerts_quarantined")
    assert event.title.startswith("3 alerts of alertmanager/")
    assert event.remediation
    assert event.impact


def test_the_same_condition_is_one_event_that_counts_what_is_new(post):
    for n in range(3):
        post(bad(n))
    for _ in range(3):
        intake_watch.look()
    assert [event.occurrences for event in events("alerts_quarantined")] == [1]
    GovernanceEvent.objects.update(last_seen=timezone.now() - MINUTE)
    post(bad(3))
    intake_watch.look()
    assert [event.occurrences for event in events("alerts_quarantined")] == [2]


def test_alerts_put_aside_over_a_day_raise_nothing(post):
    for n in range(3):
        post(bad(n))
        Delivery.objects.update(received_at=timezone.now() - 11 * MINUTE)
    assert intake_watch.look() == 0


@pytest.mark.parametrize("status", [401, 422])
def test_requests_refused_again_and_again_raise_an_event(post, status):
    for _ in range(6):
        if status == 401:
            send("grafana", body_of("grafana/firing"), headers={"Authorization": "Bearer aiops_wrong"})
        else:
            post([])
    assert intake_watch.look() == 1
    (event,) = events("requests_refused")
    assert "6 requests" in event.title
    assert str(status) in event.remediation


def test_five_refused_requests_are_somebody_who_tries_something(post):
    for _ in range(5):
        post([])
    assert intake_watch.look() == 0


def test_refusals_of_an_hour_ago_do_not_add_up_with_those_of_now(post):
    for _ in range(5):
        post([])
    Refusal.objects.update(recent_since=timezone.now() - 20 * MINUTE)
    post([])
    assert Refusal.objects.get().count == 6
    assert Refusal.objects.get().recent == 1
    assert intake_watch.look() == 0


def test_alerts_that_a_sender_left_out_raise_an_event(post):
    post("alertmanager/truncated")
    assert intake_watch.look() == 1
    (event,) = events("alerts_truncated")
    assert "left 7 alerts out" in event.title


def test_what_comes_and_goes_is_resolved_after_a_quiet_hour(post):
    post("alertmanager/truncated")
    intake_watch.look()
    Delivery.objects.update(received_at=timezone.now() - 30 * MINUTE)
    intake_watch.look()
    assert events("alerts_truncated")
    GovernanceEvent.objects.update(last_seen=timezone.now() - 61 * MINUTE)
    intake_watch.look()
    assert not events("alerts_truncated")


def test_two_hours_without_any_alert_are_critical_until_one_comes(post):
    post("alertmanager/firing")
    assert intake_watch.look() == 0
    Delivery.objects.update(received_at=timezone.now() - 121 * MINUTE)
    assert intake_watch.look() == 1
    assert events("no_alerts_received")[0].level == "critical"
    post("alertmanager/firing")
    assert intake_watch.look() == 0
    assert not events("no_alerts_received")


def test_a_sender_that_was_set_up_and_never_heard_is_missed():
    make_token(scope="webhooks")
    assert intake_watch.look() == 0
    ApiToken.objects.update(created_at=timezone.now() - 3 * HOUR)
    assert intake_watch.look() == 1


def test_nobody_is_missed_where_nobody_was_set_up():
    assert intake_watch.look() == 0


@pytest.mark.parametrize(("answered", "stands"), [(None, 1), (11 * MINUTE, 1), (2 * MINUTE, 0)])
def test_a_list_that_cannot_be_read_for_long_is_told(settings, answered, stands):
    settings.AIOPS = settings.AIOPS.model_copy(update={"alertmanager_url": "http://alertmanager.test"})
    now = timezone.now()
    row = ListComparison.objects.create(
        url="http://alertmanager.test", looked_at=now, answered_at=now - answered if answered else None, error="no connection"
    )
    assert intake_watch.look() == stands
    row.error = ""
    row.save()
    assert intake_watch.look() == 0
    assert not events("alertmanager_unreadable")


CONDITION = Condition("a_kind", "a key", "title", "impact", "remediation", "next")


@pytest.mark.django_db(transaction=True)
def test_many_who_see_it_at_once_open_one_event():
    at = timezone.now()
    together([lambda: observe(CONDITION, seen_at=at)] * 8)
    assert len(events("a_kind")) == 1


def test_a_condition_that_comes_back_is_a_new_event():
    at = timezone.now()
    observe(CONDITION, seen_at=at)
    assert recover("a_kind", still=["a key"]) == 0
    assert recover("a_kind", still=[]) == 1
    observe(CONDITION, seen_at=at)
    assert GovernanceEvent.objects.count() == 2
