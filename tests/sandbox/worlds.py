"""A world without HTTP, and short ways to ask its API server."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiops.core import actions
from aiops.core.targets import Target
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.accounts import RULES, Account
from aiops.sandbox.cluster.apiserver import Call, Caller
from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from aiops.sandbox.cluster.refusals import Refused
from aiops.sandbox.cluster.resources import Resource
from aiops.sandbox.faults.book import Injected
from aiops.sandbox.hands import evict_rest, perform
from aiops.sandbox.telemetry.rules import Alert
from aiops.sandbox.world import World

ADMIN = Account("cluster-admin", "admin", RULES["cluster-admin"])
CONSOLE = Account("aiops-console", "console", RULES["aiops-console"])
VIEWER = Account("aiops-viewer", "viewer", RULES["aiops-viewer"])


def call(
    resource: Resource, namespace: str = "", name: str = "", sub: str = "", *, dry_run: bool = False, account: Account = CONSOLE
) -> Call:
    return Call(Caller(account, "tests"), resource, namespace, name, sub, dry_run)


def get(world: World, resource: Resource, namespace: str, name: str) -> Document:
    return world.api.get(call(resource, namespace, name))


def patch(world: World, resource: Resource, namespace: str, name: str, body: Any, *, kind: str = "", **more: Any) -> Document:
    kind = kind or (JSON_PATCH if isinstance(body, list) else MERGE_PATCH if resource.custom else STRATEGIC_PATCH)
    return world.api.patch(call(resource, namespace, name, **more), kind, body)


def pods_of(world: World, namespace: str, name: str) -> list[Document]:
    """The pods of a workload, by their label."""
    return [
        pod
        for pod in world.store.all(r.PODS, namespace)
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == name
        and not pod["metadata"].get("deletionTimestamp")
    ]


def evict(world: World, namespace: str, name: str, *, uid: str = "", mark: str = "", dry_run: bool = False) -> Document:
    body: Document = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    if uid:
        body["deleteOptions"] = {"preconditions": {"uid": uid}}
    if mark:
        body["metadata"]["annotations"] = {"aiops.dev/execution": mark}
    return world.api.evict(call(r.PODS, namespace, name, "eviction", dry_run=dry_run), body)


# stories


def until(world: World, condition: Callable[[], Any], within_s: float) -> None:
    """Let simulated time pass until `condition` holds."""
    ends = world.clock.elapsed + within_s
    while not condition():
        assert world.clock.elapsed < ends, f"not within {within_s} simulated seconds"
        world.advance(10)


def firing(world: World) -> list[Alert]:
    return [alert for alert in world.monitoring.rules.active if alert.is_firing and alert.rule != "Watchdog"]


def own_alerts(world: World, injected: Injected) -> list[Alert]:
    """What fires of the alerts that the scenario promises, about its own target where they name a workload."""
    name = injected.target.name
    about = ("deployment", "statefulset", "pod", "node", "persistentvolumeclaim", "name", "job_name")
    found = [alert for alert in firing(world) if alert.rule in injected.scenario.alerts]
    return [alert for alert in found if any(alert.labels.get(label, "").startswith(name) for label in about)]


def act(world: World, injected: Injected, action_class: str, parameters: dict[str, Any]) -> None:
    """Do it to the fault's target, as an executor would; for pods to those that hang, or to all of them."""
    ref = injected.target
    if action_class == "delete_pod":
        hung = [pod for pod, runtime in injected.place.pods() if runtime.hung]
        for pod in hung or [pod for pod, _ in injected.place.pods()]:
            with suppress(Refused):  # a budget may be against it
                perform(
                    world, actions.build("delete_pod", Target(kind="Pod", namespace=ref.namespace, name=pod["metadata"]["name"]))
                )
        return
    target = Target(kind=ref.kind, namespace=ref.namespace or None, name=ref.name)
    perform(world, actions.build(action_class, target, **parameters))
    if action_class == "cordon_drain_node":
        for _ in range(12):
            world.advance(10)
            evict_rest(world, ref.name)
