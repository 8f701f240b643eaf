"""How things stood before a change: the object itself, and how many ready pods the workloads near it had."""

from collections import Counter
from collections.abc import Iterable

from pydantic import JsonValue

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes import Api
from aiops.connectors.kubernetes_objects import KubeObject
from approvals.operations import drain, workloads
from approvals.operations.operation import Operation

# Bulky, and of no use for comparing, verifying or putting back.
_DROPPED = ("managedFields",)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NODES, NAMESPACES = 5, 8  # looked at for neighbours; a bound on what one act reads


def taken(api: Api, operation: Operation, subject: KubeObject) -> dict[str, JsonValue]:
    """What is kept of the moment before the change. `neighbours` is None where they cannot be read; `pods` are a node's."""
    kept: dict[str, JsonValue] = {
        "subject": slim(subject).raw,
        "touched": operation.touched(subject),
        "neighbours": neighbours(api, subject),
    }
    if subject.kind == "Node":
        kept["pods"] = [pod.uid for pod in drain.movable(subject.name, api)]
    return kept


def slim(subject: KubeObject) -> KubeObject:
    metadata = subject.at("metadata")
    kept: dict[str, JsonValue] = dict(metadata) if isinstance(metadata, dict) else {}
    for name in _DROPPED:
        kept.pop(name, None)
    notes: dict[str, JsonValue] = {key: value for key, value in subject.annotations.items() if key != _LAST_APPLIED}
    return KubeObject({**subject.raw, "metadata": {**kept, "annotations": notes}})


def neighbours(api: Api, subject: KubeObject) -> dict[str, JsonValue] | None:
    """Ready pods of each workload near the subject, but of the subject: `{"shop/Deployment/cart": 3}`.

    Near is whatever shares its namespace, or a namespace with a pod on one of its nodes.
    """
    own = f"{subject.namespace}/{subject.kind}/{subject.name}"
    try:
        counts = ready_pods(api, _near(api, subject))
    except (Transient, Permanent):
        return None
    return {name: count for name, count in counts.items() if name != own}


def ready_pods(api: Api, namespaces: Iterable[str]) -> dict[str, int]:
    """How many ready pods each workload of `namespaces` has, by `namespace/Kind/name`."""
    counts: Counter[str] = Counter()
    for namespace in namespaces:
        counts.update(owner_name(pod) for pod in api.find("Pod", namespace) if workloads.is_ready(pod))
    return dict(counts)


def _near(api: Api, subject: KubeObject) -> list[str]:
    """Namespaces to look at, the subject's own first. An account that may see only that one sees only that one."""
    found = [subject.namespace] if subject.namespace else []
    if subject.kind == "Node":
        nodes = {subject.name}
    elif subject.at("spec", "selector") and subject.namespace:
        nodes = {pod.text("spec", "nodeName") for pod in workloads.pods_of(subject, api)}
    else:
        nodes = {subject.text("spec", "nodeName")}
    try:
        for node in sorted(nodes - {""})[:NODES]:
            found += [pod.namespace for pod in api.find("Pod", fields=f"spec.nodeName={node}")]
    except Permanent:
        pass
    return list(dict.fromkeys(found))[:NAMESPACES]


def owner_name(pod: KubeObject) -> str:
    """`shop/Deployment/web` behind a pod of its ReplicaSet, by how these are named; the pod itself where it has no owner."""
    owner = pod.controller()
    if owner is None:
        return f"{pod.namespace}/Pod/{pod.name}"
    kind, name = owner.text("kind"), owner.text("name")
    if kind == "ReplicaSet" and workloads.TEMPLATE_HASH in pod.labels:
        return f"{pod.namespace}/Deployment/{name.removesuffix('-' + pod.labels[workloads.TEMPLATE_HASH])}"
    return f"{pod.namespace}/{kind}/{name}"
