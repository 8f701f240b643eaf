"""Remove one pod through the Eviction API with its uid as precondition: a disruption budget is asked, never bypassed.

A uid dies once, so the request may be repeated; its version does not matter.
"""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, ChangeAction
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import marks, workloads
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.UID


def subject(action: Action) -> Ref:
    assert isinstance(action, ChangeAction)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    """A pod is not changed, it ends: which one it is says its uid."""
    return {"uid": subject.uid}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    return action


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    if subject.is_terminating:
        raise Conflict(f"pod {subject.name} is on its way out already", code="nothing_to_do", state="terminating")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    return eviction_of(subject, mark)


def eviction_of(pod: KubeObject, mark: Mark) -> Request:
    body: JsonValue = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "annotations": {marks.EXECUTION: mark.id}},
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }
    return Request(Ref("Pod", pod.namespace, pod.name), body, subresource="eviction")


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return is_gone(proof, uid)


def is_gone(pod: KubeObject | None, uid: str) -> bool:
    return pod is None or pod.uid != uid or pod.is_terminating


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    """Done once the old pod is gone and its owner has all its pods ready again, one of them younger than it."""
    if subject is not None and subject.uid == before.uid:
        return Progress(done=False, words=f"pod {before.name} is still there")
    if before.controller() is None:
        return Progress(done=True, words=f"pod {before.name} is gone; it belonged to no workload")
    owner = owner_of(before, api)
    if owner is None:
        return Progress(done=False, words="its workload is gone", failed="its workload is gone")
    pods = workloads.pods_of(owner, api)
    born = before.time("metadata", "creationTimestamp")
    younger = [p for p in pods if (at := p.time("metadata", "creationTimestamp")) and born and at >= born and p.uid != before.uid]
    wanted, up = workloads.replicas(owner), sum(workloads.is_ready(pod) for pod in pods)
    return Progress(
        done=up >= wanted and any(workloads.is_ready(pod) for pod in younger),
        words=f"{up} of {wanted} pods of {owner.name} ready",
        restarts=sum(workloads.restarts(pod) for pod in younger),
        crashing=workloads.crashing(younger),
        ready_at=min((at for pod in younger if (at := workloads.ready_since(pod))), default=None),
    )


def owner_of(pod: KubeObject, api: Api) -> KubeObject | None:
    """The workload behind a pod: its controller, and for a ReplicaSet the Deployment above it. None where it is gone."""
    if (owner := pod.controller()) is None:
        return None
    found = api.get(Ref(owner.text("kind"), pod.namespace, owner.text("name")))
    if found is not None and found.kind == "ReplicaSet" and (above := found.controller()) is not None:
        return api.get(Ref(above.text("kind"), pod.namespace, above.text("name")))
    return found
