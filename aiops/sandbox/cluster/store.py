"""The one store of objects: revisions, optimistic concurrency, owners, and the changes that watchers read."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any
from uuid import UUID

from aiops.sandbox.cluster.documents import Document, clone, controller_of, namespace_of, stamp, uid_of
from aiops.sandbox.cluster.resources import DEPLOYMENTS, Resource

Key = tuple[str, str]  # namespace ("" for cluster scope) and name
# Vowels and look-alikes are left out (k8s.io/apimachinery/pkg/util/rand).
SAFE = "bcdfghjklmnpqrstvwxz2456789"
HISTORY = 20_000  # changes that a watch can still ask for


class Happened(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `previous` is the object before it, None for a new one; a deleted one is `document`, at its last state."""

    revision: int
    happened: Happened
    resource: Resource
    document: Document
    previous: Document | None = None


class Stale(Exception):
    """The object is no longer at the revision that the writer saw."""


class Store:
    """Objects by resource, namespace and name. Every write that changes something moves the one revision counter.

    Documents that go in or come out are shared and never changed in place.
    """

    def __init__(self, now: Callable[[], datetime], random: Random) -> None:
        self.now = now
        self.revision = 1000
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self.listeners: list[Callable[[Change], None]] = []
        self._random = random
        self._objects: dict[Resource, dict[Key, Document]] = {}
        self._owned: dict[str, set[tuple[Resource, Key]]] = {}  # by the uid of the managing owner

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"listeners": []}

    # reading

    def find(self, resource: Resource, namespace: str, name: str) -> Document | None:
        return self._objects.get(resource, {}).get((namespace, name))

    def all(self, resource: Resource, namespace: str = "") -> list[Document]:
        """Sorted by namespace and name; of one namespace where one is given."""
        objects = self._objects.get(resource, {})
        return [
            document
            for key, document in sorted(objects.items(), key=lambda pair: pair[0])
            if not namespace or key[0] == namespace
        ]

    def each(self, resource: Resource) -> Iterator[Document]:
        """In no order, for loops that neither sort nor write."""
        return iter(self._objects.get(resource, {}).values())

    def owned(self, owner: Document, resource: Resource) -> list[Document]:
        """What `owner` manages, oldest first."""
        keys = self._owned.get(uid_of(owner), ())
        found = [self._objects[which][key] for which, key in keys if which is resource]
        return sorted(found, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))

    def dependants(self, uid: str) -> list[tuple[Resource, Document]]:
        return [(resource, self._objects[resource][key]) for resource, key in sorted(self._owned.get(uid, ()), key=str)]

    def has_uid(self, resource: Resource, namespace: str, name: str, uid: str) -> bool:
        found = self.find(resource, namespace, name)
        return found is not None and uid_of(found) == uid

    def suffix(self, length: int = 5) -> str:
        """Random letters as Kubernetes draws them for generated names."""
        return "".join(self._random.choice(SAFE) for _ in range(length))

    def new_uid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    # writing

    def add(self, resource: Resource, document: Document) -> Document:
        """Store a new object, with uid, creation time and revision. KeyError where the name is taken."""
        key = _key(resource, document)
        objects = self._objects.setdefault(resource, {})
        if key in objects:
            raise KeyError(key)
        return self._put(Happened.ADDED, resource, key, self.born(resource, document), None)

    def born(self, resource: Resource, document: Document) -> Document:
        """`document` as a new object would look, without storing it."""
        meta = dict(document["metadata"])
        meta["uid"] = meta.get("uid") or self.new_uid()
        meta["creationTimestamp"] = meta.get("creationTimestamp") or stamp(self.now())
        if resource.specced:
            meta["generation"] = 1
        if not resource.namespaced:
            meta.pop("namespace", None)
        return {"apiVersion": resource.api_version, "kind": resource.kind} | document | {"metadata": meta}

    def put(self, resource: Resource, document: Document, *, at: str = "") -> Document:
        """Replace an object. `at` is the revision that it must still have (Stale). Writing what is there changes nothing."""
        key = _key(resource, document)
        old = self._objects[resource][key]
        if at and old["metadata"]["resourceVersion"] != at:
            raise Stale
        document = self.evolved(resource, old, document)
        if document == old:
            return old
        return self._put(Happened.MODIFIED, resource, key, document, old)

    def evolved(self, resource: Resource, old: Document, document: Document) -> Document:
        """`document` as the successor of `old`: what nobody may change is kept, the generation counts spec changes.

        Deployments count changed annotations too, as their registry strategy does.
        """
        before, meta = old["metadata"], dict(document["metadata"])
        for fixed in ("uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp"):
            if fixed in before and (fixed != "deletionTimestamp" or fixed not in meta):
                meta[fixed] = before[fixed]
        if resource.specced:
            moved = document.get("spec") != old.get("spec")
            if resource is DEPLOYMENTS and (meta.get("annotations") or {}) != (before.get("annotations") or {}):
                moved = True
            meta["generation"] = before.get("generation", 1) + moved
        return document | {"apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": meta}

    def edit(self, resource: Resource, namespace: str, name: str, change: Callable[[Document], None]) -> Document | None:
        """Apply `change` to a copy and store that; None where the object is gone."""
        old = self.find(resource, namespace, name)
        if old is None:
            return None
        document = clone(old)
        change(document)
        return self.put(resource, document)

    def put_status(self, resource: Resource, document: Document, status: Document) -> Document:
        """Replace the status alone; neither spec nor generation can move."""
        if document.get("status") == status:
            return document
        key = _key(resource, document)
        old = self._objects[resource][key]
        return self._put(Happened.MODIFIED, resource, key, old | {"status": status}, old)

    def annotate_quietly(self, resource: Resource, document: Document, annotations: dict[str, str]) -> Document:
        """Set annotations the way a status write does: the generation stays (controllers note revisions like this)."""
        key = _key(resource, document)
        old = self._objects[resource][key]
        merged = (old["metadata"].get("annotations") or {}) | annotations
        if merged == old["metadata"].get("annotations"):
            return old
        meta = old["metadata"] | {"annotations": merged}
        return self._put(Happened.MODIFIED, resource, key, old | {"metadata": meta}, old)

    def orphan(self, owner: Document) -> None:
        """What `owner` manages is nobody's from now on."""
        for resource, document in self.dependants(uid_of(owner)):
            meta = {key: value for key, value in document["metadata"].items() if key != "ownerReferences"}
            self.put(resource, document | {"metadata": meta})

    def remove(self, resource: Resource, namespace: str, name: str) -> Document | None:
        document = self._objects.get(resource, {}).pop((namespace, name), None)
        if document is None:
            return None
        self._disown(resource, (namespace, name), document)
        self.revision += 1
        meta = document["metadata"] | {"resourceVersion": str(self.revision)}
        last = document | {"metadata": meta}
        self._announce(Change(self.revision, Happened.DELETED, resource, last, document))
        return last

    def since(self, revision: int) -> list[Change] | None:
        """Changes after `revision`, oldest first; None where some of them are forgotten."""
        if revision >= self.revision:
            return []
        oldest = self.history[0].revision if self.history else self.revision + 1
        if revision + 1 < oldest:
            return None
        newer: list[Change] = []
        for change in reversed(self.history):
            if change.revision <= revision:
                break
            newer.append(change)
        return newer[::-1]

    def _put(self, happened: Happened, resource: Resource, key: Key, document: Document, old: Document | None) -> Document:
        self.revision += 1
        document = document | {"metadata": document["metadata"] | {"resourceVersion": str(self.revision)}}
        if old is not None:
            self._disown(resource, key, old)
        self._objects.setdefault(resource, {})[key] = document
        if owner := controller_of(document):
            self._owned.setdefault(str(owner["uid"]), set()).add((resource, key))
        self._announce(Change(self.revision, happened, resource, document, old))
        return document

    def _disown(self, resource: Resource, key: Key, document: Document) -> None:
        if owner := controller_of(document):
            owned = self._owned.get(str(owner["uid"]), set())
            owned.discard((resource, key))
            if not owned:
                self._owned.pop(str(owner["uid"]), None)

    def _announce(self, change: Change) -> None:
        self.history.append(change)
        for listener in self.listeners:
            listener(change)


def _key(resource: Resource, document: Document) -> Key:
    return (namespace_of(document) if resource.namespaced else "", str(document["metadata"]["name"]))
