"""What all collectors look at: the patient, and reads of its cluster that they share.

Several collectors need the same object; it is read once, and whoever comes second waits for the same answer.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from aiops.connectors.errors import Permanent
from aiops.connectors.kubernetes import Reads
from aiops.connectors.kubernetes_objects import KubeObject, Ref, label_query
from aiops.connectors.kubernetes_workloads import is_over, revision_of
from aiops.connectors.prometheus import Queries
from aiops.core.categories import Category
from aiops.core.targets import WORKLOAD_KINDS, Target, owner_of_pod
from incidents.measures import Measure

PODS_MOST = 200
OWNERS_DEEP = 3
# What a pod's owner is followed up to, and what an incident may be about itself.
CONTROLLERS = WORKLOAD_KINDS | {"Job", "CronJob"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patient:
    """What the incident is about, as its alerts say. `began_at` is when the root alert began to fire."""

    target: Target | None
    pod: Target | None = None
    category: Category = Category.OTHER
    alert_name: str = ""
    measure: Measure | None = None  # what the root alert compares with its threshold, where that can be told
    began_at: datetime | None = None
    needs: Sequence[str] = ()  # declared dependencies, as `name` or `namespace/name`

    @property
    def namespace(self) -> str | None:
        return self.target.namespace if self.target else None


@dataclass(slots=True)
class Scene:
    """One look. `cluster` and `metrics` are None where none is configured. `close` it in the loop that it was used in."""

    patient: Patient
    now: datetime
    cluster: Reads | None
    metrics: Queries | None
    no_cluster: str = "no cluster is configured for it"
    _asked: "dict[object, asyncio.Task[Any]]" = field(default_factory=dict)

    @property
    def reads(self) -> Reads:
        if self.cluster is None:
            raise Permanent("look into the cluster", self.no_cluster, code="no_cluster")
        return self.cluster

    @property
    def queries(self) -> Queries:
        if self.metrics is None:
            raise Permanent("ask Prometheus", "none is configured", code="no_prometheus")
        return self.metrics

    async def once(self, key: object, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `read` gives, asked for once a look. A collector that gives up does not end it for the others."""
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.ensure_future(read())
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End what is still being read."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def get(self, ref: Ref) -> KubeObject | None:
        return await self.once(ref, lambda: self.reads.get(ref))

    async def pod(self) -> KubeObject | None:
        """The pod that the alert names, if it is still there."""
        return await self.get(Ref.to(self.patient.pod)) if self.patient.pod else None

    async def workload(self) -> KubeObject | None:
        """The controller that the incident is about: the live owner of its pod or Service first, else by name."""
        return await self.once("workload", self._workload)

    async def pods(self) -> list[KubeObject]:
        """The pods of that workload, by its selector; without one, the pod that is named. Finished ones are left out."""
        return await self.once("pods", self._pods)

    async def replica_sets(self) -> list[KubeObject]:
        """Of a Deployment, newest revision first."""
        return await self.once("replica_sets", self._replica_sets)

    async def _workload(self) -> KubeObject | None:
        target, named = self.patient.target, self.patient.pod
        if target is None:
            return None
        # A label that names the workload says more than a pod beside it, which may be the exporter's.
        is_guess = named is not None and target in (named, owner_of_pod(named.namespace, named.name))
        if is_guess and (pod := await self.pod()) is not None and (owner := await self.owner_of(pod)) is not None:
            return owner
        if target.kind in CONTROLLERS:
            return await self.get(Ref.to(target))
        return await self._behind(target) if target.kind == "Service" else None

    async def owner_of(self, object: KubeObject) -> KubeObject | None:
        """The controller on top of it, None where nothing that is known made it."""
        found: KubeObject | None = None
        for _ in range(OWNERS_DEEP):
            owner = object.controller()
            if owner is None or owner.text("kind") not in CONTROLLERS | {"ReplicaSet"} or object.kind == "Job":
                break
            above = await self.get(Ref(owner.text("kind"), object.namespace or None, owner.text("name")))
            if above is None:
                break
            found = object = KubeObject({"kind": owner.text("kind"), **above.raw})
        return found if found is not None and found.kind in CONTROLLERS else None

    async def _behind(self, target: Target) -> KubeObject | None:
        """The one workload whose pods a Service sends to; None where there are none or several."""
        service = await self.get(Ref.to(target))
        selector = service.words("spec", "selector") if service else {}
        if not selector:
            return None
        labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        pods = await self.reads.find("Pod", target.namespace, labels=labels, most=PODS_MOST)
        sets = {owner.text("name"): pod for pod in pods if (owner := pod.controller()) is not None}
        owners = {
            (owner.kind, owner.name): owner for pod in [*sets.values()][:5] if (owner := await self.owner_of(pod)) is not None
        }
        return next(iter(owners.values())) if len(owners) == 1 else None

    async def _pods(self) -> list[KubeObject]:
        workload = await self.workload()
        selector = label_query(workload.at("spec", "selector")) if workload else ""
        if workload is not None and selector:
            found = await self.reads.find("Pod", workload.namespace, labels=selector, most=PODS_MOST)
            return [pod for pod in found if workload.kind == "Job" or not is_over(pod)]
        named = await self.pod()
        return [named] if named else []

    async def _replica_sets(self) -> list[KubeObject]:
        workload = await self.workload()
        if workload is None or workload.kind != "Deployment":
            return []
        found = await self.reads.find("ReplicaSet", workload.namespace, labels=label_query(workload.at("spec", "selector")))
        return sorted(owned(found, workload), key=revision_of, reverse=True)


def owned(objects: Iterable[KubeObject], by: KubeObject) -> list[KubeObject]:
    return [one for one in objects if (owner := one.controller()) is not None and owner.text("uid") == by.uid]


def ago(at: datetime | None, now: datetime) -> str:
    """`6 minutes ago`, for people."""
    if at is None:
        return "at an unknown time"
    seconds = max(0.0, (now - at).total_seconds())
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' if count != 1 else ''} ago"
    return f"{int(seconds)} s ago"
