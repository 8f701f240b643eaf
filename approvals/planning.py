"""What would be done to the live object: absolute values, a dry run by the server, and what lies around."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from django.utils import timezone
from pydantic import JsonValue

from aiops.connectors import kubernetes_rights
from aiops.connectors.errors import Ambiguous, ConnectorError, Permanent, Transient
from aiops.connectors.kubernetes import Api, client_for
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import Action, Executor
from aiops.core.clusters import Cluster
from aiops.core.errors import Conflict, Unavailable
from approvals import surroundings
from approvals.changes import changes_between
from approvals.conf import ApprovalsConf
from approvals.operations import executor_of, operation_for
from approvals.operations.marks import Mark
from approvals.operations.operation import Operation
from approvals.plans import DryRun, Plan
from approvals.reach import Reach

REHEARSALS = 5


def plan(action: Action, cluster: Cluster, *, conf: ApprovalsConf) -> Plan:
    """The plan of `action` on `cluster` as it stands now. Changes nothing; takes a few reads and one dry run.

    Raises Conflict where it cannot be done as things are (`not_found`, `forbidden`, `paused`, `hpa_owner`,
    `gitops_owner`, `nothing_to_do` …), Unavailable where the cluster does not answer. A refused dry run is no error: the
    plan says so.
    """
    try:
        made = plan_with(Reach(cluster, conf), action, cluster.name, conf=conf)
        rights = _too_many_rights(made.action, cluster, conf)
    except Permanent as error:
        raise Conflict(error.detail, code=error.code) from error
    except ConnectorError as error:
        raise Unavailable(f"{_whom(action, cluster)} does not answer: {error.detail}", retry_after_s=10) from error
    return replace(made, surroundings=replace(made.surroundings, too_many_rights=rights))


def _whom(action: Action, cluster: Cluster) -> str:
    """Who is asked for the state of its target."""
    match executor_of(action):
        case Executor.SSH if action.target is not None:
            return action.target.name
        case Executor.JOB:
            return "the receiver of the job"
        case _:
            return f"cluster {cluster.name}"


def _too_many_rights(action: Action, cluster: Cluster, conf: ApprovalsConf) -> tuple[str, ...]:
    """Asked of the cluster each time, where the action is one of its own."""
    if executor_of(action) is not Executor.KUBERNETES:
        return ()
    api = client_for(cluster, read_timeout_s=conf.read_timeout_s, request_timeout_s=conf.request_timeout_s)
    namespace = action.target.namespace if action.target else None
    return kubernetes_rights.too_many(api, namespace or "default")


def plan_all(actions: Sequence[Action], cluster: Cluster, *, conf: ApprovalsConf) -> Plan:
    """The plan of several steps that are agreed to at once, all against the targets as they stand before the first."""
    first, *following = (plan(action, cluster, conf=conf) for action in actions)
    return replace(first, following=tuple(following))


def plan_with(api: Api, action: Action, cluster: str, *, conf: ApprovalsConf) -> Plan:
    """The same by a client at hand, with the connector's own errors."""
    operation = operation_for(action)
    subject = api.need(operation.subject(action))
    exact = operation.concretise(action, subject, api, conf)
    operation.refuse(exact, subject, api, conf)
    for attempt in range(REHEARSALS):
        try:
            rehearsal = _rehearse(api, operation, exact)
            break
        except Ambiguous as error:
            if error.status != 409 or attempt == REHEARSALS - 1:
                raise Transient(error.attempted, error.why) from error
    subject, dry_run = rehearsal
    return Plan(
        action=exact,
        cluster=cluster,
        target_uid=subject.uid,
        touched=operation.touched(subject),
        dry_run=dry_run,
        surroundings=surroundings.around(exact, subject, api, cluster=cluster),
    )


def _rehearse(api: Api, operation: Operation, action: Action) -> tuple[KubeObject, DryRun]:
    """Read the object and let the server try the very body on it; Ambiguous 409 if it moved in between."""
    subject = api.need(operation.subject(action))
    request = operation.request(action, subject, api, Mark(str(uuid.uuid4()), timezone.now()))
    began = time.monotonic()
    try:
        promised = api.send(request, dry_run=True)
    except Permanent as error:
        return subject, DryRun(clean=False, ms=_ms_since(began), error=error.detail)
    if not request.patch or request.subresource:
        lacks = promised.text("status", "unrehearsed")
        return subject, DryRun(clean=not lacks, ms=_ms_since(began), error=lacks)
    before: JsonValue = operation.touched(subject)
    changes = tuple(changes_between(before, operation.touched(promised)))
    return subject, DryRun(clean=True, ms=_ms_since(began), changes=changes)


def _ms_since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)
