"""READY with what is there: many at a time, each as if it had been the only one."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aiops.outbox.models import Channel, Notification
from governance import engine_watch
from governance.models import GovernanceEvent
from incidents import facts, finishing, opinions, sweeping
from incidents.models import Decision, Hold, Incident, TimelineEvent
from incidents.proposals import EngineAnswer
from tests.factories import make_alert, make_decision, make_incident, make_proposal
from tests.product import wait_for
from tests.threads import together

pytestmark = pytest.mark.django_db
S = Decision.State
KINDS = ["decision.analyzing", "incident.investigating", "decision.ready"]


def waiting(state: str = "INIT", **fields) -> Decision:
    incident = make_incident(**fields)
    alert = make_alert(incident)
    Incident.objects.filter(pk=incident.pk).update(root_alert=alert)
    return make_decision(incident, state=state)


def finished(*decisions: Decision) -> list[Decision]:
    finishing.finish(decisions, reason="storm")
    return [Decision.objects.get(pk=decision.pk) for decision in decisions]


def test_each_of_many_is_what_it_would_be_alone():
    Channel.objects.create(name="ops", address="https://example.com")
    many = finished(*(waiting(severity=severity) for severity in ("P0", "P3")))
    for decision in many:
        assert decision.state == S.READY
        assert decision.proposal.engine_degraded == ("storm",)
        assert decision.expires_at - decision.ready_at == timedelta(hours=1)
        assert decision.about_alert == decision.incident.root_alert_id
        assert decision.incident.status == "investigating"
        assert [line.kind for line in decision.incident.timeline.order_by("id")] == KINDS
        assert decision.incident.timeline.get(kind="decision.ready").detail == decision.proposal.description
        opinion = decision.opinions.get()
        assert (opinion.engine, opinion.status, opinion.vote) == ("expert_system", "answered", "chosen")
    assert {row.fact for row in Notification.objects.all()} == {f"decision.ready:{decision.token}" for decision in many}


def test_it_asks_as_much_for_thirty_as_for_two():
    def queries(number: int) -> int:
        rows = [waiting() for _ in range(number)]
        with CaptureQueriesContext(connection) as captured:
            assert finishing.finish(rows, reason="storm") == number
        return len(captured)

    assert queries(2) == queries(30)


def test_what_was_found_so_far_stays():
    decision, better = waiting("ANALYZING"), make_proposal(description="Found by a model")
    Decision.objects.filter(pk=decision.pk).update(proposal_data=better.to_json())
    opinions.keep(decision, [EngineAnswer("llm", "answered", 5, better)])
    [decision] = finished(decision)
    assert decision.proposal.description == "Found by a model"
    assert [row.engine for row in decision.opinions.all()] == ["llm"]
    assert not decision.incident.timeline.filter(kind="incident.investigating").exists()


@pytest.mark.parametrize("stored", [None, {"action": {"action_class": "of another release"}}])
def test_a_proposal_that_cannot_be_read_gives_way_to_the_rules(stored):
    decision, other = waiting("ANALYZING"), waiting()
    Decision.objects.filter(pk=decision.pk).update(proposal_data=stored)
    assert [one.proposal.source for one in finished(decision, other)] == ["expert_system"] * 2


def test_a_target_of_older_rules_is_no_target():
    decision, other = waiting(), waiting()
    Incident.objects.filter(pk=decision.incident_id).update(target_kind="bad kind")
    old, _ = finished(Decision.objects.get(pk=decision.pk), other)
    assert old.state == S.READY
    assert old.incident.target is None


def test_one_that_breaks_this_software_keeps_no_other_waiting_and_is_told(monkeypatch):
    many = [waiting() for _ in range(5)]
    bad = many[2].incident_id

    def breaks(incident, *more):
        if incident.pk == bad:
            raise ZeroDivisionError("of another release")
        return loads(incident, *more)

    loads = facts._of
    monkeypatch.setattr(facts, "_of", breaks)
    assert finishing.finish(many, reason="late") == 5
    told = Decision.objects.get(pk=many[2].pk)
    assert (told.state, told.proposal.action.action_class) == (S.READY, "notify_only")
    assert told.opinions.get().status == "failed"
    engine_watch.look()
    assert GovernanceEvent.objects.get().key == "expert_system"
    assert {Decision.objects.get(pk=one.pk).opinions.get().status for one in many if one != many[2]} == {"answered"}


def test_a_storm_cuts_off_no_analysis_that_has_begun():
    begun, unbegun = waiting("ANALYZING"), waiting()
    assert finishing.finish([begun, unbegun], reason="storm", among=finishing.UNBEGUN) == 1
    assert Decision.objects.get(pk=begun.pk).state == S.ANALYZING


def test_what_somebody_else_decided_meanwhile_is_left_as_it_is():
    ready, gone, mine = waiting("READY"), waiting("WITHDRAWN"), waiting()
    assert finishing.finish([ready, gone, mine], reason="late") == 1
    assert [Decision.objects.get(pk=one.pk).state for one in (ready, gone, mine)] == ["READY", "WITHDRAWN", "READY"]
    assert TimelineEvent.objects.filter(kind="decision.ready").count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_incident_that_somebody_holds_makes_no_other_wait_and_is_finished_after_it():
    held, free = waiting(), waiting()
    locked = threading.Event()

    def hold_it_until_the_other_is_ready() -> None:
        with transaction.atomic():
            Incident.objects.select_for_update(no_key=True).get(pk=held.incident_id)
            locked.set()
            wait_for(lambda: Decision.objects.get(pk=free.pk).state == S.READY, within_s=20)

    def finish() -> int:
        locked.wait(10)
        return finishing.finish([held, free], reason="late")

    assert together([hold_it_until_the_other_is_ready, finish]) == [None, 2]
    assert Decision.objects.get(pk=held.pk).ready_at > Decision.objects.get(pk=free.pk).ready_at


@pytest.mark.django_db(transaction=True)
def test_one_that_is_held_for_long_is_left_to_the_next_round():
    held, ended = waiting(), threading.Event()
    locked = threading.Event()

    def hold_it() -> None:
        with transaction.atomic():
            Incident.objects.select_for_update(no_key=True).get(pk=held.incident_id)
            locked.set()
            ended.wait(20)

    def finish() -> int:
        locked.wait(10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout TO '100ms'")
        try:
            return finishing.finish([held], reason="late")
        finally:
            ended.set()

    assert together([hold_it, finish]) == [None, 0]
    assert finishing.finish([held], reason="late") == 1


@pytest.mark.django_db(transaction=True)
def test_labels_of_a_root_that_moves_meanwhile_are_still_read_for_holds():
    """Joined to the row that was waited for, the root would be missing, and nobody would be kept in peace."""
    Channel.objects.create(name="ops", address="https://example.com")
    decision, locked = waiting(), threading.Event()
    moved = make_alert(decision.incident, labels={"alertname": "Quiet"})
    now = timezone.now()
    Hold.objects.create(
        stops=["notify"], starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1), reason="quiet", created_by="ann",
        matchers=[{"name": "alertname", "op": "=", "value": "Quiet"}],
    )  # fmt: skip

    def move_the_root() -> None:
        with transaction.atomic():
            Incident.objects.filter(pk=decision.incident_id).update(root_alert=moved)
            locked.set()
            wait_for(_somebody_waits_for_a_lock, within_s=20)

    def finish() -> int:
        locked.wait(10)
        return finishing.finish([decision], reason="late")

    assert together([move_the_root, finish]) == [None, 1]
    assert not Notification.objects.exists()


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT exists (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def test_a_hold_on_telling_keeps_back_only_what_it_is_about():
    Channel.objects.create(name="ops", address="https://example.com")
    now = timezone.now()
    Hold.objects.create(
        stops=["notify"], starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1), reason="quiet", created_by="ann",
        matchers=[{"name": "namespace", "op": "=", "value": "shop"}],
    )  # fmt: skip
    quiet, loud = waiting(), waiting(namespace="elsewhere")
    loud.incident.alerts.update(labels={"namespace": "elsewhere"})
    finished(quiet, loud)
    assert [row.incident_ref for row in Notification.objects.all()] == [loud.incident.ref]


def test_one_about_what_is_no_root_any_more_is_decided_again():
    decision = waiting("ANALYZING")
    Decision.objects.filter(pk=decision.pk).update(
        about_alert=make_alert(decision.incident).pk, proposal_data=make_proposal().to_json()
    )
    [decision] = finished(decision)
    assert (decision.state, decision.reason) == ("WITHDRAWN", "reanalysed")
    assert decision.incident.decisions.get(state="INIT").cause == "root_moved"


def test_the_sweeper_takes_batch_after_batch(settings, monkeypatch):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    monkeypatch.setattr(sweeping, "BATCH", 2)
    for _ in range(5):
        waiting()
    assert sweeping.decide_without_broker() == 5
