"""Load on workloads and what becomes of it: errors, latency, queues, memory and cores, from the pods up to their callers.

Demand is spread over the pods that serve, by what each can take. More than they can take fails or waits. A dependency
that fails makes part of its callers' requests fail. Numbers follow simple queueing sense; they are no measurement.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiops.sandbox.base import WorkloadSpec
from aiops.sandbox.cluster.documents import Document, Ref
from aiops.sandbox.cluster.quantities import MIB
from aiops.sandbox.controllers.podstatus import PodRuntime, Stage

EDGE_WEIGHT = 0.6  # the share of a caller's requests that need a given dependency
WARM_UP_S = 45.0  # until a new pod takes its full load
COLD = 0.5  # what it takes at first
LATENCY_CEILING_S = 10.0  # where requests time out
MEMORY_RAMP_S = 60.0


@dataclass(frozen=True, slots=True)
class Ailment:
    """What a fault does to one pod."""

    error_ratio: float = 0.0
    slower: float = 1.0
    capacity: float = 1.0  # share of the normal one
    memory: float = 0.0  # bytes beyond the normal ones
    busier: float = 1.0  # cores
    silent: bool = False


@dataclass(slots=True)
class Service:
    """A workload under load, as it stands now."""

    spec: WorkloadSpec
    demand: float = 0.0  # requests or messages a second
    error_ratio: float = 0.0
    p50_s: float = 0.0
    p99_s: float = 0.0
    utilisation: float = 0.0
    depth: float = 0.0  # messages that wait
    connections: float = 0.0
    serving: int = 0


HEALTHY = Ailment()
Pods = Sequence[tuple[Document, PodRuntime]]


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of simulated time, and what faults do in it. `pressure` is a factor on the demand of a workload."""

    elapsed: float
    dt: float
    ailment: Callable[[Document, PodRuntime], Ailment]
    pressure: Callable[[Ref], float]


@dataclass
class Traffic:
    """`step` works out one moment; services are kept in an order in which dependencies come first."""

    services: dict[Ref, Service] = field(default_factory=dict)

    @classmethod
    def over(cls, workloads: Sequence[WorkloadSpec]) -> "Traffic":
        by_name = {(one.namespace, one.name): one for one in workloads}
        ordered: dict[Ref, Service] = {}

        def visit(one: WorkloadSpec) -> None:
            if one.ref in ordered:
                return
            for dependency in one.dependencies:
                visit(by_name[dependency])
            ordered[one.ref] = Service(one)

        for one in workloads:
            visit(one)
        return cls(ordered)

    def named(self, namespace: str, name: str) -> Service | None:
        return next((one for ref, one in self.services.items() if (ref.namespace, ref.name) == (namespace, name)), None)

    def dependants(self, ref: Ref) -> list[Service]:
        return [one for one in self.services.values() if (ref.namespace, ref.name) in one.spec.dependencies]

    def step(self, pods: Mapping[Ref, Pods], now: Moment) -> None:
        for ref, service in self.services.items():
            if not service.spec.has_load and now.elapsed % 15 >= now.dt:
                continue  # memory and idle cores alone are worked out once in a while
            if service.spec.profile.connections:
                service.connections = sum(
                    one.spec.profile.pool * sum(runtime.stage is Stage.RUNNING for _, runtime in pods.get(one.spec.ref, ()))
                    for one in self.dependants(ref)
                )
            self._serve(service, pods.get(ref, ()), now)

    def _serve(self, service: Service, pods: Pods, now: Moment) -> None:
        profile = service.spec.profile
        wave = 1 + 0.06 * math.sin(now.elapsed / 420 + len(service.spec.name)) + 0.02 * math.sin(now.elapsed / 37)
        service.demand = (profile.arrivals or profile.rps) * wave * now.pressure(service.spec.ref)
        running = [_Worker(runtime, now.ailment(pod, runtime), pod) for pod, runtime in pods if runtime.stage is Stage.RUNNING]
        for one in running:
            _idle(service, one, now.elapsed)
        takers = [one for one in running if one.serves]
        for one in takers:
            one.capacity = profile.pod_rps * one.ill.capacity * _warmth(one.runtime, now.elapsed)
        service.serving = len(takers)
        if profile.queue:
            self._work_off(service, takers, now.dt)
        else:
            self._answer(service, takers, now.dt)
        for one in running:
            one.runtime.cpu_s += one.runtime.cpu * now.dt

    def _answer(self, service: Service, takers: Sequence["_Worker"], dt: float) -> None:
        profile = service.spec.profile
        failing, slowing = self._dependencies(service)
        capacity = sum(one.capacity for one in takers)
        service.utilisation = service.demand / capacity if capacity else math.inf
        overload = max(0.0, 1 - 1 / service.utilisation) if service.utilisation > 0 else 0.0
        crowding = _crowding(min(service.utilisation, 4.0))
        failed = total = 0.0
        service.p50_s = service.p99_s = 0.0 if takers else LATENCY_CEILING_S
        for one in takers:
            share = service.demand * (one.capacity / capacity) if capacity else service.demand / len(takers)
            ratio = 1 - (1 - one.ill.error_ratio) * (1 - overload) * (1 - failing)
            base_s = profile.latency_ms / 1000 * one.ill.slower * crowding + slowing
            runtime = one.runtime
            runtime.p50_s, runtime.p99_s = min(base_s, LATENCY_CEILING_S), min(base_s * 3.2, LATENCY_CEILING_S)
            runtime.served += share * (1 - ratio) * dt
            runtime.failed += share * ratio * dt
            _busy(service, one, share / profile.pod_rps)
            failed, total = failed + share * ratio, total + share
            service.p50_s, service.p99_s = max(service.p50_s, runtime.p50_s), max(service.p99_s, runtime.p99_s)
        service.error_ratio = failed / total if total else float(bool(service.demand) and not takers)
        if profile.connections and service.connections > profile.connections:
            refused = 1 - profile.connections / service.connections
            service.error_ratio = 1 - (1 - service.error_ratio) * (1 - refused)

    def _work_off(self, service: Service, takers: Sequence["_Worker"], dt: float) -> None:
        """Workers take messages as fast as they can; what fails for want of a dependency goes back into the queue."""
        failing, _ = self._dependencies(service)
        capacity = sum(one.capacity for one in takers) * (1 - failing)
        waiting = service.depth + service.demand * dt
        done = min(waiting, capacity * dt)
        service.depth = waiting - done
        service.utilisation = service.demand / capacity if capacity else math.inf
        service.error_ratio = failing
        for one in takers:
            part = done * one.capacity * (1 - failing) / capacity if capacity else 0.0
            one.runtime.served += part
            one.runtime.failed += one.capacity * failing * dt
            _busy(service, one, part / dt / service.spec.profile.pod_rps)

    def _dependencies(self, service: Service) -> tuple[float, float]:
        """(share of requests that fail because of what is called, seconds that calling takes longer than it should)"""
        fine, slower = 1.0, 0.0
        for namespace, name in service.spec.dependencies:
            called = self.named(namespace, name)
            if called is None:
                continue
            fine *= 1 - EDGE_WEIGHT * called.error_ratio
            usual = called.spec.profile.latency_ms / 1000
            slower += EDGE_WEIGHT * max(0.0, min(called.p50_s, 3.0) - 1.6 * usual)
        return 1 - fine, slower


@dataclass(slots=True)
class _Worker:
    """A running pod in one moment."""

    runtime: PodRuntime
    ill: Ailment
    pod: Document
    capacity: float = 0.0

    @property
    def serves(self) -> bool:
        return self.runtime.ready and not self.pod["metadata"].get("deletionTimestamp")


def _warmth(runtime: PodRuntime, elapsed: float) -> float:
    since = elapsed - runtime.ready_at if runtime.ready_at is not None else 0.0
    return COLD + (1 - COLD) * min(1.0, since / WARM_UP_S)


def _crowding(utilisation: float) -> float:
    """How much slower answers get as pods fill up: flat at first, steep near and beyond the limit."""
    return 1 + 0.6 * utilisation * utilisation + 6.0 * math.pow(max(0.0, utilisation - 0.85), 1.5)


def _idle(service: Service, one: _Worker, elapsed: float) -> None:
    """What a running pod needs without any load."""
    runtime = one.runtime
    runtime.silent = one.ill.silent
    ramp = 0.7 + 0.3 * min(1.0, runtime.running_for(elapsed) / MEMORY_RAMP_S)
    wave = 1 + 0.04 * math.sin(elapsed / 300 + ord(runtime.uid[0]))
    runtime.memory = service.spec.profile.memory_mib * MIB * ramp * wave + one.ill.memory
    runtime.cpu = service.spec.cores[0] * 0.06 * one.ill.busier


def _busy(service: Service, one: _Worker, load: float) -> None:
    """Cores at `load` times what the pod can take: its request when it is full, never more than its limit."""
    request, limit = service.spec.cores
    one.runtime.cpu = min(limit, one.runtime.cpu + request * load * one.ill.busier)
