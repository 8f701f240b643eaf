"""Pods made from a template, and what is asked of them again and again."""

import json
from datetime import datetime, timedelta

from aiops.sandbox.cluster.documents import (
    Document,
    clone,
    dig,
    is_terminating,
    is_true,
    name_of,
    namespace_of,
    owned_by,
    parse_stamp,
)
from aiops.sandbox.cluster.quantities import quantity
from aiops.sandbox.cluster.store import SAFE

HASH_LABEL = "pod-template-hash"


def pod_of(owner: Document, name: str, *, node: str = "", labels: dict[str, str] | None = None) -> Document:
    """The pod that `owner`, which has a template, makes under that name; on `node` where it is placed already."""
    template: Document = clone(owner["spec"]["template"])
    meta = template.get("metadata") or {}
    document: Document = {
        "metadata": {
            "name": name,
            "namespace": namespace_of(owner),
            "labels": (meta.get("labels") or {}) | (labels or {}),
            "ownerReferences": owned_by(owner),
        },
        "spec": template["spec"],
        "status": {"phase": "Pending", "qosClass": qos_class(template["spec"])},
    }
    if name.startswith(name_of(owner) + "-"):
        document["metadata"]["generateName"] = name_of(owner) + "-"
    if meta.get("annotations"):
        document["metadata"]["annotations"] = meta["annotations"]
    if node:
        document["spec"]["nodeName"] = node
    return document


def qos_class(spec: Document) -> str:
    wanted = [container.get("resources") or {} for container in spec["containers"]]
    if all(not one.get("requests") and not one.get("limits") for one in wanted):
        return "BestEffort"
    same = all(one.get("requests") == one.get("limits") and {"cpu", "memory"} <= set(one.get("limits") or {}) for one in wanted)
    return "Guaranteed" if same else "Burstable"


def template_hash(template: Document) -> str:
    """A short stable name of a pod template, in the letters that Kubernetes uses (FNV-1a, then its safe encoding)."""
    return safe_hash(json.dumps(without_hash(template), sort_keys=True, separators=(",", ":")))


def safe_hash(text: str) -> str:
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(SAFE[ord(digit) % len(SAFE)] for digit in str(value))


def without_hash(template: Document) -> Document:
    """`template` without the label by which a ReplicaSet tells its pods."""
    labels = dig(template, "metadata", "labels") or {}
    rest = {key: value for key, value in labels.items() if key != HASH_LABEL}
    return template | {"metadata": (template.get("metadata") or {}) | {"labels": rest}}


def is_active(pod: Document) -> bool:
    """Counts for its controller: neither finished nor on its way out."""
    return dig(pod, "status", "phase") not in ("Succeeded", "Failed") and not is_terminating(pod)


def is_ready(pod: Document) -> bool:
    return is_true(pod, "Ready")


def ready_since(pod: Document) -> datetime | None:
    condition = next(
        (one for one in dig(pod, "status", "conditions") or [] if one["type"] == "Ready" and one["status"] == "True"), None
    )
    return parse_stamp(condition["lastTransitionTime"]) if condition else None


def is_available(pod: Document, min_ready_s: int, now: datetime) -> bool:
    """Ready for at least `min_ready_s`."""
    since = ready_since(pod)
    return since is not None and (min_ready_s == 0 or since + timedelta(seconds=min_ready_s) <= now)


def requests_of(pod: Document) -> tuple[float, float]:
    """Cores and bytes that the scheduler sets aside for the pod."""
    cpu = memory = 0.0
    for container in pod["spec"]["containers"]:
        wanted = dig(container, "resources", "requests") or {}
        cpu += quantity(wanted.get("cpu", 0))
        memory += quantity(wanted.get("memory", 0))
    return cpu, memory


def limit_of(pod: Document, name: str) -> float | None:
    """The first container's limit in base units; None where it has none."""
    value = dig(pod, "spec", "containers", 0, "resources", "limits", name)
    return None if value is None else quantity(value)


def restarts_of(pod: Document) -> int:
    return sum(int(one.get("restartCount", 0)) for one in dig(pod, "status", "containerStatuses") or [])
