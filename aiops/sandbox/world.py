"""The whole simulated cluster: made from the base, moved by time, broken by faults. Knows no HTTP."""

from datetime import timedelta
from random import Random
from typing import Any

from aiops.sandbox import base
from aiops.sandbox.clock import Clock, Wall
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.apiserver import ApiServer
from aiops.sandbox.cluster.disruption import budget_status
from aiops.sandbox.cluster.documents import Document, dig, name_of, namespace_of
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.daemons import DaemonSetController
from aiops.sandbox.controllers.deployments import DeploymentController
from aiops.sandbox.controllers.garbage import GarbageCollector
from aiops.sandbox.controllers.kubelet import Kubelet, Start
from aiops.sandbox.controllers.manager import Manager
from aiops.sandbox.controllers.podstatus import PodRuntime
from aiops.sandbox.controllers.replicas import ReplicaSetController
from aiops.sandbox.controllers.stateful import StatefulSetController

STEP_S = 1.0
AGE = timedelta(days=9)  # how old the world says it is


class World:
    """`advance` moves simulated time. The same seed and the same calls give the same world, stamps apart."""

    def __init__(self, *, seed: int = 1, wall: Wall | None = None, step_s: float = STEP_S) -> None:
        self.base = base.load()
        self.clock = Clock(wall)
        self.random = Random(seed)
        self.step_s = step_s
        self.store = Store(self.clock.now, self.random)
        self.api = ApiServer(self.store)
        self.events = Recorder(self.store, self.random)
        self.manager = Manager(self.store, self.clock)
        self.kubelet = Kubelet(self.store, self.events, self.clock, self.random)
        self.garbage = GarbageCollector(self.store, self.kubelet.terminate)
        self.deployments = DeploymentController(self.store, self.events, self.clock)
        self.connect()
        self._settle()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.connect()

    def connect(self) -> None:
        """Wire the parts together; needed again after the world was read from a file."""
        terminate, ready_for = self.kubelet.terminate, self.kubelet.ready_for
        self.kubelet.attach(self)
        self.store.listeners.append(self.garbage.noticed)
        self.manager.attach(
            {
                r.DEPLOYMENTS: self.deployments.reconcile,
                r.REPLICA_SETS: ReplicaSetController(self.store, self.events, ready_for, terminate).reconcile,
                r.STATEFUL_SETS: StatefulSetController(self.store, self.events, ready_for, terminate).reconcile,
                r.DAEMON_SETS: DaemonSetController(self.store, self.events, terminate).reconcile,
                r.BUDGETS: self._reconcile_budget,
            }
        )

    def _settle(self) -> None:
        """Make the base, release by release, until everything runs and has a history."""
        self.clock.behind = -AGE
        for resource, document in base.objects(self.base, self.clock.now()):
            self.store.add(resource, document)
        self.advance(40.0)
        releases = max(len(workload.previous) for workload in self.base.workloads)
        for n in range(1, releases + 1):
            self.clock.behind = -AGE / (2 * n)
            for workload in self.base.workloads:
                if n <= len(workload.previous):
                    self._release(workload, workload.previous[n] if n < len(workload.previous) else "")
            self.advance(120.0)
        self.events.forget()  # an API server keeps them for an hour
        self.clock.behind = timedelta(0)
        self.clock.anchor()

    def _release(self, workload: base.WorkloadSpec, tag: str) -> None:
        manifest = base.manifest(workload, tag=tag)

        def release(document: Document) -> None:
            document["spec"]["template"] = manifest["spec"]["template"]
            document["metadata"]["annotations"] |= manifest["metadata"]["annotations"]

        self.store.edit(r.BY_KIND[workload.kind], workload.namespace, workload.name, release)

    # time

    def catch_up(self, most_s: float = 60.0) -> None:
        """Simulate what the wall is ahead; at most `most_s`, so that a request does not wait for long."""
        due = self.clock.due()
        self.advance(min(due, most_s))
        if due > most_s:
            self.clock.anchor()

    def advance(self, seconds: float) -> None:
        end = self.clock.elapsed + seconds
        while self.clock.elapsed < end - 1e-9:
            self.clock.elapsed = min(end, self.clock.elapsed + self.step_s)
            self.step()

    def step(self) -> None:
        self.kubelet.step()
        self.manager.run()
        self.garbage.run()

    # what the kubelet asks

    def start(self, pod: Document, runtime: PodRuntime) -> Start:
        profile = self.profile(runtime)
        return Start(ready_after_s=profile.startup_s if profile else 2.0)

    def serves(self, pod: Document, runtime: PodRuntime) -> bool:
        return not runtime.hung

    def is_dead(self, node: str) -> bool:
        return False

    def profile(self, runtime: PodRuntime) -> base.Profile | None:
        for workload in self.base.workloads:
            if workload.ref == runtime.workload:
                return workload.profile
        return None

    def _reconcile_budget(self, budget: Document) -> None:
        self.store.put_status(r.BUDGETS, budget, budget_status(self.store, budget))

    def logs(self, namespace: str, pod: str, *, previous: bool = False) -> list[tuple[str, str]]:
        """(stamp, line), oldest first."""
        found = self.store.find(r.PODS, namespace, pod)
        if found is None:
            return []
        runtime = self.kubelet.runtime(found)
        return list(runtime.previous_logs if previous else runtime.logs)

    def node_of(self, pod: Document) -> Document | None:
        return self.store.find(r.NODES, "", str(dig(pod, "spec", "nodeName") or ""))

    def describe(self) -> list[str]:
        """One line a pod, for people who debug a world."""
        lines = []
        for pod in self.store.all(r.PODS):
            runtime = self.kubelet.runtime(pod)
            lines.append(
                f"{namespace_of(pod)}/{name_of(pod)} {runtime.stage} ready={runtime.ready} on {dig(pod, 'spec', 'nodeName')}"
            )
        return lines
