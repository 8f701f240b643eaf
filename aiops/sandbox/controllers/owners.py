"""Those who write to workloads besides people and the product: an autoscaler, and GitOps controllers that put things back.

They act through the API server like every client, so their writes stand in the log under their own names.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.accounts import RULES, Account
from aiops.sandbox.cluster.apiserver import ApiServer, Call, Caller
from aiops.sandbox.cluster.documents import Document, Ref, clone, dig, name_of, namespace_of, stamp, with_condition
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.patches import MERGE_PATCH, STRATEGIC_PATCH
from aiops.sandbox.cluster.refusals import Refused

AUTOSCALE_EVERY_S = 15.0
TOLERANCE = 0.1
STABLE_S = 300.0  # the highest wish of this long decides how far it scales down
SYNC_EVERY_S = 60.0
SYSTEM = "system"  # accounts of controllers begin with this word

Utilisation = Callable[[Ref], float | None]  # cores in use over cores requested, of the ready pods


def _caller(name: str, agent: str) -> Caller:
    return Caller(Account(f"{SYSTEM}:{name}", "", RULES["cluster-admin"]), agent)


HPA = _caller("horizontal-pod-autoscaler", "kube-controller-manager/v1.32.4 (linux/amd64) horizontal-pod-autoscaler")
ARGO = _caller("argocd-application-controller", "argocd-application-controller/v2.12.3")
FLUX = _caller("kustomize-controller", "kustomize-controller/v1.3.0")


@dataclass
class Autoscaler:
    api: ApiServer
    events: Recorder
    clock: Clock
    _next_at: float = 0.0
    _wishes: dict[str, list[tuple[float, int]]] = field(default_factory=dict)

    def step(self, utilisation: Utilisation) -> None:
        if self.clock.elapsed < self._next_at:
            return
        self._next_at = self.clock.elapsed + AUTOSCALE_EVERY_S
        for hpa in self.api.store.all(r.AUTOSCALERS):
            self._scale(hpa, utilisation)

    def _scale(self, hpa: Document, utilisation: Utilisation) -> None:
        aim, store = hpa["spec"]["scaleTargetRef"], self.api.store
        resource = r.BY_KIND[aim["kind"]]
        target = store.find(resource, namespace_of(hpa), aim["name"])
        used = utilisation(Ref(aim["kind"], namespace_of(hpa), aim["name"]))
        if target is None or used is None:
            return
        current = int(target["spec"].get("replicas") or 0)
        wanted_percent = int(dig(hpa, "spec", "metrics", 0, "resource", "target", "averageUtilization"))
        ratio = used * 100 / wanted_percent
        wish = current if abs(ratio - 1) <= TOLERANCE else math.ceil(current * ratio)
        wish = max(int(hpa["spec"].get("minReplicas") or 1), min(int(hpa["spec"]["maxReplicas"]), wish))
        wishes = [one for one in self._wishes.get(name_of(hpa), []) if one[0] > self.clock.elapsed - STABLE_S]
        wishes.append((self.clock.elapsed, wish))
        self._wishes[name_of(hpa)] = wishes
        if wish < current:
            wish = min(current, max(number for _, number in wishes))
        if wish != current:
            self._write(hpa, resource, aim["name"], wish, current)
        self._report(hpa, wish, current, used, limited=wish >= int(hpa["spec"]["maxReplicas"]))

    def _write(self, hpa: Document, resource: r.Resource, name: str, wish: int, current: int) -> None:
        try:
            self.api.patch(Call(HPA, resource, namespace_of(hpa), name, "scale"), MERGE_PATCH, {"spec": {"replicas": wish}})
        except Refused as refused:
            self.events.warning(hpa, "FailedRescale", f"New size: {wish}; error: {refused.message}", "horizontal-pod-autoscaler")
            return
        why = "cpu resource utilization (percentage of request) above target" if wish > current else "All metrics below target"
        self.events.normal(hpa, "SuccessfulRescale", f"New size: {wish}; reason: {why}", "horizontal-pod-autoscaler")

    def _report(self, hpa: Document, wish: int, current: int, used: float, *, limited: bool) -> None:
        metric = {"name": "cpu", "current": {"averageUtilization": round(used * 100)}}
        now = self.api.store.now()
        conditions = dig(hpa, "status", "conditions") or []
        conditions = with_condition(conditions, "AbleToScale", "True", at=now, reason="ReadyForNewScale")
        conditions = with_condition(conditions, "ScalingActive", "True", at=now, reason="ValidMetricFound")
        reason = "TooManyReplicas" if limited else "DesiredWithinRange"
        conditions = with_condition(conditions, "ScalingLimited", str(limited), at=now, reason=reason)
        status: Document = dict(hpa.get("status") or {})
        status |= {"currentReplicas": current, "desiredReplicas": wish, "conditions": conditions}
        status["currentMetrics"] = [{"type": "Resource", "resource": metric}]
        if wish != current:
            status["lastScaleTime"] = stamp(now)
        self.api.store.put_status(r.AUTOSCALERS, hpa, status)


@dataclass
class GitOps:
    """What git says of some workloads; what differs from it is put back. Fields that git does not name are left alone."""

    api: ApiServer
    clock: Clock
    _wanted: dict[Ref, tuple[Caller, Document]] = field(default_factory=dict)
    _next_at: float = 0.0

    def own(self, ref: Ref, document: Document, *, by: Caller) -> None:
        """From now on `document`'s containers and replicas are what git says of `ref`."""
        containers = [
            {key: clone(container[key]) for key in ("name", "image", "env", "resources") if key in container}
            for container in document["spec"]["template"]["spec"]["containers"]
        ]
        spec: Document = {"template": {"spec": {"containers": containers}}}
        if "replicas" in document["spec"]:
            spec["replicas"] = document["spec"]["replicas"]
        self._wanted[ref] = (by, {"spec": spec})

    def renew(self, ref: Ref, document: Document) -> None:
        """A release went through git."""
        self.own(ref, document, by=self._wanted[ref][0])

    def owns(self, ref: Ref) -> bool:
        return ref in self._wanted

    def step(self) -> None:
        if self.clock.elapsed < self._next_at:
            return
        self._next_at = self.clock.elapsed + SYNC_EVERY_S
        for ref, (caller, wanted) in self._wanted.items():
            resource = r.BY_KIND[ref.kind]
            found = self.api.store.find(resource, ref.namespace, ref.name)
            if found is not None and _differs(found, wanted):
                self.api.patch(Call(caller, resource, ref.namespace, ref.name), STRATEGIC_PATCH, wanted)


def _differs(found: Document, wanted: Document) -> bool:
    if "replicas" in wanted["spec"] and found["spec"].get("replicas") != wanted["spec"]["replicas"]:
        return True
    live = {container["name"]: container for container in found["spec"]["template"]["spec"]["containers"]}
    return any(
        live.get(container["name"], {}).get(key) != value
        for container in wanted["spec"]["template"]["spec"]["containers"]
        for key, value in container.items()
    )
