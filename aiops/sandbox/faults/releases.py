"""Faults that came with a change: a bad image, a bad setting, an image that is not there."""

from typing import Literal

from pydantic import PrivateAttr

from aiops.sandbox.cluster.documents import Document, clone, dig
from aiops.sandbox.cluster.quantities import MIB
from aiops.sandbox.controllers.kubelet import Start
from aiops.sandbox.controllers.podstatus import PodRuntime
from aiops.sandbox.faults.fault import Fault, Place, container_of
from aiops.sandbox.traffic import HEALTHY, Ailment

RESTARTED = "kubectl.kubernetes.io/restartedAt"


class BadRelease(Fault):
    """A new template that is wrong. Whatever still runs the template before is well; every pod of the new one is not."""

    kind: Literal["bad_release"]
    tag: str = ""
    env: dict[str, str] = {}
    error_ratio: float = 0.0
    slower: float = 1.0
    busier: float = 1.0
    memory_mib: float = 0.0
    crashes_after_s: float | None = None
    exit_code: int = 1
    pull_fails: bool = False
    logs: tuple[str, ...] = ()
    silent_once_restarted: bool = False  # pods made by a restart no longer tell their metrics
    lag_s: float = 0.0  # how far the target's controllers are behind, from now on
    _before: Document = PrivateAttr(default_factory=dict)

    def begin(self, place: Place) -> None:
        workload = place.workload()
        assert workload is not None
        container = container_of(workload)
        self._before = clone(workload["spec"]["template"])
        change: Document = {"name": container["name"]}
        what = []
        if self.tag:
            change["image"] = f"{str(container['image']).rpartition(':')[0]}:{self.tag}"
            what.append(self.tag)
        if self.env:
            change["env"] = [{"name": name, "value": value} for name, value in self.env.items()]
            what += [f"{name}={value}" for name, value in self.env.items()]
        note = {"kubernetes.io/change-cause": f"release {place.target.name} {' '.join(what)}"}
        if self.lag_s:
            place.manager.lag[place.target] = self.lag_s
        place.deploy({"metadata": {"annotations": note}, "spec": {"template": {"spec": {"containers": [change]}}}})

    def end(self, place: Place) -> None:
        place.manager.lag.pop(place.target, None)

    def is_bad(self, document: Document) -> bool:
        """Whether a pod, or a workload's template, is of the bad release."""
        container = container_of(document)
        if self.tag and not str(container.get("image", "")).endswith(f":{self.tag}"):
            return False
        settings = {one["name"]: one.get("value") for one in container.get("env") or []}
        return all(settings.get(name) == value for name, value in self.env.items())

    def remains(self, place: Place) -> bool:
        workload = place.workload()
        return (workload is not None and self.is_bad(workload)) or any(self.is_bad(pod) for pod, _ in place.pods())

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        if runtime.workload != place.target or not self.is_bad(pod):
            return HEALTHY
        restarted = dig(pod, "metadata", "annotations", RESTARTED) is not None
        return Ailment(
            error_ratio=self.error_ratio,
            slower=self.slower,
            busier=self.busier,
            memory=self.memory_mib * MIB,
            silent=self.silent_once_restarted and restarted,
        )

    def start(self, place: Place, pod: Document, runtime: PodRuntime, start: Start) -> Start:
        if runtime.workload != place.target or not self.is_bad(pod):
            return start
        if self.pull_fails:
            image = container_of(pod)["image"]
            words = f'Back-off pulling image "{image}": rpc error: code = NotFound desc = manifest unknown'
            return Start(waiting="ImagePullBackOff", message=words)
        if self.crashes_after_s is None:
            return start
        return Start(
            takes_s=start.takes_s,
            ready_after_s=max(start.ready_after_s, self.crashes_after_s + 1),
            crashes_after_s=self.crashes_after_s,
            exit_code=self.exit_code,
            logs=self.logs,
        )

    def develop(self, place: Place, dt: float) -> None:
        if self.error_ratio and self.logs:
            for pod, runtime in place.pods():
                if self.is_bad(pod) and runtime.ready and place.clock.elapsed - runtime.told_at > 20:
                    runtime.told_at = place.clock.elapsed
                    place.kubelet.log(runtime, self.logs[int(place.clock.elapsed) % len(self.logs)])
