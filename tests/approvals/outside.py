"""An act that somebody else carries out, a machine or a job, followed to its end in real time."""

from django.conf import settings
from django.utils import timezone

from aiops.core.actions import Action
from approvals import execution as executions
from approvals import leases
from approvals.models import Execution
from approvals.planning import plan
from approvals.plans import Plan
from approvals.verification import verify
from incidents.models import Alert
from tests.approvals.acting import signed
from tests.product import wait_for


def planned_for(action: Action) -> Plan:
    return plan(action, settings.CLUSTERS[0], conf=settings.AIOPS.approvals)


def agreed(action: Action) -> Execution:
    """Planned as it would be now, signed, and waiting to be carried out."""
    return executions.plan_execution(signed(planned_for(action)), autonomous=False, at=timezone.now())


def carry_out(execution: Execution) -> Execution:
    """Whatever is due, again and again, until it is over."""

    def is_over() -> bool:
        for pk in leases.due():
            executions.execute(pk, who="test")
        execution.refresh_from_db()
        return not execution.is_active

    wait_for(is_over, within_s=60)
    return execution


def concluded(execution: Execution) -> Execution:
    """Verify it to its end; the alert clears as soon as it has converged."""

    def is_verified() -> bool:
        verify(execution.pk)
        execution.refresh_from_db()
        if execution.verification.get("memory", {}).get("converged_at"):
            firing = execution.incident.alerts.filter(status=Alert.Status.FIRING)
            firing.update(status=Alert.Status.RESOLVED, ended_at=timezone.now())
        return execution.verified_at is not None

    wait_for(is_verified, within_s=60)
    return execution
