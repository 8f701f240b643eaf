"""Runs each controller for the objects whose own or whose children's state moved, until nothing moves any more."""

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, Ref, controller_of, dig, labels_of, namespace_of, ref_of
from aiops.sandbox.cluster.resources import Resource
from aiops.sandbox.cluster.selectors import matches_labels
from aiops.sandbox.cluster.store import Change, Happened, Key, Store

Reconcile = Callable[[Document], float | None]  # seconds after which it wants to look again, None: when something moves
ROUNDS = 50

_SIZED = (r.DEPLOYMENTS, r.STATEFUL_SETS)  # their size is what budgets are a share of


class Manager:
    """`lag` makes the controllers of an object slow, in seconds: they see each change only that much later."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.lag: dict[Ref, float] = {}
        self._store = store
        self._clock = clock
        self._reconcilers: Mapping[Resource, Reconcile] = {}
        self._dirty: dict[tuple[Resource, Key], None] = {}  # ordered, so that runs with one seed are alike
        self._timers: list[tuple[float, int, tuple[Resource, Key]]] = []
        self._wakes: dict[tuple[Resource, Key], float] = {}  # the timer of each object that counts
        self._pushed = 0

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_reconcilers": {}}

    def attach(self, reconcilers: Mapping[Resource, Reconcile]) -> None:
        """Take the controllers and listen to the store."""
        self._reconcilers = reconcilers
        self._store.listeners.append(self.noticed)

    def noticed(self, change: Change) -> None:
        resource, document = change.resource, change.document
        if resource in self._reconcilers and change.happened is not Happened.DELETED:
            self._mark(resource, document)
        if owner := controller_of(document):
            kind = r.BY_KIND.get(str(owner["kind"]))
            if (
                kind is not None
                and kind in self._reconcilers
                and (found := self._store.find(kind, namespace_of(document), str(owner["name"])))
            ):
                self._mark(kind, found)
        if resource is r.PODS or resource in _SIZED:
            for budget in self._store.each(r.BUDGETS):
                selector = budget["spec"].get("selector")
                if namespace_of(budget) == namespace_of(document) and matches_labels(_pod_labels(resource, document), selector):
                    self._mark(r.BUDGETS, budget)
        if resource is r.NODES:
            for daemons in self._store.each(r.DAEMON_SETS):
                self._mark(r.DAEMON_SETS, daemons)

    def _mark(self, resource: Resource, document: Document) -> None:
        meta = document["metadata"]
        key = (resource, (meta.get("namespace") or "", meta["name"]))
        lag = self.lag.get(ref_of(document), 0.0) if self.lag else 0.0
        if lag:
            self.wake(resource, document, lag)
        else:
            self._dirty[key] = None

    def wake(self, resource: Resource, document: Document, after_s: float) -> None:
        meta = document["metadata"]
        key = (resource, (meta.get("namespace") or "", meta["name"]))
        at = self._clock.elapsed + after_s
        if self._wakes.get(key, at + 1) <= at:
            return
        self._wakes[key] = at
        self._pushed += 1
        heapq.heappush(self._timers, (at, self._pushed, key))

    def run(self) -> None:
        """Reconcile until quiet. A controller that never comes to rest is stopped after some rounds and goes on next time."""
        while self._timers and self._timers[0][0] <= self._clock.elapsed:
            at, _, key = heapq.heappop(self._timers)
            if self._wakes.get(key) == at:
                del self._wakes[key]
                self._dirty[key] = None
        for _ in range(ROUNDS):
            if not self._dirty:
                return
            batch, self._dirty = self._dirty, {}
            for resource, (namespace, name) in batch:
                document = self._store.find(resource, namespace, name)
                if document is None:
                    continue
                again = self._reconcilers[resource](document)
                if again is not None:
                    self.wake(resource, document, again)

    @property
    def next_at(self) -> float | None:
        """When the next timer is due; now where something is waiting."""
        if self._dirty:
            return self._clock.elapsed
        return self._timers[0][0] if self._timers else None


def _pod_labels(resource: Resource, document: Document) -> dict[str, str]:
    """Those of a pod, or of the pods that a workload makes."""
    return labels_of(document) if resource is r.PODS else dig(document, "spec", "template", "metadata", "labels") or {}
