"""Watching: the store's changes as they happen, through selectors."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiops.sandbox.cluster import refusals
from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.resources import Resource
from aiops.sandbox.cluster.selectors import Predicate
from aiops.sandbox.cluster.store import Change, Happened, Store


class Feed:
    """Wakes everybody who waits for the next change."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._moved = asyncio.Event()
        store.listeners.append(self._noticed)

    def _noticed(self, change: Change) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def moved(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._moved.wait()
        except TimeoutError:
            return


@dataclass(frozen=True)
class Watch:
    resource: Resource
    namespace: str
    fits: Predicate
    revision: int  # 0 and below: begin with what is there
    timeout_s: float
    bookmarks: bool = False
    initial_events: bool = False

    async def events(self, feed: Feed) -> AsyncIterator[tuple[str, Document]]:
        """(`ADDED` …, object) until the time is over."""
        store, seen = feed.store, self.revision
        if seen <= 0 or self.initial_events:
            seen = store.revision
            for document in store.all(self.resource, self.namespace):
                if self.fits(document):
                    yield "ADDED", document
            if self.initial_events:
                yield "BOOKMARK", self._bookmark(seen, **{"k8s.io/initial-events-end": "true"})
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.timeout_s
        while (left := ends - loop.time()) > 0:
            changes = store.since(seen)
            if changes is None:
                yield "ERROR", refusals.gone(seen).status
                return
            for change in changes:
                if (event := self._event(change)) is not None:
                    yield event
            seen = store.revision
            if not changes:
                await feed.moved(min(left, 30.0))
                if self.bookmarks and store.revision == seen:
                    yield "BOOKMARK", self._bookmark(seen)
            else:
                await asyncio.sleep(0)

    def _event(self, change: Change) -> tuple[str, Document] | None:
        if change.resource is not self.resource:
            return None
        if self.namespace and change.document["metadata"].get("namespace") != self.namespace:
            return None
        fitted = change.previous is not None and self.fits(change.previous)
        fits = change.happened is not Happened.DELETED and self.fits(change.document)
        if fits:
            return ("MODIFIED" if fitted else "ADDED"), change.document
        return ("DELETED", change.document) if fitted else None

    def _bookmark(self, revision: int, **annotations: str) -> Document:
        meta: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            meta["annotations"] = annotations
        return {"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": meta}
