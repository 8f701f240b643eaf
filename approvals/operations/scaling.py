"""Scale a workload to an absolute number, on the object itself: `/scale` has no annotations to carry the mark."""

import math

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, Scale, ScaleDown, ScaleUp
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import marks, owners, workloads
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.VERSION


def subject(action: Action) -> Ref:
    assert isinstance(action, Scale)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    return {"template": workloads.template(subject), "replicas": workloads.replicas(subject)}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    """Up by half, rounded up, at least one, at most the cap; down by a third, rounded up, never to nothing."""
    assert isinstance(action, Scale)
    if action.replicas is not None:
        return action
    now = workloads.replicas(subject)
    wanted = min(conf.max_replicas, max(now + 1, math.ceil(now * 1.5)))
    if isinstance(action, ScaleDown):
        wanted = max(1, now - max(1, math.ceil(now / 3)))
    return action.model_copy(update={"replicas": wanted})


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    assert isinstance(action, Scale)
    now, wanted = workloads.replicas(subject), action.replicas
    if hpa := owners.autoscaler_of(subject, api):
        raise Conflict(
            f"{subject.name} is scaled by the autoscaler {hpa}, which would undo it; change the autoscaler's limits instead",
            code="hpa_owner",
        )
    if wanted is not None and wanted > conf.max_replicas:
        raise Conflict(f"{wanted} replicas are more than the limit of {conf.max_replicas}", code="max_replicas")
    if wanted is None or (wanted <= now if isinstance(action, ScaleUp) else wanted >= now):
        way = "up" if isinstance(action, ScaleUp) else "down"
        raise Conflict(f"{subject.name} has {now} replicas; {wanted} is no scaling {way}", code="nothing_to_do", state=str(now))


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    assert isinstance(action, Scale)
    assert action.replicas is not None
    return _to(action.replicas, subject, mark)


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return proof is not None and marks.is_on(proof, mark)


def inverse(action: Action, before: KubeObject) -> Action | None:
    assert isinstance(action, Scale)
    back = ScaleDown if isinstance(action, ScaleUp) else ScaleUp
    return back(target=action.target, replicas=workloads.replicas(before))


def restore(before: JsonValue, subject: KubeObject, mark: Mark) -> Request:
    assert isinstance(before, dict)
    return _to(KubeObject(before).number("replicas"), subject, mark)


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    return workloads.progress(subject, api, before)


def _to(replicas: int, subject: KubeObject, mark: Mark) -> Request:
    body: JsonValue = {"metadata": marks.metadata(subject, mark), "spec": {"replicas": replicas}}
    return Request(Ref(subject.kind, subject.namespace, subject.name), body, Patch.MERGE)
