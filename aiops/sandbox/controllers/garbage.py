"""Objects whose owner is gone follow it."""

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, name_of, namespace_of, uid_of
from aiops.sandbox.cluster.store import Change, Happened, Store
from aiops.sandbox.controllers.replicas import Terminate


class GarbageCollector:
    def __init__(self, store: Store, terminate: Terminate) -> None:
        self._store = store
        self._terminate = terminate
        self._orphaned: list[Document] = []

    def noticed(self, change: Change) -> None:
        if change.happened is Happened.DELETED:
            self._orphaned.append(change.document)

    def run(self) -> None:
        while self._orphaned:
            owner = self._orphaned.pop()
            for resource, document in self._store.dependants(uid_of(owner)):
                if resource is r.PODS:
                    self._terminate(document)
                else:
                    self._store.remove(resource, namespace_of(document), name_of(document))
