"""Right before an act that nobody signed is sent, and what follows from acts for decisions."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.core.actions import RestartWorkload
from approvals import aftermath, autonomy
from approvals import execution as executions
from approvals.models import Approval, Execution
from incidents.models import Alert, Decision
from tests.approvals.acting import agree, carry_out
from tests.factories import WEB, make_alert, make_approval, make_decision, make_execution, make_incident, make_principal

pytestmark = pytest.mark.django_db
RESTART = RestartWorkload(target=WEB)


@pytest.fixture
def alone(cluster) -> Execution:
    """An act that policy has started, and that nobody has sent yet."""
    return executions.plan_execution(agree(cluster, required_signatures=0), autonomous=True, at=timezone.now())


def others_alone(number: int, **fields) -> None:
    for n in range(number):
        incident = make_incident()
        make_execution(
            make_approval(make_decision(incident, state="COMPLETED")), autonomous=True, planned_at=timezone.now(),
            target_key=f"sandbox/elsewhere/{n}", **fields,
        )  # fmt: skip


def three_failed_alone() -> None:
    others_alone(3, status="succeeded", verified_at=timezone.now(), verification_result="failed")


def budget_spent() -> None:
    others_alone(20, status="succeeded")


def test_what_policy_started_is_sent(alone, cluster):
    done = carry_out(alone, cluster)
    assert done.status == "succeeded"
    assert len(cluster.effects(done.mark)) == 1


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (lambda: autonomy.turn(False, make_principal("lead"), reason="migration"), "autonomy_switch"),
        (three_failed_alone, "breaker"),
        (budget_spent, "budget"),
        (lambda: Alert.objects.update(status="stale"), "stale_alert"),
    ],
    ids=["switch", "breaker", "budget", "silence"],
)
def test_nothing_is_sent_alone_once_something_speaks_against_it(alone, cluster, meanwhile, reason):
    meanwhile()
    act = carry_out(alone, cluster)
    assert (act.status, act.reason) == ("cancelled", reason)
    assert not cluster.mutations
    assert Decision.objects.get(pk=act.decision_id).state == Decision.State.WITHDRAWN


def drifted(incident) -> Decision:
    return make_decision(incident, state="WITHDRAWN", reason="drifted", state_since=timezone.now())


def test_a_target_that_keeps_changing_is_looked_at_three_times_an_hour():
    incident = make_incident()
    make_alert(incident)
    for _ in range(3):
        assert aftermath.begin_after_drift(drifted(incident).pk)
        Decision.objects.filter(incident=incident, state="INIT").delete()
    fourth = drifted(incident)
    assert not aftermath.begin_after_drift(fourth.pk)
    assert not aftermath.begin_after_drift(fourth.pk)
    assert incident.timeline.filter(kind="decision.drifts").count() == 1
    Decision.objects.filter(incident=incident).update(state_since=timezone.now() - timedelta(hours=2))
    assert aftermath.begin_after_drift(drifted(incident).pk)


def verified(incident, result: str) -> Execution:
    approval = make_approval(make_decision(incident, state="COMPLETED", action=RESTART), action=RESTART, status="approved")
    now = timezone.now()
    return make_execution(approval, status="succeeded", verified_at=now, verification_result=result, started_at=now)


def test_others_who_saw_the_target_before_an_act_look_again():
    waiting = make_approval(make_decision(make_incident()), action=RESTART)
    act = verified(make_incident(), "success")
    Approval.objects.filter(pk=waiting.pk).update(target_key=act.target_key)
    aftermath.follow(act.pk)
    old = Decision.objects.get(pk=waiting.decision_id)
    assert (old.state, old.reason) == ("WITHDRAWN", "reanalysed")
    assert Decision.objects.get(incident=waiting.incident_id, state="INIT").cause == "target_changed"


def test_a_first_failure_is_thought_over_and_a_second_is_not():
    incident = make_incident()
    make_alert(incident)
    aftermath.follow(verified(incident, "failed").pk)
    again = Decision.objects.get(incident=incident, state="INIT")
    assert again.cause == "act_failed"
    Decision.objects.filter(pk=again.pk).update(state="COMPLETED")
    aftermath.follow(verified(incident, "failed").pk)
    aftermath.sweep()
    assert not Decision.objects.filter(incident=incident, state="INIT").exists()
