"""What a write amounts to: the action class that a person would call it, and the workload that it concerns."""

from dataclasses import dataclass

from aiops.core.actions import ActionClass
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, Ref, dig, is_true
from aiops.sandbox.cluster.mutations import Mutation
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.kubelet import workload_of
from aiops.sandbox.controllers.owners import SYSTEM
from aiops.sandbox.controllers.pods import without_hash

_NOTES = {"kubectl.kubernetes.io/restartedAt", "aiops.dev/execution", "aiops.dev/executions"}


@dataclass(frozen=True, slots=True)
class Deed:
    """An effect of a client, in words. `action` is None for changes that are none of the action classes."""

    n: int
    elapsed: float
    action: ActionClass | None
    ref: Ref
    account: str

    @property
    def is_owner(self) -> bool:
        """Done by a controller or a pipeline, not by whoever repairs."""
        return self.account.startswith(SYSTEM)


def deed_of(mutation: Mutation, store: Store, elapsed: float) -> Deed | None:
    """None for what changed nothing."""
    if not mutation.is_effect:
        return None
    before, after = mutation.before, mutation.after
    ref = Ref(mutation.kind, mutation.namespace, mutation.name)
    if mutation.kind == "Pod" and before is not None:
        ref = workload_of(store, before)
    action = _action(mutation, before, after, store)
    return Deed(mutation.n, elapsed, action, ref, mutation.account)


def _action(mutation: Mutation, before: Document | None, after: Document | None, store: Store) -> ActionClass | None:
    match mutation.kind:
        case "Pod":
            return ActionClass.DELETE_POD if mutation.ends_uid else None
        case "Node":
            cordoned = bool(dig(after, "spec", "unschedulable")) and not dig(before, "spec", "unschedulable")
            return ActionClass.CORDON_DRAIN_NODE if cordoned else None
        case "Job":
            return ActionClass.RERUN_JOB if before is None else None
        case "PersistentVolumeClaim":
            return ActionClass.EXPAND_STORAGE if before is not None else None
        case "Certificate":
            return ActionClass.RENEW_CERTIFICATE if after is not None and is_true(after, "Issuing") else None
        case "Deployment" | "StatefulSet" | "DaemonSet" if before is not None and after is not None:
            return _workload_action(before, after, store)
    return None


def _workload_action(before: Document, after: Document, store: Store) -> ActionClass | None:
    old, new = int(dig(before, "spec", "replicas") or 0), int(dig(after, "spec", "replicas") or 0)
    if old != new:
        return ActionClass.SCALE_UP if new > old else ActionClass.SCALE_DOWN
    was, now = _bare(before["spec"]["template"]), _bare(after["spec"]["template"])
    if was == now:
        return ActionClass.RESTART_WORKLOAD if before["spec"]["template"] != after["spec"]["template"] else None
    if any(_bare(template) == now for template in _past_templates(after, store)):
        return ActionClass.ROLLBACK
    if _without_resources(was) == _without_resources(now):
        return ActionClass.ADJUST_RESOURCES
    return None


def _bare(template: Document) -> Document:
    """The template without what a restart or a mark leaves in it."""
    template = without_hash(template)
    notes = {key: value for key, value in (dig(template, "metadata", "annotations") or {}).items() if key not in _NOTES}
    meta = {key: value for key, value in template["metadata"].items() if key != "annotations"}
    return template | {"metadata": meta | ({"annotations": notes} if notes else {})}


def _without_resources(template: Document) -> Document:
    containers = [container | {"resources": None} for container in template["spec"]["containers"]]
    return template | {"spec": template["spec"] | {"containers": containers}}


def _past_templates(workload: Document, store: Store) -> list[Document]:
    if workload["kind"] == "Deployment":
        return [one["spec"]["template"] for one in store.owned(workload, r.REPLICA_SETS)]
    revisions = store.owned(workload, r.CONTROLLER_REVISIONS)
    templates = [dict(dig(one, "data", "spec", "template") or {}) for one in revisions]
    return [{key: value for key, value in template.items() if key != "$patch"} for template in templates]
