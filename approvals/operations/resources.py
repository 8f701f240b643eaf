"""Adjust the limits of one container of a workload; requests follow where they would be larger."""

from decimal import Decimal

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api, Patch, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core import quantities
from aiops.core.actions import Action, AdjustResources
from aiops.core.errors import Conflict
from approvals.conf import ApprovalsConf
from approvals.operations import marks, rollback, workloads
from approvals.operations.marks import Mark
from approvals.operations.operation import Bound, Progress

BOUND = Bound.VERSION
RAISE_BY = Decimal("1.5")


def subject(action: Action) -> Ref:
    assert isinstance(action, AdjustResources)
    return Ref.to(action.target)


def touched(subject: KubeObject) -> JsonValue:
    return {"template": workloads.template(subject)}


def concretise(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> Action:
    """Half as much again of the memory limit of the container that was OOM-killed, where nothing else is asked for."""
    assert isinstance(action, AdjustResources)
    if action.container and (action.memory or action.cpu):
        return action
    name = action.container or _killed(subject, api) or _only(subject)
    if action.memory or action.cpu:
        return action.model_copy(update={"container": name})
    limit = _container(subject, name).text("resources", "limits", "memory")
    if not limit:
        raise Conflict(f"container {name} of {subject.name} has no memory limit to raise; give one", code="no_limit")
    return action.model_copy(update={"container": name, "memory": quantities.times(limit, RAISE_BY)})


def refuse(action: Action, subject: KubeObject, api: Api, conf: ApprovalsConf) -> None:
    assert isinstance(action, AdjustResources)
    workloads.refuse_paused(subject)
    workloads.refuse_on_delete(subject)
    now = _container(subject, action.container or "").words("resources", "limits")
    wanted = {"memory": action.memory, "cpu": action.cpu}
    if all(value is None or value == now.get(name) for name, value in wanted.items()):
        raise Conflict(f"container {action.container} of {subject.name} has these limits already", code="nothing_to_do")


def request(action: Action, subject: KubeObject, api: Api, mark: Mark) -> Request:
    assert isinstance(action, AdjustResources)
    old = _container(subject, action.container or "")
    limits: dict[str, JsonValue] = {}
    requests: dict[str, JsonValue] = {}
    for name, value in (("memory", action.memory), ("cpu", action.cpu)):
        if value is not None:
            limits[name] = value
            asked = old.text("resources", "requests", name)
            if asked and quantities.parse(asked) > quantities.parse(value):
                requests[name] = value
    changed: dict[str, JsonValue] = {"limits": limits}
    if requests:
        changed["requests"] = requests
    containers: JsonValue = [{"name": action.container, "resources": changed}]
    body: JsonValue = {
        "metadata": marks.metadata(subject, mark),
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    return Request(Ref(subject.kind, subject.namespace, subject.name), body, Patch.STRATEGIC)


def proof(action: Action, mark: Mark) -> Ref:
    return subject(action)


def has_landed(proof: KubeObject | None, uid: str, before: KubeObject, mark: Mark) -> bool:
    return proof is not None and marks.is_on(proof, mark)


def inverse(action: Action, before: KubeObject) -> Action | None:
    """The old limits, as far as there were any; the row keeps the old template itself."""
    assert isinstance(action, AdjustResources)
    old = _container(before, action.container or "").words("resources", "limits")
    kept = {name: old.get(name) for name in ("memory", "cpu") if getattr(action, name) is not None}
    return action.model_copy(update=kept)


def restore(before: JsonValue, subject: KubeObject, mark: Mark) -> Request:
    return rollback.restore(before, subject, mark)


def progress(action: Action, subject: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    return workloads.progress(subject, api, before)


def _container(workload: KubeObject, name: str) -> KubeObject:
    for container in workload.each("spec", "template", "spec", "containers"):
        if container.text("name") == name:
            return container
    raise Conflict(f"{workload.name} has no container {name}", code="no_container")


def _only(workload: KubeObject) -> str:
    names = [container.text("name") for container in workload.each("spec", "template", "spec", "containers")]
    if len(names) != 1:
        raise Conflict(f"{workload.name} has {len(names)} containers and none was OOM-killed; name one", code="no_container")
    return names[0]


def _killed(workload: KubeObject, api: Api) -> str:
    """The container that was last killed for want of memory, empty where none was."""
    for pod in workloads.pods_of(workload, api):
        for status in pod.each("status", "containerStatuses"):
            reasons = {status.text(state, "terminated", "reason") for state in ("state", "lastState")}
            if "OOMKilled" in reasons:
                return status.text("name")
    return ""
