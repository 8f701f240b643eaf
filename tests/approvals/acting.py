"""An act that was agreed to, on a cluster in memory, and the ways in which a test carries it out."""

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import Action, RestartWorkload
from aiops.core.clusters import Cluster
from approvals import execution as executions
from approvals.models import Approval, Execution
from approvals.operations import operation_for
from approvals.plans import DryRun, Plan
from incidents.models import Incident
from tests import factories
from tests.approvals.memory_cluster import MemoryCluster

SANDBOX = Cluster(name="sandbox", in_cluster=True, shadow=False)
TIMES = ("due_at", "lease_until", "authorised_at", "unclear_since", "verify_due_at", "verify_until", "started_at", "escalated_at")


def agree(cluster: MemoryCluster, action: Action | None = None, **fields: Any) -> Approval:
    """An approval given by one lead to `action` on its target as it stands in the cluster."""
    action = action or RestartWorkload(target=factories.WEB)
    operation = operation_for(action)
    ref = operation.subject(action)
    subject = KubeObject(cluster.get(ref.kind, ref.name, ref.namespace or ""))
    return signed(Plan(action, "sandbox", subject.uid, operation.touched(subject), DryRun(clean=True)), **fields)


def signed(plan: Plan, *, incident: Incident | None = None, **fields: Any) -> Approval:
    """An approval of `plan` that one lead has given, for an incident whose alert fires."""
    action = plan.action
    if incident is None:
        incident = factories.make_incident(target=action.target)
        incident.root_alert = factories.make_alert(incident)
        incident.save()
    approval = factories.make_approval(
        factories.make_decision(incident, action=action),
        action=action,
        status="approved",
        target_uid=plan.target_uid,
        digest=plan.digest,
        **fields,
    )
    signer = factories.make_user("lead")
    approval.signatures.create(user=signer, by=signer.username, via="dashboard", digest=plan.digest)
    return approval


def planned(cluster: MemoryCluster, action: Action | None = None, **fields: Any) -> Execution:
    return executions.plan_execution(agree(cluster, action, **fields), autonomous=False, at=timezone.now())


def carry_out(execution: Execution, cluster: MemoryCluster, **options: Any) -> Execution:
    """Run the protocol in this process, without waiting."""
    options = {"who": "test", "connect": lambda _: cluster.client, "wait": lambda _: None} | options
    executions.execute(execution.pk, **options)
    execution.refresh_from_db()
    return execution


def let_pass(execution: Execution, seconds: float) -> None:
    """Time passes for this row: everything that was to come is nearer, everything past is further back."""
    Execution.objects.filter(pk=execution.pk).update(**{name: F(name) - timedelta(seconds=seconds) for name in TIMES})
    execution.refresh_from_db()
