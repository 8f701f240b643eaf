"""What Deployments, StatefulSets and DaemonSets have in common: template, strategy, revisions, and how a rollout goes."""

import math
from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api
from aiops.connectors.kubernetes_objects import KubeObject, label_query
from aiops.connectors.kubernetes_workloads import REVISION_HASH as REVISION_HASH
from aiops.connectors.kubernetes_workloads import TEMPLATE_HASH as TEMPLATE_HASH
from aiops.connectors.kubernetes_workloads import is_over
from aiops.connectors.kubernetes_workloads import is_ready as is_ready
from aiops.connectors.kubernetes_workloads import ready as ready
from aiops.connectors.kubernetes_workloads import replicas as replicas
from aiops.connectors.kubernetes_workloads import restarts as restarts
from aiops.connectors.kubernetes_workloads import revision_of as revision_of
from aiops.core.errors import Conflict
from approvals.operations import marks
from approvals.operations.operation import Progress

# Annotations that a restart leaves in a template: two templates that differ in these alone run the same thing.
RESTART_NOTES = frozenset({marks.RESTARTED_AT, marks.EXECUTION})


def template(workload: KubeObject) -> JsonValue:
    return workload.at("spec", "template")


def refuse_paused(workload: KubeObject) -> None:
    if workload.flag("spec", "paused"):
        raise Conflict(f"the rollout of {workload.name} is paused; resume it or change it by hand", code="paused", state="paused")


def refuse_on_delete(workload: KubeObject) -> None:
    if workload.text("spec", "updateStrategy", "type") == "OnDelete":
        raise Conflict(
            f"{workload.kind} {workload.name} replaces pods only when they are deleted (OnDelete); delete its pods instead",
            code="on_delete",
        )


def pods_of(workload: KubeObject, api: Api) -> list[KubeObject]:
    """Its pods by its selector, without those that are finished or on their way out."""
    found = api.find("Pod", workload.namespace, labels=label_query(workload.at("spec", "selector")))
    return [pod for pod in found if not is_over(pod)]


def ready_since(pod: KubeObject) -> datetime | None:
    condition = pod.condition("Ready")
    return condition.time("lastTransitionTime") if condition is not None and is_ready(pod) else None


def crashing(pods: Sequence[KubeObject]) -> str:
    """The first pod that keeps crashing, in words; empty where none does."""
    for pod in pods:
        for status in pod.each("status", "containerStatuses"):
            reason = status.text("state", "waiting", "reason")
            if reason in ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"):
                return f"{pod.name}: {reason}"
    return ""


def surge_room(workload: KubeObject) -> int:
    """How many of its pods a rollout may take away at once (0 to all)."""
    wanted = replicas(workload)
    if workload.kind == "Deployment":
        if workload.text("spec", "strategy", "type") == "Recreate":
            return wanted
        return _share(workload.at("spec", "strategy", "rollingUpdate", "maxUnavailable"), wanted, default="25%")
    return max(1, _share(workload.at("spec", "updateStrategy", "rollingUpdate", "maxUnavailable"), wanted, default="1"))


def _share(value: JsonValue, whole: int, *, default: str) -> int:
    """An absolute number, or a percentage rounded down as Kubernetes does for `maxUnavailable`."""
    given = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else default
    if given.endswith("%") and given[:-1].isdecimal():
        return math.floor(whole * int(given[:-1]) / 100)
    return int(given) if given.isdecimal() else 0


def replica_sets(deployment: KubeObject, api: Api) -> list[KubeObject]:
    """Its ReplicaSets, newest revision first."""
    found = api.find("ReplicaSet", deployment.namespace, labels=label_query(deployment.at("spec", "selector")))
    own = [rs for rs in found if (owner := rs.controller()) is not None and owner.text("uid") == deployment.uid]
    return sorted(own, key=revision_of, reverse=True)


def controller_revisions(workload: KubeObject, api: Api) -> list[KubeObject]:
    """The stored templates of a StatefulSet or DaemonSet, newest revision first."""
    found = api.find("ControllerRevision", workload.namespace, labels=label_query(workload.at("spec", "selector")))
    own = [cr for cr in found if (owner := cr.controller()) is not None and owner.text("uid") == workload.uid]
    return sorted(own, key=lambda cr: cr.number("revision"), reverse=True)


def plain_template(value: JsonValue, *, notes: bool = True) -> JsonValue:
    """A template without the hash label that the controller adds, and without what a restart notes unless `notes`."""
    if not isinstance(value, dict):
        return value
    bare = KubeObject(value)
    labels: dict[str, JsonValue] = {k: v for k, v in bare.labels.items() if k != TEMPLATE_HASH}
    kept: dict[str, JsonValue] = {k: v for k, v in bare.annotations.items() if notes or k not in RESTART_NOTES}
    inherited = value.get("metadata")
    metadata: dict[str, JsonValue] = dict(inherited) if isinstance(inherited, dict) else {}
    metadata.pop("creationTimestamp", None)
    for name, words in (("labels", labels), ("annotations", kept)):
        metadata.pop(name, None)
        if words:
            metadata[name] = words
    return {**value, "metadata": metadata}


def new_pods(workload: KubeObject, pods: Sequence[KubeObject], api: Api) -> list[KubeObject]:
    """Those of `pods` that run the template as it stands now, so that old pods cannot stand in for new ones."""
    match workload.kind:
        case "Deployment":
            newest = next(iter(replica_sets(workload, api)), None)
            wanted = (TEMPLATE_HASH, newest.labels.get(TEMPLATE_HASH, "") if newest else "")
        case "StatefulSet":
            revision = workload.text("status", "updateRevision")
            wanted = (REVISION_HASH, revision)
        case _:
            latest = next(iter(controller_revisions(workload, api)), None)
            wanted = (REVISION_HASH, latest.labels.get(REVISION_HASH, "") if latest else "")
    label, value = wanted
    return [pod for pod in pods if value and pod.labels.get(label) == value]


def progress(workload: KubeObject | None, api: Api, before: KubeObject) -> Progress:
    """`kubectl rollout status`, by the controller's own counts for this generation and by the new pods themselves."""
    if workload is None or workload.uid != before.uid:
        return Progress(done=False, words="the workload is gone", failed="the workload is gone")
    if workload.number("status", "observedGeneration") < workload.generation:
        return Progress(done=False, words="the controller has not seen the change yet")
    # A StatefulSet with a partition leaves the pods below it as they are.
    wanted = replicas(workload) - workload.number("spec", "updateStrategy", "rollingUpdate", "partition")
    pods = new_pods(workload, pods_of(workload, api), api)
    up = [pod for pod in pods if is_ready(pod)]
    seen = Progress(
        done=_counts_fit(workload) and len(up) >= wanted,
        words=f"{len(up)} of {wanted} new pods ready",
        restarts=sum(restarts(pod) for pod in pods),
        crashing=crashing(pods),
        ready_at=min((at for pod in up if (at := ready_since(pod))), default=None),
    )
    if not seen.done and (reason := _stuck(workload, before)):
        return Progress(False, seen.words, reason, seen.restarts, seen.crashing, seen.ready_at)
    return seen


def _counts_fit(workload: KubeObject) -> bool:
    """All pods updated and available, and none of an older template left."""
    count, wanted = workload.number, replicas(workload)
    if workload.kind == "DaemonSet":
        return count("status", "updatedNumberScheduled") >= wanted and count("status", "numberAvailable") >= wanted
    updated, total = count("status", "updatedReplicas"), count("status", "replicas")
    if workload.kind == "StatefulSet":
        partition = count("spec", "updateStrategy", "rollingUpdate", "partition")
        return updated >= wanted - partition and count("status", "readyReplicas") >= wanted and total <= wanted
    return updated >= wanted and total <= updated and count("status", "availableReplicas") >= wanted


def _stuck(workload: KubeObject, before: KubeObject) -> str:
    """Why the controller gave up on this rollout; a condition from before the change says nothing about it."""
    condition, old = workload.condition("Progressing"), before.condition("Progressing")
    if condition is None or condition.text("reason") != "ProgressDeadlineExceeded":
        return ""
    if old is not None and old.raw == condition.raw:
        return ""
    return condition.text("message") or "the rollout made no progress within its deadline"
