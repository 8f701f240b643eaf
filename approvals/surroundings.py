"""What lies around a target: the live facts that its blast radius is measured by (`domain.md` §11)."""

import re
import statistics
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from django.db.models import Q

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes import Api
from aiops.connectors.kubernetes_objects import KubeObject, Ref, selects
from aiops.connectors.kubernetes_workloads import DEPENDS_ON
from aiops.core.actions import (
    Action,
    CordonDrainNode,
    DeletePod,
    Executor,
    ExpandStorage,
    RenewCertificate,
    RerunJob,
    RestartServiceHost,
    Scale,
    ScaleUp,
)
from approvals.means import Host
from approvals.operations import drain, eviction, executor_of, hosts, owners, workloads
from approvals.plans import Surroundings
from incidents.models import Dependency

CRITICALITY = "aiops.dev/criticality"  # label, such as tier-1
DEPENDANTS = "aiops.dev/dependants"  # the same the other way round, on the target itself
T = TypeVar("T")
STARTS_IN_S = 30.0  # a pod whose start nobody has seen and nobody declares


def around(action: Action, subject: KubeObject, api: Api, *, cluster: str = "") -> Surroundings:
    """Read it all. What cannot be read is named, and never counts as harmless."""
    if isinstance(action, CordonDrainNode):
        return _around_node(subject, api)
    if executor_of(action) is Executor.SSH:
        return _around_machine(action, cluster)
    if executor_of(action) is Executor.JOB:
        names = [action.target.name] if action.target else []
        only_there = f"what job {subject.name} does: only its receiver knows"
        return Surroundings(rolling=True, dependants=_declared(*names), unread=(only_there,))
    if isinstance(action, RerunJob | ExpandStorage | RenewCertificate):
        return replace(
            _owners(Surroundings(pods_affected=0, pods_total=0, rolling=True, replicas_left=None), subject), pods_total=0
        )
    workload = eviction.owner_of(subject, api) if isinstance(action, DeletePod) else subject
    if workload is None:
        return _owners(Surroundings(pods_affected=1, pods_total=1, replicas_left=0, downtime_s=STARTS_IN_S), subject)
    found = _owners(_pods(action, subject, workload, api), workload)
    unread: list[str] = []
    budget = None  # more pods disturb none
    if not isinstance(action, ScaleUp):
        budget = _read("disruption budgets", lambda: tightest_budget(workload, api), unread)
    hpa = _read("autoscalers", lambda: owners.autoscaler_of(workload, api), unread)
    return replace(
        found, pdb_allows=budget, hpa=hpa or "", dependants=dependants_of(workload, api), unread=(*found.unread, *unread)
    )


def _around_machine(action: Action, cluster: str) -> Surroundings:
    """A service is one of the enabled machines that are listed with it; files belong to none."""
    name = hosts.machine_of(action)
    here = Host.objects.filter(cluster=cluster, name=name).first()
    found = Surroundings(
        pods_affected=0, pods_total=0, rolling=True, criticality=here.criticality if here else None, dependants=_declared(name)
    )
    if not isinstance(action, RestartServiceHost) or not action.target.unit:
        return found
    same = (
        Q(containers__contains=[action.target.unit]) if action.manager == "docker" else Q(services__contains=[action.target.unit])
    )
    others = Host.objects.filter(same, cluster=cluster, is_enabled=True).exclude(name=name).count()
    return replace(
        found,
        pods_affected=1,
        pods_total=1 + others,
        rolling=False,
        replicas_left=others,
        downtime_s=0.0 if others else STARTS_IN_S,
    )


def _declared(*names: str) -> tuple[str, ...]:
    """Who depends on any of `names`, as people declared."""
    return tuple(sorted(set(Dependency.objects.filter(upstream__in=names).values_list("downstream", flat=True))))


def _read(what: str, read: Callable[[], T], unread: list[str]) -> T | None:
    try:
        return read()
    except (Permanent, Transient) as error:
        unread.append(f"{what}: {error.why}")
        return None


def _owners(found: Surroundings, subject: KubeObject) -> Surroundings:
    return replace(found, criticality=criticality_of(subject), gitops_owner=owners.gitops_owner(subject))


def _pods(action: Action, subject: KubeObject, workload: KubeObject, api: Api) -> Surroundings:
    wanted, ready = workloads.replicas(workload), workloads.ready(workload)
    starts_in_s = start_of_pods(workload, api)
    if isinstance(action, Scale):
        then = action.replicas if action.replicas is not None else wanted
        gone = max(0, wanted - then)
        left = max(0, min(ready, then))
        return Surroundings(
            gone, max(wanted, then), rolling=True, replicas_left=left, downtime_s=starts_in_s if then == 0 else 0.0
        )
    if isinstance(action, DeletePod):
        left = max(0, ready - (1 if workloads.is_ready(subject) else 0))
        return Surroundings(1, max(1, wanted), replicas_left=left, downtime_s=0.0 if left else starts_in_s)
    left = max(0, min(ready, wanted - workloads.surge_room(workload)))
    return Surroundings(
        pods_affected=wanted,
        pods_total=wanted,
        rolling=workloads.surge_room(workload) < wanted,
        replicas_left=left,
        downtime_s=0.0 if left else starts_in_s,
    )


def start_of_pods(workload: KubeObject, api: Api) -> float:
    """Seconds that its pods took from their start to being ready; what its probes say where none is ready."""
    try:
        seen = [
            (ready - started).total_seconds()
            for pod in workloads.pods_of(workload, api)
            if (ready := workloads.ready_since(pod)) and (started := pod.time("status", "startTime"))
        ]
    except (Permanent, Transient):
        seen = []
    if any(seen):  # one that starts in no time at all was never watched starting
        return max(0.0, statistics.median(seen))
    declared = [
        probe_s
        for container in workload.each("spec", "template", "spec", "containers")
        if (probe_s := container.number("readinessProbe", "initialDelaySeconds"))
    ]
    return float(max(declared, default=0)) or STARTS_IN_S


def tightest_budget(workload: KubeObject, api: Api) -> int | None:
    """Disruptions that the tightest budget over its pods allows now; None where there is no budget."""
    labels = KubeObject({"metadata": workload.at("spec", "template", "metadata")}).labels
    budgets = api.find("PodDisruptionBudget", workload.namespace)
    allowed = [b.number("status", "disruptionsAllowed") for b in budgets if selects(b.at("spec", "selector"), labels)]
    return min(allowed, default=None)


def criticality_of(subject: KubeObject) -> int | None:
    """1 is the most critical; None where nobody said."""
    said = (subject.labels | subject.annotations).get(CRITICALITY, "")
    digits = re.search(r"\d", said)
    return int(digits[0]) if digits else None


def dependants_of(workload: KubeObject, api: Api) -> tuple[str, ...]:
    """Who needs it: by their own annotations, by its own, and by what people declared."""
    name = f"{workload.namespace}/{workload.name}"
    said = {*_listed(workload.annotations.get(DEPENDANTS, "")), *_declared(workload.name, name)}
    try:
        others = [*api.find("Deployment"), *api.find("StatefulSet")]
    except (Permanent, Transient):
        others = []
    said |= {f"{other.namespace}/{other.name}" for other in others if name in _listed(other.annotations.get(DEPENDS_ON, ""))}
    return tuple(sorted(said - {name}))


def _listed(text: str) -> Iterable[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _around_node(node: KubeObject, api: Api) -> Surroundings:
    """All that runs on a node. What is left is told for the workload that loses most."""
    try:
        here = drain.movable(node.name, api)
    except (Permanent, Transient) as error:
        return Surroundings(unread=(f"pods of {node.name}: {error.why}",))
    lefts: list[int] = []
    unread: list[str] = []
    criticality: list[int] = []
    budgets: list[int] = []
    total = 0
    for owner, count in _workloads_of(here, api).values():
        total += workloads.replicas(owner)
        lefts.append(max(0, workloads.ready(owner) - count))
        criticality += [level] if (level := criticality_of(owner)) is not None else []
        try:
            budgets += [allowed] if (allowed := tightest_budget(owner, api)) is not None else []
        except (Permanent, Transient) as error:
            unread.append(f"disruption budgets of {owner.name}: {error.why}")
    return Surroundings(
        pods_affected=len(here),
        pods_total=max(len(here), total),  # of the workloads that it touches
        rolling=True,
        replicas_left=min(lefts, default=None) if lefts else None,
        pdb_allows=min(budgets, default=None),
        downtime_s=STARTS_IN_S if lefts and min(lefts) == 0 else 0.0,
        criticality=min(criticality, default=None),
        unread=tuple(unread),
    )


def _workloads_of(pods: Iterable[KubeObject], api: Api) -> dict[Ref, tuple[KubeObject, int]]:
    """Each workload behind `pods`, with how many of them are its ready ones."""
    found: dict[Ref, tuple[KubeObject, int]] = {}
    by_controller: dict[str, KubeObject | None] = {}
    for pod in pods:
        controller = pod.controller()
        if controller is None:
            continue
        uid = controller.text("uid")
        if uid not in by_controller:
            by_controller[uid] = eviction.owner_of(pod, api)
        owner = by_controller[uid]
        if owner is not None:
            ref = Ref(owner.kind, owner.namespace, owner.name)
            found[ref] = (owner, found.get(ref, (owner, 0))[1] + (1 if workloads.is_ready(pod) else 0))
    return found
