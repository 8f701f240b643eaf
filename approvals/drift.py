"""While an approval waits, its target may be changed by others: then it is withdrawn, its signatures are void, and a new
analysis begins (`reliability.md` §2.4). Execution looks again in any case; this keeps people from signing what is gone.
"""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.db.models.functions import Now

from aiops.access.principals import SYSTEM
from aiops.connectors.errors import ConnectorError, Transient
from aiops.connectors.kubernetes import Api
from aiops.core.actions import Action, load
from aiops.core.clusters import Cluster
from aiops.core.targets import OUTSIDE_KUBERNETES
from approvals import execution, policy_in_force
from approvals.models import Approval
from approvals.operations import operation_for
from approvals.plans import digest_of
from incidents import decision_state
from incidents.models import Decision

log = structlog.get_logger(__name__)
BATCH = 100
Connect = Callable[[Cluster], Api]


def look(*, connect: Connect | None = None) -> int:
    """Read the targets of what waits for signatures; returns how many were withdrawn. A cluster that is silent is no drift."""
    connect = connect or execution.connector(policy_in_force.now().approvals)
    waiting = Approval.objects.filter(status=Approval.Status.PENDING, expires_at__gt=Now())
    rows = waiting.select_related("decision", "incident").order_by("pk")[:BATCH]
    clusters = {cluster.name: cluster for cluster in settings.CLUSTERS}
    moved = 0
    for approval in rows:
        cluster = clusters.get(approval.cluster)  # one that is silent is asked once a round
        if cluster is None:
            continue
        try:
            changed = what_changed(approval, connect(cluster))
        except ConnectorError as error:
            if isinstance(error, Transient):
                clusters.pop(cluster.name)
            log.warning("approval.target_not_read", approval=approval.pk, error=str(error))
            continue
        if changed and decision_state.withdraw(approval.decision, Decision.Reason.DRIFTED, actor=SYSTEM, detail=changed):
            moved += 1
    return moved


def what_changed(approval: Approval, api: Api) -> str:
    """What is not as it was agreed to any more, in words; empty where everything is."""
    if not approval.steps:
        return _changed(approval.action, approval.digest, approval.target_uid, api)
    agreed = [(load(step["action"]), str(step["uid"]), step["touched"]) for step in approval.steps]
    words = (_changed(action, digest_of(action, uid, touched), uid, api) for action, uid, touched in agreed)
    return next(filter(None, words), "")


def _changed(action: Action, digest: str, uid: str, api: Api) -> str:
    if action.target is None or action.target.kind in OUTSIDE_KUBERNETES:
        return ""
    operation = operation_for(action)
    subject = api.get(operation.subject(action))
    if subject is None:
        return f"{action.target} is gone"
    if subject.uid != uid:
        return f"{action.target} was deleted and made again since it was proposed"
    if digest_of(action, subject.uid, operation.touched(subject)) != digest:
        return f"{action.target} was changed since it was proposed; signatures are void"
    return ""
