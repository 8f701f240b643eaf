"""From step to step: the next one begins when the one before is verified, and what failed takes the earlier ones back.

A verdict other than success ends it. After a failure each earlier step that can be put back is, the last one first and
one at a time; each of them is verified, and none is begun over what somebody else has changed since.
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from aiops.core.actions import dump
from aiops.core.errors import Conflict
from approvals import execution as executions
from approvals import rollbacks, steps, surveys
from approvals.models import Approval, Execution
from incidents.models import Alert, TimelineEvent
from learning.scopes import Scope

log = structlog.get_logger(__name__)
BATCH = 50
RECENT = timedelta(hours=1)
S, V, D = Execution.Status, Execution.Verdict, Execution.Direction


def begin_next(execution: Execution) -> bool:
    """Plan the step that follows a verified one, in the transaction of its verdict. False where nothing follows.

    Nothing follows the last step, nor a step after which the alert has cleared: what it was for is done.
    """
    approval = execution.approval
    if execution.is_last_step or execution.stop_requested:
        return False
    if not execution.incident.alerts.filter(status__in=Alert.OPEN).exists():
        _note(execution, "The alert has cleared; the steps that are left are not needed", status="ok")
        return False
    number = execution.step + 1
    action = steps.action_of(approval, number)
    scope = Scope.of(action, environment=execution.environment, alert_name=execution.alert_name)
    done = approval.executions.filter(direction=D.FORWARD, step__lt=number).order_by("step")
    try:
        executions.plan(
            Execution(
                approval=approval,
                incident=execution.incident,
                decision=execution.decision,
                step=number,
                action_data=dump(action),
                agreed=steps.agreed(approval, number, done=list(done)),
                cluster=approval.cluster,
                target_key=surveys.plan_key(execution.incident, action),
                autonomous=execution.autonomous,
                pattern=scope.pattern,
                environment=scope.environment,
                namespace=scope.namespace,
                alert_name=scope.alert_name,
                planned_at=timezone.now(),
            )
        )
    except Conflict as refused:
        _note(execution, f"Step {number} is not begun: {refused.detail}", status="bad")
        return False
    return True


def _note(execution: Execution, words: str, *, status: str) -> None:
    TimelineEvent.record(execution.incident_id, "execution.steps", words, status=status)


def unwind_due() -> int:
    """Take back the earlier steps of what failed lately; returns how many were begun. Found again until nothing is left."""
    failed = Execution.objects.filter(
        Q(status=S.FAILED, finished_at__gt=Now() - RECENT) | Q(verification_result=V.FAILED, verified_at__gt=Now() - RECENT),
        direction=D.FORWARD,
        step__gt=1,
    )
    rows = Approval.objects.filter(pk__in=failed.values("approval")).order_by("pk")[:BATCH]
    return sum(unwind(approval) for approval in rows)


@transaction.atomic
def unwind(approval: Approval) -> bool:
    """Begin to put back the newest step that stands; False while another is being put back, or nothing is left to do."""
    step = to_unwind(Approval.objects.select_for_update().get(pk=approval.pk))
    if step is None:
        return False
    try:
        rollbacks.roll_back(step, None, "A later step failed")
    except Conflict as refused:
        log.warning("step.not_rolled_back", execution_id=str(step.pk), code=refused.code, detail=refused.detail)
        return False
    return True


def to_unwind(approval: Approval) -> Execution | None:
    """The step that is put back next. None: nothing is, or one is at work, or one could not be put back."""
    rows = list(approval.executions.select_related("approval", "incident", "decision").order_by("-step"))
    undoing = [row for row in rows if row.direction == D.ROLLBACK]
    if any(row.verification_result != V.SUCCESS for row in undoing):
        return None  # it is under way, or a person was asked because it did not work
    undone = {row.step for row in undoing}
    for row in rows:
        if row.direction == D.ROLLBACK or row.step in undone:
            continue
        if row.is_active or (row.status == S.SUCCEEDED and row.verified_at is None):
            return None  # a step is still at work
        if rollbacks.inverse_of(row) is not None:
            return row
    return None


def is_unwinding(approval: Approval) -> bool:
    """Whether earlier steps are being put back, or are about to be."""
    undoing = approval.executions.filter(direction=D.ROLLBACK)
    at_work = undoing.filter(Q(status__in=Execution.ACTIVE) | Q(status=S.SUCCEEDED, verified_at=None))
    return at_work.exists() or (approval.step_count > 1 and to_unwind(approval) is not None)
