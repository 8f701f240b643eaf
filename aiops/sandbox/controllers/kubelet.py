"""Starts, watches, restarts and ends the containers of all nodes, in simulated time."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import (
    Document,
    Ref,
    controller_of,
    dig,
    is_terminating,
    name_of,
    namespace_of,
    ref_of,
    stamp,
    uid_of,
)
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Change, Happened, Store
from aiops.sandbox.controllers.pods import limit_of
from aiops.sandbox.controllers.podstatus import PodRuntime, Stage, status_of
from aiops.sandbox.controllers.scheduler import Scheduler

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 10.0, 300.0
RESET_BACKOFF_S = 600.0  # a container that ran this long starts afresh
RETRY_PLACING_S = 5.0
STOP_S = 3.0  # how long an orderly stop takes


@dataclass(frozen=True, slots=True)
class Start:
    """How the next start of a pod's container goes. `waiting` is a reason that keeps it from starting at all."""

    takes_s: float = 2.0  # pulling and starting
    ready_after_s: float = 5.0
    waiting: str = ""
    message: str = ""
    crashes_after_s: float | None = None
    ends_after_s: float | None = None  # of a job: it ends in order
    exit_code: int = 0
    logs: tuple[str, ...] = ()


class Physics(Protocol):
    """What the kubelet asks the rest of the world."""

    def start(self, pod: Document, runtime: PodRuntime) -> Start: ...

    @property
    def any_dead(self) -> bool:
        """Whether a node is silent."""

    def is_dead(self, node: str) -> bool: ...

    def is_lost(self, node: str) -> bool:
        """Silent for so long that nothing on it counts as ready any more."""


class Kubelet:
    def __init__(self, store: Store, events: Recorder, clock: Clock, random: Random) -> None:
        self.runtimes: dict[str, PodRuntime] = {}  # by uid
        self._store = store
        self._events = events
        self._clock = clock
        self._random = random
        self._scheduler = Scheduler(store, events)
        self._physics: Physics | None = None
        self._addresses = 9

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_physics": None}

    def attach(self, physics: Physics) -> None:
        self._physics = physics
        self._store.listeners.append(self.noticed)

    @property
    def physics(self) -> Physics:
        assert self._physics is not None, "a kubelet needs a world to run in"
        return self._physics

    def noticed(self, change: Change) -> None:
        if change.resource is not r.PODS:
            return
        pod, uid = change.document, uid_of(change.document)
        if change.happened is Happened.ADDED:
            self._addresses += 1
            address = f"10.42.{self._addresses // 250}.{self._addresses % 250 + 2}"
            workload, limit = workload_of(self._store, pod), limit_of(pod, "memory")
            self.runtimes[uid] = PodRuntime(uid, workload, self._clock.elapsed, address, limit)
        elif change.happened is Happened.DELETED:
            self.runtimes.pop(uid, None)
        elif is_terminating(pod) and (runtime := self.runtimes.get(uid)) and runtime.gone_at is None:
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds", 30))
            runtime.gone_at = self._clock.elapsed + min(grace, STOP_S)
            if runtime.stage is Stage.RUNNING:
                name = pod["spec"]["containers"][0]["name"]
                self._events.normal(pod, "Killing", f"Stopping container {name}", "kubelet")

    def runtime(self, pod: Document) -> PodRuntime:
        return self.runtimes[uid_of(pod)]

    def ready_for(self, pod: Document) -> float:
        """Seconds since the pod became ready; -1 where it is not."""
        runtime = self.runtimes.get(uid_of(pod))
        if runtime is None or not runtime.ready or runtime.ready_at is None:
            return -1.0
        return self._clock.elapsed - runtime.ready_at

    def terminate(self, pod: Document) -> None:
        """What a controller does with a pod that it no longer wants."""
        current = self._store.find(r.PODS, namespace_of(pod), name_of(pod))
        if current is None or is_terminating(current):
            return
        if not dig(current, "spec", "nodeName"):
            self._store.remove(r.PODS, namespace_of(pod), name_of(pod))
            return
        now = stamp(self._store.now())
        self._store.edit(
            r.PODS,
            namespace_of(pod),
            name_of(pod),
            lambda one: one["metadata"].update({"deletionTimestamp": now, "deletionGracePeriodSeconds": 30}),
        )

    def step(self) -> None:
        """Whatever is due by now."""
        any_dead = self.physics.any_dead
        for pod in list(self._store.each(r.PODS)):
            runtime = self.runtimes[pod["metadata"]["uid"]]
            if runtime.is_steady and not any_dead:
                continue
            node = pod["spec"].get("nodeName")
            if node and any_dead and self.physics.is_dead(node):
                if self.physics.is_lost(node) and runtime.is_reported:
                    self._report(pod, runtime)
                continue
            if runtime.gone_at is not None:
                if self._clock.elapsed >= runtime.gone_at:
                    self._store.remove(r.PODS, namespace_of(pod), name_of(pod))
                continue
            self._advance(pod, runtime)

    def _advance(self, pod: Document, runtime: PodRuntime) -> None:
        elapsed = self._clock.elapsed
        due = runtime.next_at is None or elapsed >= runtime.next_at
        if runtime.stage is Stage.UNPLACED and due:
            placed = pod if dig(pod, "spec", "nodeName") else self._scheduler.place(pod)
            if placed is None:
                runtime.next_at = elapsed + RETRY_PLACING_S
                self._report(pod, runtime)
                return
            pod = placed
            self._try(pod, runtime)
        elif runtime.stage is Stage.WAITING and due:
            self._try(pod, runtime)
        elif runtime.stage is Stage.CREATING and due:
            self._started(pod, runtime)
        elif runtime.stage is Stage.RUNNING:
            self._watch(pod, runtime)

    def _try(self, pod: Document, runtime: PodRuntime) -> None:
        start = self.physics.start(pod, runtime)
        name, image = pod["spec"]["containers"][0]["name"], pod["spec"]["containers"][0]["image"]
        if start.waiting:
            runtime.stage, runtime.waiting_reason, runtime.waiting_message = Stage.WAITING, start.waiting, start.message
            runtime.next_at = self._clock.elapsed + FIRST_BACKOFF_S
            self._events.warning(pod, "Failed", f"Error: {start.waiting}", "kubelet")
            if start.message:
                self._events.warning(pod, "Failed", start.message, "kubelet")
        else:
            if runtime.stage is Stage.UNPLACED:
                self._events.normal(pod, "Pulled", f'Container image "{image}" already present on machine', "kubelet")
            runtime.stage, runtime.waiting_reason, runtime.waiting_message = Stage.CREATING, "ContainerCreating", ""
            runtime.next_at = self._clock.elapsed + start.takes_s
            self._events.normal(pod, "Created", f"Created container: {name}", "kubelet")
        self._report(pod, runtime)

    def _started(self, pod: Document, runtime: PodRuntime) -> None:
        start = self.physics.start(pod, runtime)
        elapsed = self._clock.elapsed
        runtime.stage, runtime.started_at, runtime.next_at = Stage.RUNNING, elapsed, elapsed + start.ready_after_s
        runtime.started_stamp = stamp(self._store.now())
        runtime.ready, runtime.ready_at = False, None
        runtime.served = runtime.failed = 0.0
        ends = start.crashes_after_s if start.crashes_after_s is not None else start.ends_after_s
        runtime.crash_at = None if ends is None else elapsed + ends
        runtime.exit_code = start.exit_code
        runtime.previous_logs = tuple(runtime.logs) if runtime.restarts else ()
        runtime.logs.clear()
        for line in start.logs:
            self.log(runtime, line)
        self._events.normal(pod, "Started", f"Started container {pod['spec']['containers'][0]['name']}", "kubelet")
        self._report(pod, runtime)

    def _watch(self, pod: Document, runtime: PodRuntime) -> None:
        elapsed = self._clock.elapsed
        if runtime.crash_at is not None and elapsed >= runtime.crash_at:
            self.exited(pod, runtime, "Error" if runtime.exit_code else "Completed", runtime.exit_code)
            return
        if not runtime.ready and elapsed >= (runtime.next_at or 0.0):
            runtime.ready, runtime.ready_at = True, elapsed
        if runtime.ready and not runtime.is_reported:  # new, or its node is back
            self._report(pod, runtime)

    def kill_over_limit(self) -> None:
        """What uses more memory than it may is ended by the kernel."""
        over = {
            runtime.uid for runtime in self.runtimes.values() if runtime.memory_limit and runtime.memory > runtime.memory_limit
        }
        for pod in [pod for pod in self._store.each(r.PODS) if uid_of(pod) in over] if over else ():
            if (runtime := self.runtimes[uid_of(pod)]).stage is Stage.RUNNING:
                self.exited(pod, runtime, "OOMKilled", 137)

    def exited(self, pod: Document, runtime: PodRuntime, reason: str, exit_code: int) -> None:
        """The container has ended: it is started again after a back-off, or stays down where that is the policy."""
        now = stamp(self._store.now())
        ran_for = runtime.running_for(self._clock.elapsed)
        runtime.ready, runtime.ready_at, runtime.crash_at = False, None, None
        runtime.memory = runtime.cpu = 0.0
        runtime.last_stamps = (runtime.started_stamp, now)
        policy = pod["spec"].get("restartPolicy", "Always")
        if policy == "Never" or (policy == "OnFailure" and exit_code == 0):
            runtime.stage, runtime.exit_code, runtime.next_at = Stage.DONE, exit_code, None
            self._report(pod, runtime)
            return
        runtime.last_reason, runtime.last_exit_code = reason, exit_code
        recent = 0 if ran_for >= RESET_BACKOFF_S else runtime.restarts
        wait = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(recent, 10))
        runtime.restarts += 1
        name = pod["spec"]["containers"][0]["name"]
        runtime.stage, runtime.next_at = Stage.WAITING, self._clock.elapsed + (wait if recent else 1.0)
        runtime.waiting_reason = "CrashLoopBackOff"
        full = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
        runtime.waiting_message = f"back-off {int(wait)}s restarting failed container={name} pod={full}"
        if recent:
            self._events.warning(pod, "BackOff", f"Back-off restarting failed container {name} in pod {full}", "kubelet")
        self._report(pod, runtime)

    def log(self, runtime: PodRuntime, line: str) -> None:
        runtime.logs.append((stamp(self._store.now()), line))

    def _report(self, pod: Document, runtime: PodRuntime) -> None:
        current = self._store.find(r.PODS, namespace_of(pod), name_of(pod))
        if current is None:
            return
        node = self._store.find(r.NODES, "", dig(current, "spec", "nodeName") or "")
        host = next((one["address"] for one in dig(node, "status", "addresses") or [] if one["type"] == "InternalIP"), "")
        lost = node is not None and self.physics.is_lost(name_of(node))
        runtime.is_reported = runtime.ready and not lost
        self._store.put_status(r.PODS, current, status_of(current, runtime, self._store.now(), host, lost=lost))


def workload_of(store: Store, pod: Document) -> Ref:
    """What a person would name as the owner: the Deployment of a ReplicaSet's pod, the CronJob of a Job's, else the pod."""
    namespace, found = namespace_of(pod), pod
    owner: Callable[[Document], Document | None] = controller_of
    while (above := owner(found)) is not None:
        kind = r.BY_KIND.get(str(above["kind"]))
        higher = store.find(kind, namespace, str(above["name"])) if kind else None
        if higher is None:
            return Ref(str(above["kind"]), namespace, str(above["name"]))
        found = higher
    return ref_of(found)
