"""A sandbox cluster to act on, and the way from an action to its end."""

from typing import Any

from django.conf import settings as django_settings
from django.utils import timezone

from aiops.core.actions import Action, RestartWorkload
from aiops.core.clusters import Cluster
from aiops.core.targets import Target
from approvals import execution as executions
from approvals import leases
from approvals.models import Approval, Execution
from approvals.planning import plan
from approvals.verification import verify
from incidents.models import Alert
from tests.approvals.acting import signed
from tests.sandbox_server import SandboxServer

S = Execution.Status
OVER = (S.SUCCEEDED, S.FAILED, S.CANCELLED)
SHORT: dict[str, Any] = {
    "lease_s": 1.5,
    "readback_after_s": (0.05, 0.1, 0.2, 0.4),
    "readback_every_s": 0.2,
    "retry_backoff_s": 0.2,
    "stable_for_s": 0.3,
    "alert_clears_within_s": 0.5,
    "verify_every_s": 0.0,
    "verify_within_s": 30.0,
}
TARGETS = [("shop", name) for name in ("web", "catalog", "cart", "order-worker")] + [
    ("payments", "checkout"),
    ("payments", "ledger"),
]


def use(sandbox: SandboxServer, settings: Any, **more: Any) -> None:
    """Configure `sandbox` as the one cluster, with leases, deadlines and waits cut short."""
    conf = django_settings.AIOPS
    settings.AIOPS = conf.model_copy(update={"approvals": conf.approvals.model_copy(update=SHORT | more)})
    settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=sandbox.kubeconfig, shadow=False),)


def target(n: int) -> Target:
    namespace, name = TARGETS[n % len(TARGETS)]
    return Target(kind="Deployment", namespace=namespace, name=name)


def agree(action: Action) -> Approval:
    return signed(plan(action, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals))


def planned(action: Action | int) -> Execution:
    action = RestartWorkload(target=target(action)) if isinstance(action, int) else action
    return executions.plan_execution(agree(action), autonomous=False, at=timezone.now())


def carry_on(execution: Execution, sandbox: SandboxServer, *, within_s: float = 30.0) -> Execution:
    """What the sweeper hands out, somebody does, until it is over."""

    def is_over() -> bool:
        for pk in leases.due():
            executions.execute(pk, who="second")
        execution.refresh_from_db()
        return execution.status in OVER

    sandbox.wait_for(is_over, within_s=within_s)
    return execution


def conclude(execution: Execution, sandbox: SandboxServer, *, cured: bool = True) -> Execution:
    """Verify it to the end; the alert clears once it has converged, if it is `cured`."""

    def is_verified() -> bool:
        verify(execution.pk)
        execution.refresh_from_db()
        if cured and execution.verification.get("memory", {}).get("converged_at"):
            firing = execution.incident.alerts.filter(status=Alert.Status.FIRING)
            firing.update(status=Alert.Status.RESOLVED, ended_at=timezone.now())
        return execution.verified_at is not None

    try:
        sandbox.wait_for(is_verified, within_s=40)
    except AssertionError:
        raise AssertionError(f"not verified: {execution.verification}") from None
    return execution


def told(execution: Execution) -> str:
    """How it stands, for a failed assertion."""
    execution.refresh_from_db()
    sent = [(a.n, a.outcome, a.status, a.error) for a in execution.attempts.all()]
    return f"{execution.status} {execution.reason} {execution.detail} {sent}"
