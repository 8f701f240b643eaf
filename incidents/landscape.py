"""What is known beforehand of what needs what: declared dependencies, and what the clusters said last.

A web process keeps a copy, so that no alert waits for it; one that has grown old is read again beside the requests.
Until then correlation knows a little less, and never anything wrong: what it has put together stays together.
"""

import threading
import time
from collections.abc import Iterator

from django.db import DatabaseError, connection

from incidents.models import ClusterMap, Dependency
from incidents.topology import Edge, Relation, Topology, thing

FRESH_S = 15.0


class Copy:
    """The topology as it was read last, and when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topology: Topology | None = None
        self._read_at = 0.0

    def current(self) -> Topology:
        topology = self._topology
        if topology is None:
            return self.read()
        if time.monotonic() - self._read_at > FRESH_S and self._lock.acquire(blocking=False):
            self._read_at = time.monotonic()
            threading.Thread(target=self._read_beside, daemon=True, name="landscape").start()
        return topology

    def read(self) -> Topology:
        self._topology, self._read_at = load(), time.monotonic()
        return self._topology

    def forget(self) -> None:
        self._topology = None

    def _read_beside(self) -> None:
        try:
            self.read()
        except DatabaseError:
            pass  # the old copy serves on; the next alert tries again
        finally:
            connection.close()
            self._lock.release()


# One per process: a copy of what the database holds.
_copy = Copy()
current, forget = _copy.current, _copy.forget


def load() -> Topology:
    return Topology.of(_edges())


def _edges() -> Iterator[Edge]:
    for downstream, upstream in Dependency.objects.values_list("downstream", "upstream"):
        yield Edge(Relation.DEPENDS_ON, thing(downstream), thing(upstream))
    for edges in ClusterMap.objects.values_list("edges", flat=True):
        for relation, source, target in edges:
            yield Edge(Relation(relation), source, target)
