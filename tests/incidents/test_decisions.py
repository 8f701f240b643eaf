"""From INIT to READY: once, in time, whatever dies on the way."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from aiops.access.principals import SYSTEM
from aiops.core.errors import Conflict, NotAllowed
from incidents import analysis, decision_state, decisions, finishing, sweeping
from incidents.engines.expert import ExpertEngine
from incidents.models import Decision, Hold, Incident, Opinion
from learning.models import Playbook, PlaybookStep
from tests.factories import WEB, make_alert, make_decision, make_incident, make_principal
from tests.threads import together

pytestmark = pytest.mark.django_db
S = Decision.State


def waiting(*, age_s: float = 0, state: str = "INIT", **fields) -> Decision:
    incident = make_incident(received_at=timezone.now() - timedelta(seconds=age_s), **fields)
    alert = make_alert(incident)
    Incident.objects.filter(pk=incident.pk).update(root_alert=alert)
    return make_decision(incident, state=state)


def test_a_decision_becomes_ready_with_a_typed_proposal():
    decision = waiting()
    analysis.decide(decision.pk)
    decision.refresh_from_db()
    assert decision.state == S.READY
    assert decision.proposal.action.target == WEB
    assert decision.proposal.source == "expert_system"
    assert decision.expires_at - decision.ready_at == timedelta(hours=1)
    assert decision.incident.status == "investigating"
    assert [e.kind for e in decision.incident.timeline.order_by("id")] == [
        "decision.analyzing", "incident.investigating", "decision.ready",
    ]  # fmt: skip


def test_a_second_delivery_of_the_task_changes_nothing():
    decision = waiting()
    analysis.decide(decision.pk)
    analysis.decide(decision.pk)
    assert decision.incident.timeline.filter(kind="decision.ready").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_decides():
    decision = waiting()
    together([lambda: analysis.decide(decision.pk)] * 6)
    decision.refresh_from_db()
    assert decision.state == S.READY
    assert decision.incident.timeline.filter(kind="decision.ready").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_sweeper_and_a_slow_worker_make_it_ready_once():
    decision = waiting(age_s=19)
    together([lambda: analysis.decide(decision.pk), sweeping.decide_late, sweeping.decide_late])
    decision.refresh_from_db()
    assert decision.state == S.READY
    assert decision.incident.timeline.filter(kind="decision.ready").count() == 1


@pytest.mark.parametrize("state", ["INIT", "ANALYZING"])
def test_whatever_its_analysis_is_doing_it_is_ready_at_eighteen_seconds(state):
    decision = waiting(age_s=18.5, state=state)
    assert sweeping.decide_late() == 1
    decision.refresh_from_db()
    assert decision.state == S.READY
    assert "late" in decision.proposal.engine_degraded


def test_a_younger_one_is_left_to_its_worker():
    decision = waiting(age_s=15, state="ANALYZING")
    assert sweeping.decide_late() == 0
    decision.refresh_from_db()
    assert decision.state == S.ANALYZING


def test_what_comes_too_late_is_kept_as_an_opinion():
    decision = waiting(state="ANALYZING")
    finishing.finish([decision], reason="late")
    answer = analysis.EngineAnswer("llm", "answered", 17_000, decision.proposal)
    assert not analysis.ready(decision, decision.proposal, [answer])
    assert Opinion.objects.get(engine="llm").status == Opinion.Status.LATE


def test_without_a_broker_the_sweeper_decides_at_once(settings):
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    decision = waiting()
    assert sweeping.decide_without_broker() == 1
    decision.refresh_from_db()
    assert decision.state == S.READY
    assert "broker_down" in decision.proposal.engine_degraded


def test_with_a_broker_a_fresh_one_is_left_to_the_worker():
    waiting()
    assert sweeping.decide_without_broker() == 0


def test_in_a_storm_the_most_urgent_wait_least(settings, monkeypatch):
    settings.AIOPS = settings.AIOPS.model_copy(
        update={"incidents": settings.AIOPS.incidents.model_copy(update={"storm_waiting": 1})}
    )
    monkeypatch.setattr(sweeping, "BATCH", 1)  # those of one batch are READY at the same moment
    for severity in ("P3", "P0", "P2"):
        waiting(age_s=11, severity=severity)
    assert sweeping.decide_without_broker() == 3
    order = Decision.objects.order_by("ready_at").values_list("incident__severity", flat=True)
    assert list(order) == ["P0", "P2", "P3"]


def test_rules_that_crash_still_give_an_answer(monkeypatch):
    monkeypatch.setattr(ExpertEngine, "propose", lambda self, facts: 1 / 0)
    decision = waiting()
    analysis.decide(decision.pk)
    decision.refresh_from_db()
    assert decision.state == S.READY
    assert decision.proposal.action.action_class == "notify_only"


def test_the_database_refuses_a_second_live_decision():
    incident = waiting().incident
    with pytest.raises(IntegrityError):
        Decision.objects.create(incident=incident, received_at=timezone.now())


@pytest.mark.django_db(transaction=True)
def test_asking_at_once_gives_everybody_the_same_decision():
    incident = make_incident()
    asked = together([lambda: decisions.begin(incident, cause="asked").pk] * 5)
    assert len(set(asked)) == 1


def test_asking_again_returns_the_live_one():
    decision = waiting()
    assert decisions.ask(decision.incident, make_principal("viewer")) == decision


def test_another_look_withdraws_the_old_one_and_keeps_it_readable():
    old = make_decision()
    new = decisions.reanalyse(old, make_principal("responder"))
    old.refresh_from_db()
    assert (old.state, old.reason, new.state) == (S.WITHDRAWN, "reanalysed", S.INIT)
    assert old.proposal is not None


def test_a_viewer_may_not_ask_for_another_look():
    with pytest.raises(NotAllowed, match="needs the role responder"):
        decisions.reanalyse(make_decision(), make_principal("viewer"))


def test_there_is_no_second_look_while_an_act_is_under_way():
    with pytest.raises(Conflict) as refused:
        decisions.reanalyse(make_decision(state="EXECUTING"), make_principal("lead"))
    assert (refused.value.code, refused.value.state) == ("executing", "EXECUTING")


def test_an_unanswered_one_expires():
    decision = make_decision(expires_at=timezone.now() - timedelta(seconds=1))
    assert sweeping.expire() == 1
    decision.refresh_from_db()
    assert decision.state == S.EXPIRED


def test_one_that_only_tells_people_does_not_expire():
    make_decision(expires_at=None, assessed_at=timezone.now())
    assert sweeping.expire() == 0


def test_a_maintenance_window_freezes_what_opens_in_it_and_decides_it_when_it_ends():
    incident = make_incident()
    make_alert(incident)
    make_decision(incident, state="WITHDRAWN", reason="frozen")
    now = timezone.now()
    hold = Hold.objects.create(
        stops=["decide"], starts_at=now - timedelta(hours=1), ends_at=now - timedelta(seconds=1), reason="upgrade",
        matchers=[{"name": "namespace", "op": "=", "value": "shop"}], created_by="mira",
    )  # fmt: skip
    assert sweeping.follow_ended_holds() == 1
    assert incident.decisions.order_by("-id").first().cause == "hold_ended"
    hold.refresh_from_db()
    assert hold.ended_at == hold.ends_at
    assert sweeping.follow_ended_holds() == 0


def test_a_playbook_that_fits_clearly_leads():
    playbook = Playbook.objects.create(
        name="Restart what crashes", description="Crash loops end with a restart.", status="approved", target_kind="Deployment",
        alert_names=["KubePodCrashLooping"], categories=["workload_crash"],
    )  # fmt: skip
    PlaybookStep.objects.create(playbook=playbook, action_class="restart_workload")
    decision = waiting()
    analysis.decide(decision.pk)
    decision.refresh_from_db()
    proposal = decision.proposal
    assert (proposal.source, proposal.matched_playbook, proposal.similarity) == ("playbook", playbook.pk, 1.0)
    assert "matched: alert names, category" in proposal.reasoning


@pytest.mark.parametrize("status", ["draft", "review", "deprecated", "archived"])
def test_a_playbook_that_is_not_approved_proposes_nothing(status):
    playbook = Playbook.objects.create(name="x", status=status, target_kind="Deployment", alert_names=["KubePodCrashLooping"])
    PlaybookStep.objects.create(playbook=playbook, action_class="restart_workload")
    decision = waiting()
    analysis.decide(decision.pk)
    decision.refresh_from_db()
    assert decision.proposal.source == "expert_system"


def test_every_move_of_a_decision_is_written_on_the_timeline():
    decision = make_decision()
    assert decision_state.withdraw(decision, Decision.Reason.REJECTED, actor=SYSTEM, detail="no")
    assert not decision_state.withdraw(decision, Decision.Reason.REJECTED, actor=SYSTEM)
    event = decision.incident.timeline.get()
    assert (event.kind, event.title, event.detail) == ("decision.withdrawn", "Decision withdrawn: rejected", "no")
