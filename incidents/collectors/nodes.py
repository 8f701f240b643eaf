"""Nodes: which of them are not ready, which of those carry the workload, and what could not leave the one that fails."""

from datetime import datetime

from pydantic import JsonValue

from aiops.connectors.kubernetes_objects import KubeObject, selects
from aiops.connectors.kubernetes_workloads import is_over
from incidents.collectors.finding import Finding
from incidents.collectors.scene import Scene, ago

READ_MOST, SHOWN = 2_000, 20
SETTLED_S = 300  # ready for less than this after having been away: it comes and goes
YOUNG_S = 3_600  # a node that joined since then was never away
HOSTNAME = "kubernetes.io/hostname"


async def nodes(scene: Scene) -> list[Finding]:
    """Only where nodes can have to do with it: it is about one, or about pods that run on some."""
    target = scene.patient.target
    about_node = target is not None and target.kind == "Node"
    under = {target.name} if about_node and target else {pod.text("spec", "nodeName") for pod in await scene.pods()}
    if not under - {""}:
        return []
    found = await scene.once("nodes", lambda: scene.reads.find("Node", most=READ_MOST))
    away = [node for node in found if not is_up(node)]
    unsteady = [node.name for node in found if node.name in under and is_unsteady(node, scene.now)]
    facts: dict[str, JsonValue] = {"not_ready": len(away), "unsteady": [*unsteady], "count": len(found)}
    shown = [node for node in found if node.name in under or node in away][:SHOWN]
    lines = [_line(node, scene.now) for node in shown]
    title = f"{len(found) - len(away)} of {len(found)} nodes ready"
    if about_node and target is not None:
        pinned = await _pinned(scene, target.name)
        facts["pinned"] = [*pinned]
        lines += [f"Cannot leave: {why}" for why in pinned]
    elif unsteady:
        title += f"; {', '.join(unsteady)} under this workload is not steady"
    return [Finding("nodes", title, lines, facts)]


def is_up(node: KubeObject) -> bool:
    condition = node.condition("Ready")
    return condition is not None and condition.text("status") == "True"


def is_unsteady(node: KubeObject, now: datetime) -> bool:
    """Not ready, or back for a moment only."""
    condition = node.condition("Ready")
    if condition is None or condition.text("status") != "True":
        return True
    since, joined = condition.time("lastTransitionTime"), node.time("metadata", "creationTimestamp")
    is_old = joined is not None and (now - joined).total_seconds() > YOUNG_S
    return is_old and since is not None and (now - since).total_seconds() < SETTLED_S


async def _pinned(scene: Scene, node: str) -> list[str]:
    """Pods that a drain could never move: bound to this very node, or under a budget that allows no disruption at all."""
    here = await scene.reads.find("Pod", fields=f"spec.nodeName={node}", most=READ_MOST)
    budgets = await scene.reads.find("PodDisruptionBudget", most=READ_MOST)
    found: list[str] = []
    for pod in here:
        owner = pod.controller()
        if is_over(pod) or owner is None or owner.text("kind") in ("DaemonSet", "Node"):
            continue  # it is over, nobody makes it again, or it belongs to the node
        own = [b for b in budgets if b.namespace == pod.namespace and selects(b.at("spec", "selector"), pod.labels)]
        if any(_allows_none(budget) for budget in own):
            found.append(f"{pod.namespace}/{pod.name}, whose disruption budget allows none")
        elif pod.text("spec", "nodeSelector", HOSTNAME) == node:
            found.append(f"{pod.namespace}/{pod.name}, which is bound to this node")
    return found[:SHOWN]


def _allows_none(budget: KubeObject) -> bool:
    """By its own rule, not because a pod is away now."""
    return 0 < budget.number("status", "expectedPods") <= budget.number("status", "desiredHealthy")


def _line(node: KubeObject, now: datetime) -> str:
    condition = node.condition("Ready")
    since = ago(condition.time("lastTransitionTime"), now) if condition else "never"
    true = [c.text("type") for c in node.each("status", "conditions") if c.text("status") == "True"]
    pressures = [kind for kind in true if kind != "Ready"]
    words = ["ready" if is_up(node) else "not ready", f"since {since.removesuffix(' ago')}" if since.endswith("ago") else since]
    words += ["cordoned"] if node.flag("spec", "unschedulable") else []
    return f"{node.name}: {', '.join([*words, *pressures])}"
