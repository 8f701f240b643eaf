"""What an action is aimed at, and the name patterns by which Kubernetes names its pods."""

import re
from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

# RFC 1123 subdomain, the names that Kubernetes accepts for objects.
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
# RFC 1123 label, the names of namespaces.
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# Machines may be written with capitals and underscores; a leading dash would be read as an option.
HOST = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.:]{0,251}[A-Za-z0-9])?")

WORKLOAD_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
CLUSTER_SCOPED = frozenset({"Node", "Namespace", "PersistentVolume"})
OUTSIDE_KUBERNETES = frozenset({"Host", "Endpoint", "Queue", "External"})
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})

# Generated suffixes use only these letters and digits (k8s.io/apimachinery/pkg/util/rand).
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_POD_OF_DEPLOYMENT = re.compile(rf"(?P<owner>.+)-(?P<hash>[{_SAFE}]{{7,10}})-[{_SAFE}]{{5}}")
_POD_OF_CRONJOB = re.compile(rf"(?P<owner>.+-\d{{8,10}})(-\d+)?-[{_SAFE}]{{5}}")
_JOB_OF_CRONJOB = re.compile(r"(?P<owner>.+)-\d{8,10}")  # the minute for which it was scheduled
_POD_OF_DAEMONSET = re.compile(rf"(?P<owner>.+)-[{_SAFE}]{{5}}")
_POD_OF_STATEFULSET = re.compile(r"(?P<owner>.+?)-\d{1,3}")


def is_name(text: str) -> bool:
    """Whether Kubernetes could have an object of that name."""
    return NAME.fullmatch(text) is not None


def is_namespace(text: str) -> bool:
    return LABEL.fullmatch(text) is not None


class Target(BaseModel):
    """One thing in the environment. `namespace` is None for what has none; `unit` is a service on a Host.

    A target that could not exist cannot be built: names are checked, so no text of an alert becomes part of a call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    namespace: str | None = None
    name: str
    unit: str | None = None

    @field_validator("kind")
    @classmethod
    def _kind(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]{0,62}", value):
            raise ValueError("a kind is written as Kubernetes does, such as Deployment")
        return value

    @field_validator("namespace")
    @classmethod
    def _namespace(cls, value: str | None) -> str | None:
        if value is not None and not is_namespace(value):
            raise ValueError("no namespace can have this name")
        return value

    @model_validator(mode="after")
    def _name(self) -> Self:
        if self.kind in OUTSIDE_KUBERNETES:
            if len(self.name) > 253 or not self.name.isprintable() or not self.name.strip():
                raise ValueError("a name is 1 to 253 printable characters")
            if self.kind == "Host" and not HOST.fullmatch(self.name):
                raise ValueError("no machine can have this name")
        elif not is_name(self.name):
            raise ValueError("no object can have this name")
        if self.unit is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}", self.unit):
            raise ValueError("no unit can have this name")
        return self

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}" + (f" ({self.unit})" if self.unit else "")

    @property
    def is_workload(self) -> bool:
        return self.kind in WORKLOAD_KINDS

    @property
    def is_system(self) -> bool:
        """Control plane and `kube-system`: whatever the action, changing it is critical."""
        return self.namespace in SYSTEM_NAMESPACES

    @property
    def resource(self) -> str:
        """The name without what differs from pod to pod or run to run: `web-7d9f8b6c5-x2xkz` → `web`."""
        if self.kind == "Job" and (run := _JOB_OF_CRONJOB.fullmatch(self.name)):
            return run["owner"]
        return strip_pod_hash(self.name) if self.kind == "Pod" else self.name


def owner_of_pod(namespace: str | None, pod: str) -> Target:
    """Guess the workload that made `pod` from how names are generated (`bench/corpus/README.md`, labels, 5).

    A label that names the owner, or the live API, beats this guess. A pod without a generated suffix is its own owner.
    """
    if namespace == "kube-system" and re.match(r"(etcd|kube-(apiserver|controller-manager|scheduler))-", pod):
        return Target(kind="Pod", namespace=namespace, name=pod)
    for pattern, kind in (
        (_POD_OF_CRONJOB, "Job"),
        (_POD_OF_DEPLOYMENT, "Deployment"),
        (_POD_OF_STATEFULSET, "StatefulSet"),
        (_POD_OF_DAEMONSET, "DaemonSet"),
    ):
        if match := pattern.fullmatch(pod):
            return Target(kind=kind, namespace=namespace, name=match["owner"])
    return Target(kind="Pod", namespace=namespace, name=pod)


def strip_pod_hash(pod: str) -> str:
    """The stable part of a pod's name; the name itself where nothing was generated."""
    return owner_of_pod(None, pod).name
