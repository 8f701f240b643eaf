"""What people do to an act under way: they stop it, settle it, undo it, or take back what allowed it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.access.models import AuditEntry
from aiops.core.actions import RestartWorkload, ScaleUp
from aiops.core.errors import Conflict, NotAllowed
from approvals import execution as executions
from approvals import rollbacks
from approvals.models import Approval, Execution
from incidents.models import Alert, Decision, Hold, Incident
from learning.models import Outcome
from tests import factories
from tests.approvals.acting import carry_out, let_pass, planned
from tests.approvals.memory_cluster import Fault, MemoryCluster

pytestmark = pytest.mark.django_db
S = Execution.Status


@pytest.fixture
def lead():
    return factories.make_principal("lead")


def unclear(cluster: MemoryCluster, fault: Fault = Fault.LATE, **options) -> Execution:
    """An act whose request was answered 504, and whose reader went away."""
    execution = planned(cluster)
    cluster.faults.append(fault)

    def outage(_: float) -> None:
        cluster.is_down = True

    carry_out(execution, cluster, wait=outage, **options)
    cluster.is_down = False
    assert execution.status == S.AMBIGUOUS
    let_pass(execution, 16)
    return execution


# Authorised again


def test_a_resolved_incident_is_not_acted_on(cluster):
    execution = planned(cluster)
    Incident.objects.update(status="resolved")
    done = carry_out(execution, cluster)
    assert (done.status, done.reason, done.decision.reason) == (S.CANCELLED, "resolved", Decision.Reason.RESOLVED)


def test_an_alert_that_cleared_takes_the_reason_away(cluster):
    execution = planned(cluster)
    execution.incident.alerts.update(status=Alert.Status.RESOLVED)
    assert carry_out(execution, cluster).reason == "resolved"


def test_a_freeze_cancels_what_was_not_sent(cluster):
    execution = planned(cluster)
    now = timezone.now()
    Hold.objects.create(stops=["act"], starts_at=now, ends_at=now + timedelta(hours=1), reason="release", created_by="ann")
    done = carry_out(execution, cluster)
    assert (done.reason, done.decision.reason) == ("frozen", Decision.Reason.FROZEN)


def test_what_waited_too_long_has_to_be_agreed_to_again(cluster):
    execution = planned(cluster)
    let_pass(execution, 601)
    done = carry_out(execution, cluster)
    assert (done.status, done.reason, done.decision.reason) == (S.CANCELLED, "lapsed", Decision.Reason.DRIFTED)


@pytest.mark.parametrize("lost", [{"is_active": False}, {"role": "viewer"}], ids=["disabled", "demoted"])
def test_a_signer_who_may_no_longer_sign_ends_it(cluster, lost):
    execution = planned(cluster)
    signer = execution.approval.signatures.get().user
    for name, value in lost.items():
        setattr(signer, name, value)
    signer.save()
    assert carry_out(execution, cluster).reason == "signer"


def test_a_withdrawn_approval_ends_it(cluster):
    execution = planned(cluster)
    Approval.objects.update(status="withdrawn")
    assert carry_out(execution, cluster).reason == "withdrawn"


# Stop


def test_stopping_before_the_send_cancels_at_once(cluster, lead):
    execution = planned(cluster)
    stopped = executions.request_stop(execution, lead, reason="wrong one")
    assert (stopped.status, stopped.reason) == (S.CANCELLED, "stopped")
    assert Decision.objects.get(pk=execution.decision_id).reason == Decision.Reason.REJECTED
    carry_out(execution, cluster)
    assert not cluster.mutations
    assert AuditEntry.objects.get(act="execution.stop").actor == lead.name


def test_stopping_while_a_request_is_under_way_keeps_it_from_landing(cluster, lead):
    execution = unclear(cluster)
    executions.request_stop(execution, lead)
    done = carry_out(execution, cluster)
    assert (done.status, done.reason) == (S.CANCELLED, "stopped")
    cluster.release_late()
    assert not cluster.effects(execution.mark)


def test_stopping_what_has_landed_leads_to_its_verification(cluster, lead):
    execution = unclear(cluster, Fault.APPLIED_504)
    executions.request_stop(execution, lead)
    assert carry_out(execution, cluster).status == S.SUCCEEDED


def test_a_responder_may_not_stop(cluster):
    with pytest.raises(NotAllowed):
        executions.request_stop(planned(cluster), factories.make_principal("responder"))


def test_what_is_over_cannot_be_stopped(cluster, lead):
    execution = carry_out(planned(cluster), cluster)
    Execution.objects.update(verified_at=timezone.now())
    with pytest.raises(Conflict) as refused:
        executions.request_stop(execution, lead)
    assert refused.value.code == "over"


# No longer wanted


def test_what_nobody_wants_any_more_is_kept_from_landing(cluster):
    execution = unclear(cluster)
    Incident.objects.update(status="resolved")
    done = carry_out(execution, cluster)
    assert (done.status, done.reason) == (S.CANCELLED, "resolved")
    assert done.attempts.get(is_fence=True).outcome == "applied"
    cluster.release_late()
    assert not cluster.effects(execution.mark)


def test_what_landed_before_it_was_unwanted_is_recorded_as_done(cluster):
    execution = unclear(cluster, Fault.APPLIED_LOST)
    Incident.objects.update(status="resolved")
    assert carry_out(execution, cluster).status == S.SUCCEEDED


# Settle


@pytest.mark.parametrize(("effect", "status"), [(True, S.SUCCEEDED), (False, S.FAILED)])
def test_a_lead_who_has_looked_settles_it(cluster, lead, effect, status):
    execution = unclear(cluster)
    settled = executions.settle(execution, lead, effect=effect, reason="looked at the object")
    assert settled.status == status
    assert (settled.verify_due_at is not None) is effect
    assert settled.attempts.get().outcome == ("applied" if effect else "no_effect")


def test_settling_ends_whoever_reads_it_back(cluster, lead):
    execution = unclear(cluster)

    def settle(_: float) -> None:
        executions.settle(execution, lead, effect=False, reason="looked at the object")

    cluster.faults.append(Fault.LATE)
    done = carry_out(execution, cluster, wait=settle)
    assert (done.status, done.reason) == (S.FAILED, "settled")


def test_only_what_is_unclear_is_settled(cluster, lead):
    with pytest.raises(Conflict) as refused:
        executions.settle(planned(cluster), lead, effect=True, reason="")
    assert (refused.value.code, refused.value.state) == ("not_ambiguous", "planned")


# Undo


def test_what_is_still_verified_is_stopped_and_not_rolled_back(cluster, lead):
    execution = carry_out(planned(cluster, ScaleUp(target=factories.WEB, replicas=5)), cluster)
    with pytest.raises(Conflict) as refused:
        rollbacks.roll_back(execution, lead, "wrong")
    assert refused.value.code == "not_over"


def test_nothing_undoes_a_restart(cluster, lead):
    execution = carry_out(planned(cluster, RestartWorkload(target=factories.WEB)), cluster)
    Execution.objects.update(verified_at=timezone.now())
    with pytest.raises(Conflict) as refused:
        rollbacks.roll_back(execution, lead, "wrong")
    assert refused.value.code == "irreversible"


def test_an_undoing_puts_the_old_value_back_once(cluster, lead):
    execution = carry_out(planned(cluster, ScaleUp(target=factories.WEB, replicas=5)), cluster)
    Execution.objects.update(verified_at=timezone.now(), verification_result="success")
    undoing = rollbacks.roll_back(execution, lead, "not needed")
    carry_out(undoing, cluster)
    assert cluster.get("Deployment", "web")["spec"]["replicas"] == 3
    assert len(cluster.effects(undoing.mark)) == 1
    with pytest.raises(Conflict):
        rollbacks.roll_back(execution, lead, "again")


def test_an_undoing_leaves_alone_what_others_changed(cluster, lead):
    execution = carry_out(planned(cluster, ScaleUp(target=factories.WEB, replicas=5)), cluster)
    Execution.objects.update(verified_at=timezone.now(), verification_result="success")
    undoing = rollbacks.roll_back(execution, lead, "not needed")
    cluster.change("Deployment", "web", lambda web: web["spec"].update(replicas=7))
    done = carry_out(undoing, cluster)
    assert (done.status, done.reason) == (S.CANCELLED, "drifted")
    assert cluster.get("Deployment", "web")["spec"]["replicas"] == 7


# Learning


def test_a_target_that_refuses_is_learned_from(cluster):
    cluster.refuse_dry_run = "admission webhook denied the request"
    done = carry_out(planned(cluster), cluster)
    assert Outcome.objects.get(execution=done.pk).result == "refused"


def test_a_drift_moves_no_trust(cluster):
    execution = planned(cluster)
    cluster.delete("Deployment", "web")
    carry_out(execution, cluster)
    assert not Outcome.objects.exists()
