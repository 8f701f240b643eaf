"""A world without HTTP, and short ways to ask its API server."""

from typing import Any

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.accounts import RULES, Account
from aiops.sandbox.cluster.apiserver import Call, Caller
from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from aiops.sandbox.cluster.resources import Resource
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
