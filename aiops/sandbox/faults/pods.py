"""Faults that sit in running pods: leaks, hangs, blips."""

from typing import Literal

from pydantic import PrivateAttr

from aiops.sandbox.cluster.documents import Document, Ref, dig
from aiops.sandbox.cluster.quantities import MIB, quantity
from aiops.sandbox.controllers.podstatus import PodRuntime
from aiops.sandbox.faults.fault import Fault, Place, container_of
from aiops.sandbox.traffic import HEALTHY, Ailment


class Leak(Fault):
    """Memory grows from each start up to what the workload now needs. With a lower limit its containers are killed there.

    A new pod begins anew, so a restart helps until memory is full again; a limit well above the need ends it.
    """

    kind: Literal["leak"]
    mib_per_minute: float
    needs_mib: float  # in all, when it has grown
    logs: tuple[str, ...] = ("WARN heap usage above 90 percent after full collection", "ERROR allocation failed, cache evicted")
    _began_at: float = PrivateAttr(default=0.0)

    def begin(self, place: Place) -> None:
        self._began_at = place.clock.elapsed

    def remains(self, place: Place) -> bool:
        """Until the template and all its pods leave a tenth above the need."""
        workload = place.workload()
        limits = [_memory_limit(one) for one in ([workload] if workload else []) + [pod for pod, _ in place.pods()]]
        return any(limit is not None and limit < self.needs_mib * MIB * 1.1 for limit in limits)

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        if runtime.workload != place.target:
            return HEALTHY
        service = place.traffic.services[runtime.workload]
        leaking_for = min(runtime.running_for(place.clock.elapsed), place.clock.elapsed - self._began_at)
        grown = self.mib_per_minute * leaking_for / 60
        extra = min(grown, max(0.0, self.needs_mib - service.spec.profile.memory_mib))
        limit = _memory_limit(pod)
        tight = limit is not None and runtime.memory > 0.92 * limit
        return Ailment(memory=extra * MIB, slower=3.0 if tight else 1.0, error_ratio=0.04 if tight else 0.0)

    def develop(self, place: Place, dt: float) -> None:
        for pod, runtime in place.pods():
            limit = _memory_limit(pod)
            if limit and runtime.memory > 0.9 * limit and place.clock.elapsed - runtime.told_at > 30:
                runtime.told_at = place.clock.elapsed
                place.kubelet.log(runtime, self.logs[int(place.clock.elapsed) % len(self.logs)])


def _memory_limit(document: Document) -> float | None:
    value = dig(container_of(document), "resources", "limits", "memory")
    return None if value is None else quantity(value)


class Hang(Fault):
    """Some pods stop working and stay ready. A new pod in their place works; `comes_back_after_s` is when it hangs as well.

    With `refuses` every request to a hung pod fails; without, it only takes no work any more.
    """

    kind: Literal["hang"]
    pods: int = 0  # how many; 0 is all of them
    refuses: bool = False
    comes_back_after_s: float | None = None
    logs: tuple[str, ...] = ("WARN worker heartbeat missed for 60s", "ERROR lock held by worker 3 for 240s, giving up waiting")
    _hung: set[tuple[str, int]] = PrivateAttr(default_factory=set)  # uid and number of restarts

    def begin(self, place: Place) -> None:
        pods = place.pods()
        for _, runtime in place.random.sample(pods, min(self.pods or len(pods), len(pods))):
            self._hung.add((runtime.uid, runtime.restarts))

    def develop(self, place: Place, dt: float) -> None:
        for _, runtime in place.pods():
            if self.comes_back_after_s is not None and runtime.running_for(place.clock.elapsed) > self.comes_back_after_s:
                self._hung.add((runtime.uid, runtime.restarts))
            runtime.hung = (runtime.uid, runtime.restarts) in self._hung
            if runtime.hung and place.clock.elapsed - runtime.told_at > 30:
                runtime.told_at = place.clock.elapsed
                place.kubelet.log(runtime, self.logs[int(place.clock.elapsed) % len(self.logs)])

    def end(self, place: Place) -> None:
        for _, runtime in place.pods():
            runtime.hung = False

    def remains(self, place: Place) -> bool:
        if self.comes_back_after_s is not None:
            return True
        return any((runtime.uid, runtime.restarts) in self._hung for _, runtime in place.pods())

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        if (runtime.uid, runtime.restarts) not in self._hung:
            return HEALTHY
        return Ailment(error_ratio=1.0, slower=40.0) if self.refuses else Ailment(capacity=0.01, busier=0.3)


class Blip(Fault):
    """Something elsewhere, over soon: requests fail for a while whatever is done here."""

    kind: Literal["blip"]
    error_ratio: float = 0.0
    slower: float = 1.0
    lasts_s: float
    logs: tuple[str, ...] = ("WARN upstream connect error or disconnect/reset before headers",)
    _over_at: float = PrivateAttr(default=0.0)

    def begin(self, place: Place) -> None:
        self._over_at = place.clock.elapsed + self.lasts_s * place.random.uniform(0.8, 1.2)
        place.log(self.logs[0])

    def remains(self, place: Place) -> bool:
        return place.clock.elapsed < self._over_at

    def has_passed(self, place: Place) -> bool:
        return not self.remains(place)

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        if runtime.workload != place.target or not self.remains(place):
            return HEALTHY
        return Ailment(error_ratio=self.error_ratio, slower=self.slower)


class Surge(Fault):
    """More comes in than the pods can take, for as long as it lasts. Enough pods bear it; restarting them costs what is left."""

    kind: Literal["surge"]
    factor: float
    ramp_s: float = 60.0
    lasts_s: float = 7200.0
    backlog: float = 0.0  # what may wait in a queue before it counts as borne
    _began_at: float = PrivateAttr(default=0.0)

    def begin(self, place: Place) -> None:
        self._began_at = place.clock.elapsed
        place.log(f"WARN request rate far above yesterday's for {place.target.name}")

    def pressure(self, place: Place, ref: Ref) -> float:
        if ref != place.target or self.has_passed(place):
            return 1.0
        return 1 + (self.factor - 1) * min(1.0, (place.clock.elapsed - self._began_at) / self.ramp_s)

    def has_passed(self, place: Place) -> bool:
        return place.clock.elapsed > self._began_at + self.lasts_s

    def hurts_others(self, place: Place) -> bool:
        """More pods than their database has connections for."""
        called = [place.traffic.named(*dependency) for dependency in place.traffic.services[place.target].spec.dependencies]
        return any(0 < one.spec.profile.connections < one.connections for one in called if one is not None)

    def remains(self, place: Place) -> bool:
        if self.has_passed(place):
            return False
        service = place.traffic.services[place.target]
        early = place.clock.elapsed < self._began_at + self.ramp_s + 60
        return early or service.utilisation > 0.92 or (service.spec.profile.queue != "" and service.depth > self.backlog)
