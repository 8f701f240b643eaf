"""Undo what an act has made, as an act of its own, and only while the target is as that act left it."""

from django.db import transaction
from django.utils import timezone

from aiops.access import roles
from aiops.access.principals import Principal, record, require
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import Action, dump
from aiops.core.errors import Conflict
from approvals import steps
from approvals.execution import plan
from approvals.models import Execution
from approvals.operations import way_back
from learning.scopes import Scope


def inverse_of(execution: Execution) -> Action | None:
    """The action that puts back what `execution` has changed; None where nothing does."""
    if execution.direction == Execution.Direction.ROLLBACK or execution.status != Execution.Status.SUCCEEDED:
        return None
    before = KubeObject(execution.before).at("subject")
    if not isinstance(before, dict):
        return None
    back = way_back(execution.action)
    return back.inverse(execution.action, KubeObject(before)) if back else None


@transaction.atomic
def roll_back(execution: Execution, principal: Principal | None, reason: str) -> Execution:
    """Plan the execution that undoes `execution`; `principal` is None where its verification asks for it.

    Raises NotAllowed below lead; Conflict `not_over` while it is at work or being verified, `irreversible`,
    `already_planned`, and `target_busy` while something else is under way on the target.
    """
    if principal is not None:
        require(principal, roles.Act.ROLL_BACK)
    row = Execution.objects.select_for_update(of=("self",)).select_related("incident").get(pk=execution.pk)
    if row.status != Execution.Status.SUCCEEDED:
        raise Conflict(f"it is {row.status}; only what was done is rolled back", code="not_over", state=row.status)
    if principal is not None and row.verified_at is None:
        raise Conflict("it is still being verified; stop it instead", code="not_over", state=row.status)
    action = inverse_of(row)
    if action is None:
        raise Conflict(f"nothing undoes {row.action.action_class}", code="irreversible", state=row.status)
    scope = Scope.of(action, environment=row.environment, alert_name=row.alert_name)
    undoing = plan(
        Execution(
            approval=row.approval,
            incident=row.incident,
            decision=row.decision,
            step=row.step,
            direction=Execution.Direction.ROLLBACK,
            reverses=row,
            action_data=dump(action),
            agreed=steps.standing(row),
            cluster=row.cluster,
            target_key=row.target_key,
            autonomous=principal is None and row.autonomous,
            pattern=scope.pattern,
            environment=row.environment,
            namespace=row.namespace,
            alert_name=row.alert_name,
            planned_at=timezone.now(),
            detail=reason,
        )
    )
    Execution.objects.filter(pk=row.pk).update(rollback_triggered=True)
    if principal is not None:
        record(principal, roles.Act.ROLL_BACK, "execution", row.pk, incident=row.incident.ref, reason=reason)
    return undoing
