"""Kubernetes objects are JSON documents; these are the few ways in which they are read and changed.

A document inside the store is never changed in place: clone it, change the clone, put that back.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

# An API server keeps what clients send, known field or not, so an object has no narrower type than this.
Document = dict[str, Any]
T = TypeVar("T")

MARKS = "aiops.dev/executions"  # a comma list of the last few execution ids
MARK = "aiops.dev/execution"


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """An object by name. `namespace` is empty for what has none."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def clone(value: T) -> T:
    """A deep copy of JSON, several times faster than `copy.deepcopy`."""
    if isinstance(value, dict):
        return {key: clone(item) if isinstance(item, dict | list) else item for key, item in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [clone(item) if isinstance(item, dict | list) else item for item in value]  # type: ignore[return-value]
    return value


def dig(document: Any, *path: str | int) -> Any:
    """The value at `path`, or None where any part of it is missing."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and -len(document) <= step < len(document):
            document = document[step]
        else:
            return None
    return document


def ref_of(document: Document) -> Ref:
    meta = document["metadata"]
    return Ref(str(document["kind"]), str(meta.get("namespace") or ""), str(meta["name"]))


def name_of(document: Document) -> str:
    return str(document["metadata"]["name"])


def namespace_of(document: Document) -> str:
    return str(document["metadata"].get("namespace") or "")


def uid_of(document: Document) -> str:
    return str(document["metadata"]["uid"])


def labels_of(document: Document) -> dict[str, str]:
    return document["metadata"].get("labels") or {}


def annotations_of(document: Document) -> dict[str, str]:
    return document["metadata"].get("annotations") or {}


def annotate(document: Document, **annotations: str) -> None:
    document["metadata"].setdefault("annotations", {}).update(annotations)


def is_terminating(document: Document) -> bool:
    return bool(document["metadata"].get("deletionTimestamp"))


def controller_of(document: Document) -> Document | None:
    """The owner reference that manages the object."""
    owners: list[Document] = document["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def owned_by(owner: Document) -> list[Document]:
    """What `ownerReferences` of a controlled object say."""
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": name_of(owner),
            "uid": uid_of(owner),
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def condition_of(document: Document, kind: str) -> Document | None:
    conditions: list[Document] = dig(document, "status", "conditions") or []
    return next((one for one in conditions if one.get("type") == kind), None)


def is_true(document: Document, condition: str) -> bool:
    found = condition_of(document, condition)
    return found is not None and found.get("status") == "True"


def with_condition(
    conditions: list[Document],
    kind: str,
    status: str,
    *,
    at: datetime,
    reason: str = "",
    message: str = "",
    updated: bool = False,
) -> list[Document]:
    """`conditions` with one of them set. Times move only with what they stand for, as the API machinery does it.

    `updated` keeps `lastUpdateTime` too, which Deployments have.
    """
    old = next((one for one in conditions if one["type"] == kind), None)
    new: Document = {"type": kind, "status": status}
    if reason:
        new["reason"] = reason
    if message:
        new["message"] = message
    turned = old is None or old["status"] != status
    new["lastTransitionTime"] = stamp(at) if turned or old is None else old["lastTransitionTime"]
    if updated:
        changed = turned or old is None or old.get("reason") != reason or old.get("message") != message
        new["lastUpdateTime"] = stamp(at) if changed or old is None else old.get("lastUpdateTime", stamp(at))
    if old is None:
        return [*conditions, new]
    return [new if one is old else one for one in conditions]


def stamp(at: datetime) -> str:
    """RFC 3339 in whole seconds, as Kubernetes writes times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
