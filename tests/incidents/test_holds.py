"""Holds: what they fit, when they are in force, and what is decided again when they end."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from aiops.core.errors import Invalid, NotAllowed
from incidents import closing, decisions, hold_acts, holds, sweeping, thawing
from incidents.holds import Matcher
from incidents.models import Decision, Hold, Incident
from tests.factories import make_alert, make_decision, make_incident, make_principal
from tests.incidents.senders import ByToken

pytestmark = pytest.mark.django_db
S = Decision.State
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make_hold(**fields):
    now = timezone.now()
    defaults = {
        "stops": ["decide"], "starts_at": now - HOUR, "ends_at": now + HOUR, "reason": "upgrade", "created_by": "mira",
        "matchers": [{"name": "namespace", "op": "=", "value": "shop"}],
    }  # fmt: skip
    return Hold.objects.create(**(defaults | fields))


def over(**fields):
    """A hold that ended a second ago."""
    return make_hold(ends_at=timezone.now() - timedelta(seconds=1), **fields)


def create(**fields):
    now = timezone.now()
    defaults = {
        "matchers": [], "starts_at": now, "ends_at": now + HOUR, "rrule": "", "stops": [Hold.Stops.ACT], "reason": "freeze",
    }  # fmt: skip
    return hold_acts.create(make_principal("lead"), **(defaults | fields))


# What they fit


@pytest.mark.parametrize(
    ("op", "value", "fits"),
    [
        ("=", "shop-eu", True), ("!=", "shop-eu", False), ("=~", "shop-.*", True), ("=~", "shop", False), ("=~", ".*eu|us", True),
        ("!~", "shop-.*", False), ("!~", "shop", True), ("=~", "(?i)SHOP-EU", True),
    ],
)  # fmt: skip
def test_matchers_mean_what_they_mean_in_alertmanager(op, value, fits):
    assert Matcher(name="namespace", op=op, value=value).fits({"namespace": "shop-eu"}) is fits


def test_a_label_that_is_missing_counts_as_empty():
    assert Matcher(name="team", op="=", value="").fits({})
    assert Matcher(name="team", op="=~", value=".+").fits({}) is False


@pytest.mark.parametrize("value", ["[", "(?=a)b", r"(a)\1", "a{5000}", "(x{100}){100}{100}"])
def test_an_expression_that_could_not_be_matched_in_time_is_refused(value):
    with pytest.raises(Invalid, match="RE2") as refused:
        create(matchers=[{"name": "pod", "op": "=~", "value": value}])
    assert refused.value.loc[:2] == ("matchers", 0)


@pytest.mark.parametrize("value", ["(a+)+$", "(a|aa)+", "([a-z]+)*9", "(.*,){30}x"])
def test_no_label_makes_an_expression_take_long(value):
    """One that tried every way to match would not come back."""
    assert Matcher(name="pod", op="=~", value=value).fits({"pod": "a" * 100_000 + "!"}) is False


# When they are in force

NINE = datetime(2026, 11, 2, 9, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("rrule", "in_force", "not_in_force"),
    [
        ("", NINE + HOUR / 2, NINE + DAY + HOUR / 2),
        ("FREQ=DAILY", NINE + 5 * DAY + HOUR / 2, NINE + 5 * DAY + 2 * HOUR),
        ("FREQ=DAILY;COUNT=3", NINE + 2 * DAY, NINE + 3 * DAY),
        ("FREQ=WEEKLY", NINE + 14 * DAY, NINE + DAY),
        ("FREQ=WEEKLY;BYDAY=MO,WE", NINE + 2 * DAY, NINE + DAY),
        ("FREQ=WEEKLY;INTERVAL=2", NINE + 28 * DAY, NINE + 7 * DAY),
        ("FREQ=MONTHLY;BYDAY=1MO", datetime(2026, 12, 7, 9, tzinfo=UTC), NINE + 7 * DAY),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", datetime(2026, 11, 30, 9, tzinfo=UTC), NINE),
        ("FREQ=YEARLY", datetime(2027, 11, 2, 9, 30, tzinfo=UTC), datetime(2027, 11, 3, 9, 30, tzinfo=UTC)),
        ("FREQ=DAILY;UNTIL=20261104T090000Z", NINE + 2 * DAY, NINE + 3 * DAY),
    ],
)
def test_a_hold_is_in_force_in_its_times_and_only_then(rrule, in_force, not_in_force):
    hold = make_hold(starts_at=NINE, ends_at=NINE + HOUR, rrule=rrule)
    assert holds.period_at(hold, in_force) is not None
    assert holds.period_at(hold, not_in_force) is None


def test_a_recurring_hold_ends_early_where_a_person_ends_it():
    hold = make_hold(starts_at=NINE, ends_at=NINE + HOUR, rrule="FREQ=DAILY", ended_at=NINE + DAY + HOUR / 2)
    assert holds.last_over(hold, NINE + 3 * DAY).ends_at == NINE + DAY + HOUR / 2
    assert holds.period_at(hold, NINE + 2 * DAY) is None


@pytest.mark.parametrize(
    ("rrule", "words"),
    [
        ("FREQ=SECONDLY", "FREQ"),
        ("FREQ=MINUTELY;INTERVAL=5", "FREQ"),
        ("FREQ=HOURLY", "FREQ"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;BYSECOND=0,1,2,3", "BYSECOND"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "BYMONTH"),
        ("FREQ=WEEKLY;BYYEARDAY=400", "BYYEARDAY"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=SU", "BYDAY or INTERVAL"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=99999999", "INTERVAL"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=YEARLY;BYDAY=60MO", "RFC 5545"),
        ("FREQ=DAILY;UNTIL=yesterday", "RFC 5545"),
        ("FREQ=DAILY;FREQ=WEEKLY", "each once"),
        ("DTSTART:19700101T000000\nRRULE:FREQ=DAILY", "FREQ"),
        ("every night", "NAME=value"),
    ],
)
def test_a_recurrence_that_cannot_be_looked_up_quickly_is_refused(rrule, words):
    with pytest.raises(Invalid, match=words) as refused:
        create(rrule=rrule)
    assert refused.value.loc == ("rrule",)


def test_a_recurrence_that_begins_again_before_it_ends_is_refused():
    now = timezone.now()
    with pytest.raises(Invalid, match="before it ends"):
        create(rrule="FREQ=WEEKLY;BYDAY=MO,TU", starts_at=now, ends_at=now + 30 * HOUR)


def test_a_recurrence_from_long_ago_is_refused():
    with pytest.raises(Invalid, match="more than a year ago"):
        create(rrule="FREQ=DAILY", starts_at=datetime(1, 1, 1, tzinfo=UTC))


def test_a_rule_is_stored_as_it_is_read():
    assert create(rrule=" rrule:freq=weekly;byday=sa ").rrule == "FREQ=WEEKLY;BYDAY=SA"


def test_only_a_lead_makes_one():
    with pytest.raises(NotAllowed):
        hold_acts.create(
            make_principal("responder"), matchers=[], starts_at=None, ends_at=timezone.now() + HOUR, rrule="",
            stops=[Hold.Stops.ACT], reason="freeze",
        )  # fmt: skip


# What happens inside


def test_an_incident_that_opens_inside_a_window_is_shown_and_not_decided():
    make_hold()
    ByToken("alertmanager")("alertmanager/firing")
    decision = Decision.objects.get()
    assert (decision.state, decision.reason) == ("WITHDRAWN", "frozen")
    assert Incident.objects.get().status == "open"


def test_an_incident_that_fires_again_inside_a_window_is_not_decided_either():
    incident = make_incident(status="resolved", resolved_at=timezone.now())
    make_alert(incident)
    incident.root_alert = incident.alerts.get()
    incident.save()
    make_hold()
    closing.reopen(incident.pk)
    incident.refresh_from_db()
    decision = incident.decisions.get()
    assert (incident.status, decision.state, decision.reason) == ("open", "WITHDRAWN", "frozen")


def test_a_person_may_ask_inside_a_window():
    incident = make_incident()
    make_hold()
    assert decisions.ask(incident, make_principal("responder")).state == S.INIT


def test_a_change_freeze_does_not_stop_deciding():
    make_hold(stops=["act"])
    ByToken("alertmanager")("alertmanager/firing")
    assert Decision.objects.get().state == S.INIT


# What happens at the end


def held_incident(*, alert="firing", **decision):
    incident = make_incident()
    make_alert(incident, status=alert)
    make_decision(incident, **({"state": "WITHDRAWN", "reason": "frozen"} | decision))
    return incident


def newest(incident):
    return incident.decisions.order_by("-id").first()


def test_what_still_fires_is_decided_again():
    incident = held_incident()
    over()
    assert sweeping.follow_ended_holds() == 1
    assert (newest(incident).cause, newest(incident).state) == ("hold_ended", "INIT")
    assert sweeping.follow_ended_holds() == 0


@pytest.mark.parametrize("alert", ["resolved", "stale"])
def test_what_does_not_fire_any_more_is_left(alert):
    held_incident(alert=alert)
    over()
    assert sweeping.follow_ended_holds() == 0


def test_what_another_matcher_held_is_left():
    held_incident()
    over(matchers=[{"name": "namespace", "op": "=", "value": "billing"}])
    assert sweeping.follow_ended_holds() == 0


def test_each_occurrence_of_a_recurring_hold_is_followed_once():
    incident = held_incident()
    now = timezone.now()
    hold = make_hold(starts_at=now - 2 * DAY - HOUR, ends_at=now - 2 * DAY, rrule="FREQ=DAILY")
    assert sweeping.follow_ended_holds() == 1
    assert sweeping.follow_ended_holds() == 0
    hold.refresh_from_db()
    assert hold.ended_at is None
    Hold.objects.update(last_ended_at=hold.last_ended_at - DAY)  # as before tomorrow's end
    Decision.objects.filter(pk=newest(incident).pk).update(state="WITHDRAWN", reason="frozen")
    assert sweeping.follow_ended_holds() == 1


def test_a_recurring_hold_that_never_comes_again_is_over():
    now = timezone.now()
    now = now.replace(microsecond=0)
    hold = make_hold(starts_at=now - 3 * DAY, ends_at=now - 3 * DAY + HOUR, rrule="FREQ=DAILY;COUNT=2")
    sweeping.follow_ended_holds()
    hold.refresh_from_db()
    assert hold.ended_at == hold.last_ended_at == now - 2 * DAY + HOUR


def test_a_hold_that_a_person_ends_early_is_followed():
    held_incident()
    hold = make_hold()
    assert sweeping.follow_ended_holds() == 0
    hold_acts.end(hold, make_principal("lead"))
    assert sweeping.follow_ended_holds() == 1
    assert sweeping.follow_ended_holds() == 0


def test_what_another_hold_still_stops_waits_for_that_one():
    incident = held_incident()
    over()
    other = make_hold(matchers=[])
    assert sweeping.follow_ended_holds() == 0
    hold_acts.end(other, make_principal("lead"))
    assert sweeping.follow_ended_holds() == 1
    assert newest(incident).cause == "hold_ended"


def test_what_execution_froze_is_decided_again_after_a_change_freeze():
    incident = held_incident()
    over(stops=["act"])
    assert sweeping.follow_ended_holds() == 1
    assert newest(incident).state == S.INIT


def test_a_decision_that_only_the_freeze_kept_from_running_is_made_anew():
    reasons = [{"code": "tier", "met": True, "detail": ""}, {"code": "hold", "met": False, "detail": "freeze"}]
    incident = held_incident(state="READY", reason="", assessment={"reasons": reasons})
    over(stops=["act"])
    assert sweeping.follow_ended_holds() == 1
    old, new = incident.decisions.order_by("id")
    assert (old.state, old.reason, new.cause) == ("WITHDRAWN", "reanalysed", "hold_ended")


def test_a_decision_that_waits_for_other_reasons_is_left():
    reasons = [{"code": "hold", "met": True, "detail": ""}, {"code": "tier", "met": False, "detail": "two people"}]
    held_incident(state="READY", reason="", assessment={"reasons": reasons})
    over(stops=["act"])
    assert sweeping.follow_ended_holds() == 0


def test_a_decision_that_ran_out_while_nobody_could_act_is_made_anew():
    incident = held_incident(state="EXPIRED", reason="")
    over(stops=["act"])
    assert sweeping.follow_ended_holds() == 1
    assert newest(incident).cause == "hold_ended"


def test_a_decision_that_ran_out_before_the_hold_is_left():
    held_incident(state="EXPIRED", reason="", state_since=timezone.now() - 2 * HOUR)
    over(stops=["act"])
    assert sweeping.follow_ended_holds() == 0


@pytest.mark.parametrize(
    "decision", [{"reason": "rejected"}, {"state": "COMPLETED", "reason": ""}, {"state": "EXECUTING", "reason": ""}]
)
def test_what_people_or_acts_ended_is_left(decision):
    held_incident(**decision)
    over()
    assert sweeping.follow_ended_holds() == 0


def test_more_than_a_round_can_take_follow_in_the_next(monkeypatch):
    monkeypatch.setattr(thawing, "BATCH", 2)
    for _ in range(3):
        held_incident()
    over()
    assert [sweeping.follow_ended_holds() for _ in range(3)] == [2, 1, 0]
