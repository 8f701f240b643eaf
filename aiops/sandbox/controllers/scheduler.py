"""Puts pods on nodes that take them and have room for what they request."""

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, dig, is_terminating, is_true, labels_of, name_of, namespace_of
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.quantities import quantity
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.pods import requests_of

COMPONENT = "default-scheduler"


def tolerates(pod: Document, taint: Document) -> bool:
    for one in pod["spec"].get("tolerations") or []:
        if one.get("key") not in (None, "", taint["key"]) or one.get("effect") not in (None, "", taint["effect"]):
            continue
        if one.get("operator") == "Exists" or one.get("value", "") == taint.get("value", ""):
            return True
    return False


def is_schedulable(node: Document) -> bool:
    return not node["spec"].get("unschedulable") and is_true(node, "Ready")


def takes(node: Document, pod: Document, *, effects: tuple[str, ...] = ("NoSchedule", "NoExecute")) -> bool:
    """Whether taints and the pod's node selector allow the place."""
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels_of(node).get(key) != value for key, value in selector.items()):
        return False
    return all(taint["effect"] not in effects or tolerates(pod, taint) for taint in node["spec"].get("taints") or [])


class Scheduler:
    def __init__(self, store: Store, events: Recorder) -> None:
        self._store = store
        self._events = events

    def place(self, pod: Document) -> Document | None:
        """The pod with its node, or None where none has room. One without a sibling is taken first, then the emptiest."""
        cpu, memory = requests_of(pod)
        siblings = [one for one in self._store.each(r.PODS) if labels_of(one) == labels_of(pod) and not is_terminating(one)]
        taken = self._taken()
        best: tuple[float, str] | None = None
        full = refused = 0
        for node in self._store.all(r.NODES):
            if not is_schedulable(node) or not takes(node, pod):
                refused += 1
                continue
            all_cpu, all_memory = _room(node)
            used_cpu, used_memory = taken.get(name_of(node), (0.0, 0.0))
            if all_cpu - used_cpu < cpu or all_memory - used_memory < memory:
                full += 1
                continue
            together = sum(dig(one, "spec", "nodeName") == name_of(node) for one in siblings)
            rank = (together + used_cpu / all_cpu, name_of(node))
            best = min(best, rank) if best else rank
        if best is None:
            nodes = full + refused
            why = [
                words
                for count, words in ((full, f"{full} Insufficient cpu"), (refused, f"{refused} node(s) were unschedulable"))
                if count
            ]
            self._events.warning(pod, "FailedScheduling", f"0/{nodes} nodes are available: {', '.join(why)}.", COMPONENT)
            return None
        node_name = best[1]
        bound = self._store.edit(r.PODS, namespace_of(pod), name_of(pod), lambda one: one["spec"].update({"nodeName": node_name}))
        words = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {node_name}"
        self._events.normal(pod, "Scheduled", words, COMPONENT)
        return bound

    def _taken(self) -> dict[str, tuple[float, float]]:
        """(cores, bytes) that the pods of each node request."""
        taken: dict[str, tuple[float, float]] = {}
        for pod in self._store.each(r.PODS):
            node = pod["spec"].get("nodeName")
            if node and pod["status"].get("phase") not in ("Succeeded", "Failed"):
                cpu, memory = taken.get(node, (0.0, 0.0))
                wanted_cpu, wanted_memory = requests_of(pod)
                taken[node] = (cpu + wanted_cpu, memory + wanted_memory)
        return taken


def _room(node: Document) -> tuple[float, float]:
    """(cores, bytes) that can be requested in all."""
    amounts = node["status"]["allocatable"]
    return quantity(amounts["cpu"]), quantity(amounts["memory"])
