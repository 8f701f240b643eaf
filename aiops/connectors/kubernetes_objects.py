"""Kubernetes objects as they come: nothing is dropped that this program does not know.

A body is built from what was read, so a field that is lost in reading would be lost in the cluster.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from pydantic import JsonValue

from aiops.core.targets import Target


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the API serves a kind."""

    root: str
    plural: str
    api_version: str
    namespaced: bool = True


def _apps(plural: str) -> Resource:
    return Resource("apis/apps/v1", plural, "apps/v1")


def _core(plural: str, *, namespaced: bool = True) -> Resource:
    return Resource("api/v1", plural, "v1", namespaced)


RESOURCES: Mapping[str, Resource] = {
    "Deployment": _apps("deployments"),
    "StatefulSet": _apps("statefulsets"),
    "DaemonSet": _apps("daemonsets"),
    "ReplicaSet": _apps("replicasets"),
    "ControllerRevision": _apps("controllerrevisions"),
    "Pod": _core("pods"),
    "Service": _core("services"),
    "Event": _core("events"),
    "Namespace": _core("namespaces", namespaced=False),
    "Node": _core("nodes", namespaced=False),
    "PersistentVolumeClaim": _core("persistentvolumeclaims"),
    "Job": Resource("apis/batch/v1", "jobs", "batch/v1"),
    "CronJob": Resource("apis/batch/v1", "cronjobs", "batch/v1"),
    "HorizontalPodAutoscaler": Resource("apis/autoscaling/v2", "horizontalpodautoscalers", "autoscaling/v2"),
    "PodDisruptionBudget": Resource("apis/policy/v1", "poddisruptionbudgets", "policy/v1"),
    "StorageClass": Resource("apis/storage.k8s.io/v1", "storageclasses", "storage.k8s.io/v1", namespaced=False),
    "Ingress": Resource("apis/networking.k8s.io/v1", "ingresses", "networking.k8s.io/v1"),
    "Certificate": Resource("apis/cert-manager.io/v1", "certificates", "cert-manager.io/v1"),
}


@dataclass(frozen=True, slots=True)
class Ref:
    """One object of a cluster by name."""

    kind: str
    namespace: str | None
    name: str

    @classmethod
    def to(cls, target: Target) -> Self:
        return cls(target.kind, target.namespace, target.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def path(self) -> str:
        return f"{collection(self.kind, self.namespace)}/{self.name}"


def collection(kind: str, namespace: str | None) -> str:
    """The path under which objects of `kind` are listed and created; all namespaces where none is given."""
    resource = RESOURCES[kind]
    place = f"/namespaces/{namespace}" if resource.namespaced and namespace else ""
    return f"/{resource.root}{place}/{resource.plural}"


@dataclass(frozen=True, slots=True)
class KubeObject:
    """One object exactly as the server gave it, with readers that never fail: None, "", 0 or nothing for what is not there."""

    raw: dict[str, JsonValue]

    def at(self, *path: str | int) -> JsonValue:
        value: JsonValue = self.raw
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
                value = value[step]
            else:
                return None
        return value

    def text(self, *path: str | int) -> str:
        value = self.at(*path)
        return value if isinstance(value, str) else ""

    def number(self, *path: str | int, default: int = 0) -> int:
        value = self.at(*path)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def flag(self, *path: str | int) -> bool:
        return self.at(*path) is True

    def words(self, *path: str | int) -> dict[str, str]:
        """A map of strings, such as labels."""
        value = self.at(*path)
        return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}

    def each(self, *path: str | int) -> "Iterator[KubeObject]":
        """The objects of a list, such as containers or conditions."""
        value = self.at(*path)
        yield from (KubeObject(item) for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))

    def time(self, *path: str | int) -> datetime | None:
        try:
            return datetime.fromisoformat(self.text(*path).replace("Z", "+00:00")).astimezone(UTC)
        except ValueError:
            return None

    @property
    def kind(self) -> str:
        return self.text("kind")

    @property
    def name(self) -> str:
        return self.text("metadata", "name")

    @property
    def namespace(self) -> str:
        return self.text("metadata", "namespace")

    @property
    def uid(self) -> str:
        return self.text("metadata", "uid")

    @property
    def resource_version(self) -> str:
        return self.text("metadata", "resourceVersion")

    @property
    def generation(self) -> int:
        """0 for kinds that count none, such as nodes."""
        return self.number("metadata", "generation")

    @property
    def labels(self) -> dict[str, str]:
        return self.words("metadata", "labels")

    @property
    def annotations(self) -> dict[str, str]:
        return self.words("metadata", "annotations")

    @property
    def is_terminating(self) -> bool:
        return bool(self.text("metadata", "deletionTimestamp"))

    def condition(self, name: str) -> "KubeObject | None":
        return next((c for c in self.each("status", "conditions") if c.text("type") == name), None)

    def controller(self) -> "KubeObject | None":
        """The owner that manages this object."""
        return next((o for o in self.each("metadata", "ownerReferences") if o.flag("controller")), None)


def selects(selector: JsonValue, labels: Mapping[str, str]) -> bool:
    """Whether a label selector (`matchLabels` and `matchExpressions`) picks an object with `labels`; an empty one picks all."""
    if not isinstance(selector, dict):
        return False
    given = KubeObject(selector)
    if any(labels.get(key) != value for key, value in given.words("matchLabels").items()):
        return False
    return all(_expression(expression, labels) for expression in given.each("matchExpressions"))


def _expression(expression: KubeObject, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression.text("key")), expression.at("values")
    listed = isinstance(values, list) and value in values
    match expression.text("operator"):
        case "In":
            return listed
        case "NotIn":
            return not listed
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False


def label_query(selector: JsonValue) -> str:
    """The same selector as a `labelSelector` parameter."""
    given = KubeObject(selector if isinstance(selector, dict) else {})
    parts = [f"{key}={value}" for key, value in sorted(given.words("matchLabels").items())]
    for expression in given.each("matchExpressions"):
        key, values = expression.text("key"), expression.at("values")
        listed = ",".join(str(v) for v in values) if isinstance(values, list) else ""
        operators = {"In": f"{key} in ({listed})", "NotIn": f"{key} notin ({listed})", "Exists": key, "DoesNotExist": f"!{key}"}
        parts.append(operators.get(expression.text("operator"), ""))
    return ",".join(part for part in parts if part)
