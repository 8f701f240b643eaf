"""The truth about every fault: injected, developing, cured by whom, healed or made worse."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from aiops.core.actions import ActionClass
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, Ref, micro_stamp
from aiops.sandbox.controllers.kubelet import Start
from aiops.sandbox.controllers.podstatus import PodRuntime
from aiops.sandbox.faults.deeds import Deed
from aiops.sandbox.faults.fault import Fault, Place, worst
from aiops.sandbox.faults.scenarios import Scenario, ScenarioError, scenarios
from aiops.sandbox.traffic import HEALTHY, Ailment

SETTLED_S = 5.0  # a cause has to be gone for that long


class State(StrEnum):
    ACTIVE = "active"
    CURED = "cured"
    HEALED = "healed"
    WORSE = "worse"


@dataclass
class Injected:
    """One fault in the world."""

    id: str
    scenario: Scenario
    place: Place
    fault: Fault
    since: datetime
    began_at: float
    state: State = State.ACTIVE
    cured_by: ActionClass | None = None
    ended_at: float | None = None
    harmed_by: ActionClass | None = None
    deeds: list[Deed] = field(default_factory=list)
    gone_since: float | None = None

    @property
    def target(self) -> Ref:
        return self.place.target

    @property
    def is_over(self) -> bool:
        return self.state in (State.CURED, State.HEALED)

    @property
    def document(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "scenario": self.scenario.name,
            "workload": workload_document(self.target),
            "state": self.state.value,
            "since": micro_stamp(self.since),
            "cured_by": self.cured_by.value if self.cured_by else None,
            "harmed_by": self.harmed_by.value if self.harmed_by else None,
            "deeds": [{"n": deed.n, "action": deed.action.value if deed.action else None} for deed in self.deeds],
        }


@dataclass
class FaultBook:
    """Faults in the order in which they were injected."""

    injected: list[Injected] = field(default_factory=list)

    @property
    def open(self) -> list[Injected]:
        """Those that can still do something; a cured one may come back while its cause can."""
        return [one for one in self.injected if one.ended_at is None]

    @property
    def is_quiet(self) -> bool:
        return not self.open

    def inject(self, name: str, place_at: Callable[[Ref], Place], target: Ref | None, since: datetime) -> Injected:
        """Break something. ScenarioError where there is no such scenario, or it cannot be there."""
        scenario = scenarios().get(name)
        if scenario is None:
            raise ScenarioError(f"there is no scenario {name}; there are {', '.join(scenarios())}")
        ref = target or scenario.workload.ref
        if ref != scenario.workload.ref and ref.kind not in scenario.fits:
            kinds = ", ".join(scenario.fits) or "nothing else"
            raise ScenarioError(f"{name} can be put on {scenario.workload.ref} and on {kinds}, not on {ref}")
        place = place_at(ref)
        if place.store.find(r.BY_KIND[ref.kind], ref.namespace, ref.name) is None:
            raise ScenarioError(f"there is no {ref}")
        if any(one.target == ref and not one.is_over for one in self.open):
            raise ScenarioError(f"{ref} is broken already; reset first")
        fault: Fault = scenario.fault.model_copy(deep=True)
        injected = Injected(f"F-{len(self.injected) + 1}", scenario, place, fault, since, place.clock.elapsed)
        self.injected.append(injected)
        fault.begin(place)
        return injected

    def noticed(self, deed: Deed) -> None:
        """A client did something: every fault that it can bear on remembers it."""
        for one in self.open:
            if deed.is_owner or not one.fault.concerns(one.place, deed.ref):
                continue
            one.deeds.append(deed)
            if deed.action in one.scenario.sure_harms and not one.is_over:
                one.state, one.harmed_by = State.WORSE, deed.action

    def step(self, dt: float) -> None:
        for one in self.open:
            one.fault.develop(one.place, dt * one.scenario.speed)
            self._judge(one)

    def _judge(self, one: Injected) -> None:
        elapsed = one.place.clock.elapsed
        if one.fault.remains(one.place):
            one.gone_since = None
            if one.is_over:  # what was cured is back, for instance because somebody undid the cure
                one.state, one.cured_by = State.ACTIVE, None
            return
        one.gone_since = elapsed if one.gone_since is None else one.gone_since
        if elapsed - one.gone_since < SETTLED_S:
            return
        if one.is_over:
            if one.fault.has_passed(one.place):
                one.ended_at = elapsed
            return
        if one.fault.has_passed(one.place):
            one.state, one.ended_at = State.HEALED, elapsed
            return
        cured_by = self._cure(one)
        if cured_by is None:
            one.state = State.HEALED
        elif one.fault.hurts_others(one.place):
            one.state, one.harmed_by = State.WORSE, cured_by
        else:
            one.state, one.cured_by = State.CURED, cured_by

    def _cure(self, one: Injected) -> ActionClass | None:
        """The newest act that is one of the true cures, else the newest that is an act at all."""
        acts = [deed.action for deed in one.deeds if deed.action is not None]
        cures = {cure.action for cure in one.scenario.cures}
        return next((act for act in reversed(acts) if act in cures), acts[-1] if acts else None)

    def end_all(self) -> None:
        for one in self.open:
            one.fault.end(one.place)
            one.ended_at = one.place.clock.elapsed
            if not one.is_over:
                one.state = State.HEALED

    # what pods and workloads feel

    def ailment(self, pod: Document, runtime: PodRuntime) -> Ailment:
        felt = [ill for one in self.open if (ill := one.fault.ailment(one.place, pod, runtime)) is not HEALTHY]
        return worst(felt) if felt else HEALTHY

    def start(self, pod: Document, runtime: PodRuntime, start: Start) -> Start:
        for one in self.open:
            start = one.fault.start(one.place, pod, runtime, start)
        return start

    def pressure(self, ref: Ref) -> float:
        factor = 1.0
        for one in self.open:
            factor *= one.fault.pressure(one.place, ref)
        return factor


def workload_document(ref: Ref) -> dict[str, str | None]:
    return {"kind": ref.kind, "namespace": ref.namespace or None, "name": ref.name}
