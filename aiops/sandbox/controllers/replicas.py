"""ReplicaSets: as many pods of one template as wanted."""

from collections.abc import Callable

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, dig, is_terminating, name_of, namespace_of
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.pods import is_active, is_ready, pod_of, restarts_of

COMPONENT = "replicaset-controller"
ReadyFor = Callable[[Document], float]  # simulated seconds since a pod became ready, negative where it is not
Terminate = Callable[[Document], None]


class ReplicaSetController:
    def __init__(self, store: Store, events: Recorder, ready_for: ReadyFor, terminate: Terminate) -> None:
        self._store = store
        self._events = events
        self._ready_for = ready_for
        self._terminate = terminate

    def reconcile(self, replica_set: Document) -> float | None:
        if is_terminating(replica_set):
            return None
        pods = [pod for pod in self._store.owned(replica_set, r.PODS) if is_active(pod)]
        wanted = int(replica_set["spec"].get("replicas") or 0)
        for _ in range(wanted - len(pods)):
            pod = self._store.add(r.PODS, pod_of(replica_set, f"{name_of(replica_set)}-{self._store.suffix()}"))
            self._events.normal(replica_set, "SuccessfulCreate", f"Created pod: {name_of(pod)}", COMPONENT)
        if len(pods) > wanted:
            for pod in sorted(pods, key=_dispensable)[: len(pods) - wanted]:
                self._terminate(pod)
                self._events.normal(replica_set, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", COMPONENT)
        return self._report(replica_set)

    def _report(self, replica_set: Document) -> float | None:
        pods = [pod for pod in self._store.owned(replica_set, r.PODS) if is_active(pod)]
        least = float(replica_set["spec"].get("minReadySeconds") or 0)
        ready = [pod for pod in pods if is_ready(pod)]
        ripening = [least - self._ready_for(pod) for pod in ready if self._ready_for(pod) < least]
        counts = {
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": len(ready) - len(ripening),
        }
        status = {"replicas": len(pods), "observedGeneration": replica_set["metadata"]["generation"]}
        status |= {key: value for key, value in counts.items() if value}
        found = self._store.find(r.REPLICA_SETS, namespace_of(replica_set), name_of(replica_set))
        if found is not None:
            self._store.put_status(r.REPLICA_SETS, found, status)
        return min(ripening) if ripening else None


def _dispensable(pod: Document) -> tuple[bool, bool, bool, int, float]:
    """What goes first: not placed, not running, not ready, often restarted, young."""
    phase = dig(pod, "status", "phase")
    created = pod["metadata"]["creationTimestamp"]
    age = -float("".join(digit for digit in created if digit.isdigit()))
    return (bool(dig(pod, "spec", "nodeName")), phase != "Pending", is_ready(pod), -restarts_of(pod), age)
