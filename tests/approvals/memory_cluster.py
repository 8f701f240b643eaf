"""A Kubernetes API server in memory: versions, generations, preconditions, patches, evictions, dry runs, and a log of effects.

It has the storage rules and no controllers. `transport` puts it behind the product's own client; `faults` says what the
network does to the next change.
"""

import copy
import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import httpx2
from lightkube.config.kubeconfig import KubeConfig

from aiops.connectors.kubernetes import Kubernetes

EXECUTION = "aiops.dev/execution"
PLURALS = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "controllerrevisions": "ControllerRevision",
    "pods": "Pod",
    "nodes": "Node",
    "jobs": "Job",
    "cronjobs": "CronJob",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "poddisruptionbudgets": "PodDisruptionBudget",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "storageclasses": "StorageClass",
    "certificates": "Certificate",
    "namespaces": "Namespace",
}
Key = tuple[str, str, str]


class Fault(Enum):
    """What happens to one change on its way."""

    NONE = auto()
    REFUSED = auto()  # nothing leaves
    LOST = auto()  # it leaves and never arrives: reset
    APPLIED_LOST = auto()  # it lands, the answer does not: reset
    APPLIED_504 = auto()  # it lands, the answer says nothing
    APPLIED_409 = auto()  # it lands, and something on the way sends it again: the answer is that of the second
    LATE = auto()  # 504 now, it arrives later
    ERROR_500 = auto()  # it does not land, the answer says nothing
    CONFLICT = auto()  # 409 without a cause
    RATE_LIMIT = auto()


@dataclass(frozen=True)
class Mutation:
    """One write that was applied. `is_effect`: it moved the generation, deleted a uid, or created something."""

    key: Key
    uid: str
    mark: str
    is_effect: bool


@dataclass
class MemoryCluster:
    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    mutations: list[Mutation] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    late: list[Callable[[], object]] = field(default_factory=list)
    is_down: bool = False
    refuse_dry_run: str = ""
    before_change: Callable[[], None] | None = None  # runs as a change arrives, before it is applied
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    # What tests do to it

    def put(self, kind: str, name: str, namespace: str = "shop", **parts: Any) -> dict[str, Any]:
        """A new object, or another one in its place, with a uid of its own."""
        n = next(self._numbers)
        metadata = {"name": name, "namespace": namespace, "uid": f"uid-{n}", "resourceVersion": str(n), "generation": 1}
        metadata["creationTimestamp"] = "2026-01-01T00:00:00Z"
        given = parts.pop("metadata", {})
        self.objects[(kind, namespace, name)] = obj = {"kind": kind, "metadata": metadata | given, **parts}
        return obj

    def change(self, kind: str, name: str, edit: Callable[[dict[str, Any]], object], namespace: str = "shop") -> None:
        """What anybody else does to an object: a new version, and a new generation where the spec moved."""
        self._write((kind, namespace, name), edit, mark="")

    def delete(self, kind: str, name: str, namespace: str = "shop") -> None:
        gone = self.objects.pop((kind, namespace, name), None)
        if gone is not None:
            self.mutations.append(Mutation((kind, namespace, name), gone["metadata"]["uid"], "", True))

    def get(self, kind: str, name: str, namespace: str = "shop") -> dict[str, Any]:
        return self.objects[(kind, namespace, name)]

    def effects(self, mark: str) -> list[Mutation]:
        return [m for m in self.mutations if m.mark == mark and m.is_effect]

    def release_late(self, index: int = 0) -> None:
        """One of the requests that were answered 504 arrives now."""
        self.late.pop(index)()

    @property
    def client(self) -> Kubernetes:
        config = KubeConfig.from_server("http://cluster.test").get()
        return Kubernetes(config=config, transport=httpx2.MockTransport(self.handle))

    # What it does

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_down:
            raise httpx2.ConnectError("connection refused")
        if request.method == "GET":
            return self._read(request)
        if request.url.params.get("dryRun") == "All":
            if self.refuse_dry_run:
                return _status(422, self.refuse_dry_run)
            return self.apply(request, dry_run=True)
        return self._misbehave(request, self.faults.popleft() if self.faults else Fault.NONE)

    def _misbehave(self, request: httpx2.Request, fault: Fault) -> httpx2.Response:
        match fault:
            case Fault.REFUSED:
                raise httpx2.ConnectError("connection refused")
            case Fault.LOST:
                raise httpx2.ReadError("connection reset")
            case Fault.LATE:
                self.late.append(lambda: self.apply(request))
                return _status(504, "timeout")
            case Fault.ERROR_500:
                return _status(500, "internal error")
            case Fault.CONFLICT:
                return _status(409, "the object has been modified", reason="Conflict")
            case Fault.RATE_LIMIT:
                return _status(429, "too many requests")
        answer = self.apply(request)
        if fault is Fault.APPLIED_LOST:
            raise httpx2.ReadError("connection reset")
        if fault is Fault.APPLIED_409:
            return self.apply(request)
        return _status(504, "timeout") if fault is Fault.APPLIED_504 else answer

    def apply(self, request: httpx2.Request, *, dry_run: bool = False) -> httpx2.Response:
        if self.before_change is not None and not dry_run:
            self.before_change()
        kind, namespace, name, subresource = _place(request.url.path)
        body = json.loads(request.content)
        if subresource == "eviction":
            return self._evict((kind, namespace, name), body, dry_run=dry_run)
        if request.method == "POST":
            return self._create(kind, namespace, body, dry_run=dry_run)
        key = (kind, namespace, name)
        if key not in self.objects:
            return _status(404, f"{name} not found")
        return self._patch(key, request.headers["Content-Type"], body, dry_run=dry_run)

    def _patch(self, key: Key, content_type: str, body: Any, *, dry_run: bool) -> httpx2.Response:
        now = self.objects[key]
        wanted = _version_of(body)
        if wanted and wanted != now["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified", reason="Conflict")
        if dry_run:
            copied = copy.deepcopy(now)
            _edit(copied, content_type, body)
            return httpx2.Response(200, json=copied)
        mark = json.dumps(body)
        self._write(key, lambda obj: _edit(obj, content_type, body), mark=_mark_in(mark))
        return httpx2.Response(200, json=copy.deepcopy(self.objects[key]))

    def _write(self, key: Key, edit: Callable[[dict[str, Any]], object], *, mark: str) -> None:
        obj = self.objects[key]
        spec = copy.deepcopy(obj.get("spec"))
        uid = obj["metadata"]["uid"]
        edit(obj)
        obj["metadata"]["resourceVersion"] = str(next(self._numbers))
        moved = obj.get("spec") != spec
        if moved:
            obj["metadata"]["generation"] = obj["metadata"].get("generation", 0) + 1
        self.mutations.append(Mutation(key, uid, mark, moved))

    def _create(self, kind: str, namespace: str, body: Any, *, dry_run: bool) -> httpx2.Response:
        name = body["metadata"]["name"]
        if (kind, namespace, name) in self.objects:
            return _status(409, f"{name} already exists", reason="AlreadyExists")
        if dry_run:
            return httpx2.Response(201, json=body)
        given = body["metadata"]
        obj = self.put(kind, name, namespace, spec=body.get("spec", {}), metadata=given)
        mark = given.get("annotations", {}).get(EXECUTION, "")
        self.mutations.append(Mutation((kind, namespace, name), obj["metadata"]["uid"], mark, True))
        return httpx2.Response(201, json=copy.deepcopy(obj))

    def _evict(self, key: Key, body: Any, *, dry_run: bool) -> httpx2.Response:
        pod = self.objects.get(key)
        if pod is None:
            return _status(404, "pod not found")
        if body["deleteOptions"]["preconditions"]["uid"] != pod["metadata"]["uid"]:
            return _status(409, "the UID in the precondition does not match", reason="Conflict")
        budgets = [o for (kind, ns, _), o in self.objects.items() if kind == "PodDisruptionBudget" and ns == key[1]]
        if any(budget["status"]["disruptionsAllowed"] < 1 for budget in budgets):
            causes = [{"reason": "DisruptionBudget", "message": "The disruption budget web needs 3 healthy pods and has 3"}]
            return _status(429, "Cannot evict pod as it would violate the pod's disruption budget.", causes=causes)
        if not dry_run:
            del self.objects[key]
            self.mutations.append(Mutation(key, pod["metadata"]["uid"], body["metadata"]["annotations"].get(EXECUTION, ""), True))
        return _status(201, "", kind="Status")

    def _read(self, request: httpx2.Request) -> httpx2.Response:
        kind, namespace, name, _ = _place(request.url.path)
        if name:
            found = self.objects.get((kind, namespace, name))
            return httpx2.Response(200, json=found) if found else _status(404, f"{name} not found")
        wanted = dict(part.split("=", 1) for part in request.url.params.get("labelSelector", "").split(",") if "=" in part)
        items = [
            obj
            for (k, ns, _), obj in self.objects.items()
            if k == kind and (not namespace or ns == namespace) and wanted.items() <= obj["metadata"].get("labels", {}).items()
        ]
        return httpx2.Response(200, json={"kind": f"{kind}List", "metadata": {}, "items": items})


def deployment(cluster: MemoryCluster, name: str = "web", *, replicas: int = 3, image: str = "web:1") -> dict[str, Any]:
    """A Deployment as most are, without its pods."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": image, "resources": {"limits": {"memory": "256Mi"}}}]},
    }
    return cluster.put(
        "Deployment",
        name,
        spec={"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
        status={"observedGeneration": 1, "replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas},
    )


def _place(path: str) -> tuple[str, str, str, str]:
    """Kind, namespace, name and subresource of an API path."""
    parts = path.strip("/").split("/")
    parts = parts[3:] if parts[0] == "apis" else parts[2:]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    name = parts[1] if len(parts) > 1 else ""
    return PLURALS[parts[0]], namespace, name, parts[2] if len(parts) > 2 else ""


def _status(code: int, message: str, *, reason: str = "", kind: str = "Status", causes: Any = ()) -> httpx2.Response:
    details = {"causes": list(causes)}
    return httpx2.Response(code, json={"kind": kind, "code": code, "reason": reason, "message": message, "details": details})


def _version_of(body: Any) -> str:
    if isinstance(body, list):
        return next((op["value"] for op in body if op["path"] == "/metadata/resourceVersion"), "")
    return str(body.get("metadata", {}).get("resourceVersion", ""))


def _mark_in(text: str) -> str:
    """The execution id that a body carries, however it is written."""
    body = json.loads(text)
    if isinstance(body, list):
        return next((op["value"].get(EXECUTION, "") for op in body if op["path"] == "/metadata/annotations"), "")
    return str(body.get("metadata", {}).get("annotations", {}).get(EXECUTION, ""))


def _edit(obj: dict[str, Any], content_type: str, body: Any) -> None:
    if "json-patch" in content_type:
        for op in body:
            _set(obj, op["path"].strip("/").split("/"), op["value"])
    else:
        _merge(obj, body, by_name="strategic" in content_type)


def _set(obj: Any, path: list[str], value: Any) -> None:
    for step in path[:-1]:
        obj = obj.setdefault(step.replace("~1", "/"), {})
    obj[path[-1].replace("~1", "/")] = value


def _merge(into: dict[str, Any], patch: dict[str, Any], *, by_name: bool) -> None:
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            _merge(into.setdefault(key, {}), value, by_name=by_name)
        elif isinstance(value, list) and by_name and key == "containers":
            for item in value:
                same = next(old for old in into[key] if old["name"] == item["name"])
                _merge(same, item, by_name=True)
        else:
            into[key] = value
