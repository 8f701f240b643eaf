"""StatefulSets: pods with ordinals, made in order, renewed from the last to the first."""

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, clone, dig, is_terminating, labels_of, name_of, namespace_of
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers import revisions
from aiops.sandbox.controllers.pods import is_ready, pod_of
from aiops.sandbox.controllers.replicas import ReadyFor, Terminate

COMPONENT = "statefulset-controller"
ORDINAL = "apps.kubernetes.io/pod-index"
POD_NAME = "statefulset.kubernetes.io/pod-name"


class StatefulSetController:
    def __init__(self, store: Store, events: Recorder, ready_for: ReadyFor, terminate: Terminate) -> None:
        self._store = store
        self._events = events
        self._ready_for = ready_for
        self._terminate = terminate

    def reconcile(self, workload: Document) -> float | None:
        if is_terminating(workload):
            return None
        wanted = int(workload["spec"].get("replicas") or 0)
        update = revisions.current_revision(self._store, workload)
        current = str(dig(workload, "status", "currentRevision") or name_of(update))
        pods = {_ordinal(pod): pod for pod in self._store.owned(workload, r.PODS)}
        ordered = workload["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        for ordinal in range(wanted):
            pod = pods.get(ordinal)
            if pod is None:
                pods[ordinal] = pod = self._create(workload, ordinal, update)
            if ordered and (is_terminating(pod) or not is_ready(pod)):
                break
        surplus = sorted((one for one in pods if one >= wanted), reverse=True)
        for ordinal in surplus[:1] if ordered else surplus:
            self._delete(workload, pods[ordinal])
        if not surplus and len(pods) >= wanted:
            self._renew(workload, [pods[one] for one in sorted(pods, reverse=True)], update)
        return self._report(workload, update, current)

    def _create(self, workload: Document, ordinal: int, update: Document) -> Document:
        name = f"{name_of(workload)}-{ordinal}"
        labels = {ORDINAL: str(ordinal), POD_NAME: name, revisions.HASH: revisions.hash_of(update)}
        pod = pod_of(workload, name, labels=labels)
        for claim in workload["spec"].get("volumeClaimTemplates") or []:
            self._claim(workload, claim, name)
            volume = {"name": name_of(claim), "persistentVolumeClaim": {"claimName": f"{name_of(claim)}-{name}"}}
            pod["spec"]["volumes"] = [*(pod["spec"].get("volumes") or []), volume]
        self._events.normal(
            workload, "SuccessfulCreate", f"create Pod {name} in StatefulSet {name_of(workload)} successful", COMPONENT
        )
        return self._store.add(r.PODS, pod)

    def _claim(self, workload: Document, template: Document, pod: str) -> None:
        name = f"{name_of(template)}-{pod}"
        if self._store.find(r.CLAIMS, namespace_of(workload), name) is None:
            meta = {
                "name": name,
                "namespace": namespace_of(workload),
                "labels": dict(workload["spec"]["selector"]["matchLabels"]),
            }
            self._store.add(r.CLAIMS, {"metadata": meta, "spec": clone(template["spec"]), "status": {"phase": "Pending"}})

    def _delete(self, workload: Document, pod: Document) -> None:
        if not is_terminating(pod):
            self._terminate(pod)
            words = f"delete Pod {name_of(pod)} in StatefulSet {name_of(workload)} successful"
            self._events.normal(workload, "SuccessfulDelete", words, COMPONENT)

    def _renew(self, workload: Document, pods: list[Document], update: Document) -> None:
        """One pod at a time, and only while all later ones are well: a bad revision stops at its first pod."""
        strategy = workload["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        partition = int(dig(strategy, "rollingUpdate", "partition") or 0)
        for pod in pods:
            if _ordinal(pod) < partition:
                return
            if is_terminating(pod):
                return
            if labels_of(pod).get(revisions.HASH) != revisions.hash_of(update):
                self._delete(workload, pod)
                return
            if not is_ready(pod):
                return

    def _report(self, workload: Document, update: Document, current: str) -> float | None:
        pods = [pod for pod in self._store.owned(workload, r.PODS) if not is_terminating(pod)]
        least = float(workload["spec"].get("minReadySeconds") or 0)
        ready = [pod for pod in pods if is_ready(pod)]
        ripening = [least - self._ready_for(pod) for pod in ready if self._ready_for(pod) < least]
        updated = sum(labels_of(pod).get(revisions.HASH) == revisions.hash_of(update) for pod in pods)
        wanted = int(workload["spec"].get("replicas") or 0)
        done = updated == wanted == len(ready) == len(pods)
        if done:
            current = name_of(update)
        status: Document = {
            "observedGeneration": workload["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": len(ready) - len(ripening),
            "currentReplicas": len(pods) if done else len(pods) - updated,
            "updatedReplicas": updated,
            "currentRevision": current,
            "updateRevision": name_of(update),
            "collisionCount": 0,
        }
        if found := self._store.find(r.STATEFUL_SETS, namespace_of(workload), name_of(workload)):
            self._store.put_status(r.STATEFUL_SETS, found, status)
        revisions.forget_old(
            self._store,
            workload,
            r.STATEFUL_SETS,
            {labels_of(pod).get(revisions.HASH, "") for pod in pods} | {revisions.hash_of(update)},
        )
        return min(ripening) if ripening else None


def _ordinal(pod: Document) -> int:
    return int(name_of(pod).rpartition("-")[2])
