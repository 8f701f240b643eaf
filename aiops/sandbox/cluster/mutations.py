"""The append-only log of every write that a client asked for: the referee of what really happened."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiops.sandbox.cluster.documents import MARK, MARKS, Document, annotations_of, dig, micro_stamp


@dataclass(frozen=True, slots=True)
class Mutation:
    """One write. An *effect* is applied, no dry run, and moved the generation or ended a uid.

    `mark` is the execution id that the request itself carries, None for a request of anybody else. `code` is what the
    API server decided; misbehaviour on the way back does not change it. `before` and `after` are the whole objects.
    """

    n: int
    at: datetime
    verb: str
    kind: str
    namespace: str
    name: str
    subresource: str
    uid: str
    account: str
    user_agent: str
    mark: str | None
    dry_run: bool
    applied: bool
    code: int
    reason: str
    before: Document | None
    after: Document | None

    @property
    def is_effect(self) -> bool:
        if not self.applied or self.dry_run:
            return False
        if self.verb in ("delete", "evict"):
            return self.ends_uid
        if self.before is None or self.generation_before != self.generation_after:
            return True
        # Nodes and claims have no generation, and cert-manager is told to renew by a status.
        if self.generation_before is None:
            return self.spec_changed
        return self.subresource == "status" and dig(self.before, "status") != dig(self.after, "status")

    @property
    def ends_uid(self) -> bool:
        """A pod told to go for the first time, or an object removed."""
        going = bool(dig(self.before, "metadata", "deletionTimestamp"))
        return self.verb in ("delete", "evict") and self.applied and not going

    @property
    def generation_before(self) -> int | None:
        return _generation(self.before)

    @property
    def generation_after(self) -> int | None:
        return None if self.ends_uid else _generation(self.after)

    @property
    def spec_changed(self) -> bool:
        return self.applied and self.after is not None and dig(self.before, "spec") != dig(self.after, "spec")

    @property
    def document(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "at": micro_stamp(self.at),
            "verb": self.verb,
            "object": {"kind": self.kind, "namespace": self.namespace or None, "name": self.name, "uid": self.uid},
            "subresource": self.subresource or None,
            "account": self.account,
            "user_agent": self.user_agent,
            "mark": self.mark,
            "dry_run": self.dry_run,
            "applied": self.applied,
            "code": self.code,
            "reason": self.reason,
            "generation_before": self.generation_before,
            "generation_after": self.generation_after,
            "resource_version_before": dig(self.before, "metadata", "resourceVersion"),
            "resource_version_after": dig(self.after, "metadata", "resourceVersion"),
            "spec_changed": self.spec_changed,
            "effect": self.is_effect,
        }


def _generation(document: Document | None) -> int | None:
    value = dig(document, "metadata", "generation")
    return None if value is None else int(value)


class MutationLog:
    """Numbered from 1, never cut."""

    def __init__(self) -> None:
        self.entries: list[Mutation] = []
        self.listeners: list[Callable[[Mutation], None]] = []

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"listeners": []}

    @property
    def next_number(self) -> int:
        return len(self.entries) + 1

    def append(self, mutation: Mutation) -> None:
        self.entries.append(mutation)
        for listener in self.listeners:
            listener(mutation)

    def after(self, n: int) -> list[Mutation]:
        return self.entries[max(0, n) :]


def mark_in(body: Any, before: Document | None) -> str | None:
    """The execution id that a request carries: in an annotation that it sets, or, for created objects, in a label.

    Marks that merely still stand on an object from an earlier write belong to that write. So a patch is asked what it
    names; a whole object (PUT) only what is new in it. Of a comma list the newest is the one that was not there before.
    """
    if isinstance(body, list):
        return _mark_of_operations(body, before)
    if not isinstance(body, dict):
        return None
    whole = "resourceVersion" in (body.get("metadata") or {}) and "spec" in body and "kind" in body
    for path in (("metadata",), ("spec", "template", "metadata")):
        named = {**(dig(body, *path, "labels") or {}), **(dig(body, *path, "annotations") or {})}
        there = dig(before, *path, "annotations") or {}
        if mark := _newest(named, there, only_new=whole and before is not None):
            return mark
    return _mark_in_conditions(body, before)


def _newest(named: dict[str, Any], there: dict[str, str], *, only_new: bool) -> str | None:
    for key in (MARK, MARKS):
        value = named.get(key)
        if not isinstance(value, str) or (only_new and there.get(key) == value):
            continue
        ids = [one.strip() for one in value.split(",") if one.strip()]
        old = {one.strip() for one in there.get(key, "").split(",")}
        fresh = [one for one in ids if one not in old]
        if found := fresh or ids:
            return found[-1]
    return None


def _mark_of_operations(operations: list[Any], before: Document | None) -> str | None:
    """A JSON Patch names an annotation in its path, or in the value that it puts at a path above it."""
    there = annotations_of(before) if before else {}
    for one in operations:
        if not isinstance(one, dict) or one.get("op") not in ("add", "replace"):
            continue
        steps = [step.replace("~1", "/").replace("~0", "~") for step in str(one.get("path", "")).split("/")[1:]]
        value = one.get("value")
        for step in reversed(steps):
            value = {step: value}
        for path in (("metadata",), ("spec", "template", "metadata")):
            if mark := _newest(dig(value, *path, "annotations") or {}, there, only_new=False):
                return mark
    return None


def _mark_in_conditions(body: Document, before: Document | None) -> str | None:
    """cert-manager's `Issuing` condition has no annotation of its own: the id stands in its message as `execution 7`."""
    old = {one.get("message") for one in dig(before, "status", "conditions") or []}
    for one in dig(body, "status", "conditions") or []:
        words = str(one.get("message", "")).replace("=", " ").replace(":", " ").split()
        if one.get("message") not in old and any(word in ("execution", MARK) for word in words[:-1]):
            place = next(i for i, word in enumerate(words) if word in ("execution", MARK))
            return words[place + 1].strip(".,()")
    return None
