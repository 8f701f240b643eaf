"""DaemonSets: one pod on every node that takes it, renewed within `maxUnavailable`."""

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.disruption import portion
from aiops.sandbox.cluster.documents import Document, dig, is_terminating, labels_of, name_of, namespace_of
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers import revisions
from aiops.sandbox.controllers.pods import is_active, is_ready, pod_of
from aiops.sandbox.controllers.replicas import Terminate
from aiops.sandbox.controllers.scheduler import takes

COMPONENT = "daemonset-controller"
# What every daemon pod tolerates: it stays on cordoned and silent nodes.
TOLERATIONS = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


class DaemonSetController:
    def __init__(self, store: Store, events: Recorder, terminate: Terminate) -> None:
        self._store = store
        self._events = events
        self._terminate = terminate

    def reconcile(self, workload: Document) -> float | None:
        if is_terminating(workload):
            return None
        update = revisions.current_revision(self._store, workload)
        wanted_hash = revisions.hash_of(update)
        pods: dict[str, list[Document]] = {}
        for pod in self._store.owned(workload, r.PODS):
            pods.setdefault(dig(pod, "spec", "nodeName") or "", []).append(pod)
        nodes = [
            name_of(node)
            for node in self._store.all(r.NODES)
            if takes(node, self._pod(workload, "probe", name_of(node), wanted_hash))
        ]
        for node in nodes:
            if not any(is_active(pod) for pod in pods.get(node, [])) and not pods.get(node):
                pod = self._pod(workload, f"{name_of(workload)}-{self._store.suffix()}", node, wanted_hash)
                pods[node] = [self._store.add(r.PODS, pod)]
                self._events.normal(workload, "SuccessfulCreate", f"Created pod: {name_of(pod)}", COMPONENT)
        for node, there in pods.items():
            for pod in there if node not in nodes else there[1:]:
                self._terminate(pod)
        self._renew(workload, [pod for node in nodes for pod in pods.get(node, [])[:1]], wanted_hash)
        self._report(workload, nodes, wanted_hash)
        revisions.forget_old(
            self._store,
            workload,
            r.DAEMON_SETS,
            {labels_of(pod).get(revisions.HASH, "") for there in pods.values() for pod in there} | {wanted_hash},
        )
        return None

    def _pod(self, workload: Document, name: str, node: str, wanted_hash: str) -> Document:
        pod = pod_of(workload, name, node=node, labels={revisions.HASH: wanted_hash})
        pod["spec"]["tolerations"] = [*(pod["spec"].get("tolerations") or []), *TOLERATIONS]
        return pod

    def _renew(self, workload: Document, pods: list[Document], wanted_hash: str) -> None:
        strategy = workload["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        limit = max(1, portion(dig(strategy, "rollingUpdate", "maxUnavailable") or 1, len(pods)))
        away = sum(is_terminating(pod) or not is_ready(pod) for pod in pods)
        old = [pod for pod in pods if labels_of(pod).get(revisions.HASH) != wanted_hash and not is_terminating(pod)]
        for pod in sorted(old, key=is_ready):
            if is_ready(pod):
                if away >= limit:
                    return
                away += 1
            self._terminate(pod)

    def _report(self, workload: Document, nodes: list[str], wanted_hash: str) -> None:
        pods = [pod for pod in self._store.owned(workload, r.PODS) if not is_terminating(pod)]
        ready = sum(is_ready(pod) for pod in pods)
        status: Document = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": len(nodes),
            "numberReady": ready,
            "observedGeneration": workload["metadata"]["generation"],
            "updatedNumberScheduled": sum(labels_of(pod).get(revisions.HASH) == wanted_hash for pod in pods),
        }
        status |= {
            key: value for key, value in (("numberAvailable", ready), ("numberUnavailable", len(nodes) - ready)) if value > 0
        }
        if found := self._store.find(r.DAEMON_SETS, namespace_of(workload), name_of(workload)):
            self._store.put_status(r.DAEMON_SETS, found, status)
