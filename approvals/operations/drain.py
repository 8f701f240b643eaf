"""Take a node out of service: cordon it at its version; its pods are evicted one by one afterwards (`draining`)."""

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import Action, ChangeAction, CordonDrainNode
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import marks
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.VERSION
# Taints that the node controller sets by itself, the one for an unschedulable node among them.
_BY_CONTROLLER = "node.kubernetes.io/"
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def subject(action: Action) -> Ref:
    assert isinstance(action, ChangeAction)
    return Ref("Node", None, action.target.name)


def touched(subject: KubeObject) -> JsonValue:
    taints: list[JsonValue] = [
        taint.raw for taint in subject.each("spec", "taints") if not taint.text("key").startswith(_BY_CONTROLLER)
    ]
    return {"unschedulable": subject.flag("spec", "unschedulable"), "taints": taints}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    return action


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    if any(label in subject.labels for label in _CONTROL_PLANE):
        raise Conflict(f"{subject.name} runs the control plane; drain it by hand", code="control_plane")
    others = [node for node in api.find("Node") if node.name != subject.name and node.flag("spec", "unschedulable")]
    if len(others) >= conf.drain_limit:
        names = ", ".join(node.name for node in others)
        raise Conflict(f"{names} is out of service already; {conf.drain_limit} at once is the limit", code="drain_limit")
    if subject.flag("spec", "unschedulable"):
        raise Conflict(f"{subject.name} is cordoned already", code="nothing_to_do", state="cordoned")
    bare = [pod.name for pod in movable(subject.name, api) if pod.controller() is None]
    if bare:
        raise Conflict(f"nothing would make these pods of {subject.name} again: {', '.join(bare)}", code="bare_pods")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    return _cordoned(True, subject, mark)


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return proof is not None and marks.is_on(proof, mark)


def inverse(action: Action, before: KubeObject) -> Action | None:
    """Uncordon: the half of it that can be undone. Named as the drain that it undoes."""
    assert isinstance(action, CordonDrainNode)
    return action


def restore(before: JsonValue, subject: KubeObject, mark: Mark) -> Request:
    return _cordoned(KubeObject(before if isinstance(before, dict) else {}).flag("unschedulable"), subject, mark)


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    """Empty but for what belongs to the node itself."""
    if subject is None:
        return Progress(done=False, words="the node is gone", failed="the node is gone")
    if not subject.flag("spec", "unschedulable"):
        return Progress(done=True, words="in service")  # of the undoing
    left = movable(subject.name, api)
    staying = [pod for pod in left if not pod.is_terminating]
    if staying:
        words = f"{len(staying)} pods stay, as their disruption budgets want: {', '.join(pod.name for pod in staying[:5])}"
        return Progress(done=False, words=words, failed=words)
    return Progress(done=not left, words=f"{len(left)} pods on their way out")


def movable(node: str, api: Api) -> list[KubeObject]:
    """The pods that a drain takes away: not mirror pods, not those of DaemonSets, not those that are over."""
    return [pod for pod in api.find("Pod", fields=f"spec.nodeName={node}") if _moves(pod)]


def _moves(pod: KubeObject) -> bool:
    owner = pod.controller()
    is_mirror = "kubernetes.io/config.mirror" in pod.annotations
    is_over = pod.text("status", "phase") in ("Succeeded", "Failed")
    return not is_mirror and not is_over and (owner is None or owner.text("kind") not in ("DaemonSet", "Node"))


def _cordoned(value: bool, subject: KubeObject, mark: Mark) -> Request:
    body: JsonValue = {"metadata": marks.metadata(subject, mark), "spec": {"unschedulable": value}}
    return Request(Ref("Node", None, subject.name), body, Patch.MERGE)
