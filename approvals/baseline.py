"""How things stood before a change: the object itself, and how many ready pods its neighbours had."""

from collections import Counter

from pydantic import JsonValue

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes import Kubernetes
from aiops.connectors.kubernetes_objects import KubeObject
from approvals.operations import workloads
from approvals.operations.operation import Operation

# Bulky, and of no use for comparing, verifying or putting back.
_DROPPED = ("managedFields",)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def taken(api: Kubernetes, operation: Operation, subject: KubeObject) -> dict[str, JsonValue]:
    """What is kept of the moment before the change. `neighbours` is None where they cannot be read."""
    return {
        "subject": slim(subject).raw,
        "touched": operation.touched(subject),
        "neighbours": neighbours(api, subject),
    }


def slim(subject: KubeObject) -> KubeObject:
    metadata = subject.at("metadata")
    kept: dict[str, JsonValue] = dict(metadata) if isinstance(metadata, dict) else {}
    for name in _DROPPED:
        kept.pop(name, None)
    notes: dict[str, JsonValue] = {key: value for key, value in subject.annotations.items() if key != _LAST_APPLIED}
    return KubeObject({**subject.raw, "metadata": {**kept, "annotations": notes}})


def neighbours(api: Kubernetes, subject: KubeObject) -> dict[str, JsonValue] | None:
    """Ready pods a workload, of all workloads in the subject's namespace but the subject: `{"Deployment/api": 3}`."""
    if not subject.namespace:
        return {}
    try:
        pods = api.find("Pod", subject.namespace)
    except (Transient, Permanent):
        return None
    own = f"{subject.kind}/{subject.name}"
    counts = Counter(owner for pod in pods if workloads.is_ready(pod) and (owner := owner_name(pod)) != own)
    return dict(counts)


def owner_name(pod: KubeObject) -> str:
    """`Deployment/web` behind a pod of its ReplicaSet, by how ReplicaSets are named; the pod itself where it has none."""
    owner = pod.controller()
    if owner is None:
        return f"Pod/{pod.name}"
    kind, name = owner.text("kind"), owner.text("name")
    if kind == "ReplicaSet" and workloads.TEMPLATE_HASH in pod.labels:
        return f"Deployment/{name.removesuffix('-' + pod.labels[workloads.TEMPLATE_HASH])}"
    return f"{kind}/{name}"
