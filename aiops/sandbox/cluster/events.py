"""Kubernetes Events: what happened to an object, counted where it happened again."""

from random import Random

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, stamp
from aiops.sandbox.cluster.store import Store

KEPT = 1500


class Recorder:
    """Repeats of the same reason and words on the same object raise one event's count."""

    def __init__(self, store: Store, random: Random) -> None:
        self._store = store
        self._random = random
        self._known: dict[tuple[str, str, str], tuple[str, str]] = {}  # namespace and name by what is told

    def warning(self, about: Document, reason: str, message: str, component: str) -> None:
        self._record("Warning", about, reason, message, component)

    def normal(self, about: Document, reason: str, message: str, component: str) -> None:
        self._record("Normal", about, reason, message, component)

    def _record(self, kind: str, about: Document, reason: str, message: str, component: str) -> None:
        meta, now = about["metadata"], stamp(self._store.now())
        namespace = meta.get("namespace") or "default"
        same = (meta["uid"], reason, message)
        if known := self._known.get(same):

            def again(event: Document) -> None:
                event["count"] += 1
                event["lastTimestamp"] = now

            if self._store.edit(r.EVENTS, *known, again):
                return
        name = f"{meta['name']}.{self._random.getrandbits(56):x}"
        self._known[same] = (namespace, name)
        involved = {
            "kind": about["kind"],
            "namespace": namespace,
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": meta.get("resourceVersion", ""),
        }
        self._store.add(
            r.EVENTS,
            {
                "metadata": {"name": name, "namespace": namespace},
                "involvedObject": involved,
                "reason": reason,
                "message": message,
                "source": {"component": component},
                "firstTimestamp": now,
                "lastTimestamp": now,
                "count": 1,
                "type": kind,
                "eventTime": None,
                "reportingComponent": component,
                "reportingInstance": "",
            },
        )
        self._prune()

    def forget(self) -> None:
        self._known.clear()
        for event in self._store.all(r.EVENTS):
            self._store.remove(r.EVENTS, event["metadata"]["namespace"], event["metadata"]["name"])

    def _prune(self) -> None:
        """Forget the oldest, as an API server does after an hour."""
        while len(self._known) > KEPT:
            namespace, name = self._known.pop(next(iter(self._known)))
            self._store.remove(r.EVENTS, namespace, name)
