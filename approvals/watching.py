"""Watch first: an act that may run alone waits to see whether its alert clears by itself (`trust-model.md` §6).

Meanwhile one signature acts now and a rejection stops it. When the time has come it acts only if the alert still fires
and everything that let it run alone still holds.
"""

from django.db import transaction
from django.db.models.functions import Now

from aiops import events
from aiops.core.errors import Conflict
from approvals import assessment, policy_in_force, replay, signatures, surveys
from approvals.models import Approval
from approvals.plans import DryRun, Plan
from incidents.models import Alert, Decision, TimelineEvent

BATCH = 50


def start_due() -> int:
    """Start what has been watched for long enough; returns how many were looked at."""
    due = Approval.objects.filter(status=Approval.Status.PENDING, auto_at__lte=Now())
    rows = list(due.order_by("auto_at")[:BATCH])
    return sum(start(approval) for approval in rows)


@transaction.atomic
def start(approval: Approval) -> bool:
    """Judge once more with what is known now, then act or ask a person. The brakes may have changed while watching."""
    surveys.take_budget_lock()
    approval = signatures.lock(approval)
    if not approval.is_pending or approval.auto_at is None or approval.decision.state != Decision.State.READY:
        return False
    held = policy_in_force.now()
    broker_up = events.broker_answers()
    plans = _as_seen(approval)
    verdict = assessment.judge_steps(approval.decision, plans, policy=held, broker_up=broker_up).verdict
    fires = approval.incident.alerts.filter(status=Alert.Status.FIRING).exists()
    Approval.objects.filter(pk=approval.pk).update(auto_at=None)
    if not (fires and (verdict.alone or verdict.watches)):
        Approval.objects.filter(pk=approval.pk).update(escalate_at=Now())
        unmet = next((reason.detail for reason in verdict.reasons if not reason.met), "the alert does not fire any more")
        TimelineEvent.record(approval.incident_id, "approval.watched", f"Does not run alone: {unmet}", status="wait")
        return True
    try:
        assessment.sign_alone(approval)
    except Conflict as error:
        Approval.objects.filter(pk=approval.pk).update(escalate_at=Now())
        TimelineEvent.record(approval.incident_id, "approval.watched", f"Does not run alone: {error.detail}", status="wait")
    return True


def _as_seen(approval: Approval) -> list[Plan]:
    """The plan that the approval was made from, step by step; execution looks at the live objects before it acts."""
    return [
        Plan(
            action=stored.typed_action,
            cluster=approval.cluster,
            target_uid="",
            touched=None,
            dry_run=DryRun(clean=stored.dry_run_clean, error=stored.dry_run_error),
            surroundings=stored.around,
        )
        for stored in replay.inputs_of(approval.decision.assessment or {})
    ]
