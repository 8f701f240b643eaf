"""Nodes that beat, fall silent and come back, and what becomes of the pods on them."""

from dataclasses import dataclass, field

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, condition_of, controller_of, dig, is_terminating, name_of, stamp
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.replicas import Terminate

NOTICED_S = 40.0  # node-monitor-grace-period
EVICTED_S = 300.0  # the toleration that every pod gets
BEAT_S = 60.0
COMPONENT = "node-controller"
UNREACHABLE = "node.kubernetes.io/unreachable"


@dataclass
class NodeController:
    store: Store
    events: Recorder
    clock: Clock
    terminate: Terminate
    silent_since: dict[str, float] = field(default_factory=dict)  # nodes whose kubelet does not answer
    _beaten_at: float = 0.0

    def silence(self, node: str) -> None:
        self.silent_since.setdefault(node, self.clock.elapsed)

    def wake(self, node: str) -> None:
        self.silent_since.pop(node, None)

    def is_dead(self, node: str) -> bool:
        return node in self.silent_since

    def is_lost(self, node: str) -> bool:
        return self.clock.elapsed - self.silent_since.get(node, self.clock.elapsed) >= NOTICED_S

    def step(self) -> None:
        beats = self.clock.elapsed - self._beaten_at >= BEAT_S
        for node in self.store.all(r.NODES) if beats or self.silent_since or self._doubted() else ():
            silent_for = self.clock.elapsed - self.silent_since.get(name_of(node), self.clock.elapsed)
            if silent_for >= NOTICED_S:
                self._doubt(node)
            elif name_of(node) not in self.silent_since:
                self._believe(node, beats=beats)
            if silent_for >= NOTICED_S + EVICTED_S:
                self._evict(name_of(node))
        if beats:
            self._beaten_at = self.clock.elapsed

    def _doubted(self) -> bool:
        return any((condition_of(node, "Ready") or {}).get("status") != "True" for node in self.store.each(r.NODES))

    def _doubt(self, node: Document) -> None:
        if (condition_of(node, "Ready") or {}).get("status") == "Unknown":
            return
        self._set_ready(node, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        found = self.store.find(r.NODES, "", name_of(node)) or node
        taints = [one for one in found["spec"].get("taints") or [] if one["key"] != UNREACHABLE]
        new = [
            {"key": UNREACHABLE, "effect": effect, "timeAdded": stamp(self.store.now())} for effect in ("NoSchedule", "NoExecute")
        ]
        self.store.put(r.NODES, found | {"spec": found["spec"] | {"taints": [*taints, *new]}})
        self.events.normal(node, "NodeNotReady", f"Node {name_of(node)} status is now: NodeNotReady", COMPONENT)

    def _believe(self, node: Document, *, beats: bool) -> None:
        if (condition_of(node, "Ready") or {}).get("status") != "True":
            self._set_ready(node, "True", "KubeletReady", "kubelet is posting ready status")
            node = self.store.find(r.NODES, "", name_of(node)) or node
            taints = [one for one in node["spec"].get("taints") or [] if one["key"] != UNREACHABLE]
            spec = {key: value for key, value in node["spec"].items() if key != "taints"} | ({"taints": taints} if taints else {})
            self.store.put(r.NODES, node | {"spec": spec})
            self.events.normal(node, "NodeReady", f"Node {name_of(node)} status is now: NodeReady", "kubelet")
        elif beats:
            conditions = [one | {"lastHeartbeatTime": stamp(self.store.now())} for one in node["status"]["conditions"]]
            self.store.put_status(r.NODES, node, node["status"] | {"conditions": conditions})

    def _set_ready(self, node: Document, status: str, reason: str, message: str) -> None:
        now = stamp(self.store.now())
        changed = {"status": status, "reason": reason, "message": message, "lastTransitionTime": now}
        conditions = [one | changed if one["type"] == "Ready" else one for one in node["status"]["conditions"]]
        self.store.put_status(r.NODES, node, node["status"] | {"conditions": conditions})

    def _evict(self, node: str) -> None:
        """Pods that can run elsewhere are told to go; on a silent node they stay on their way out until it answers."""
        for pod in self.store.all(r.PODS):
            if dig(pod, "spec", "nodeName") != node or is_terminating(pod):
                continue
            owner = controller_of(pod)
            if owner is not None and owner["kind"] not in ("DaemonSet", "Node"):
                self.terminate(pod)
                self.events.normal(
                    pod, "TaintManagerEviction", "Deleting pod after its node fell silent", "taint-eviction-controller"
                )
