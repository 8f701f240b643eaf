"""The whole simulated cluster: made from the base, moved by time, broken by faults. Knows no HTTP."""

from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any

from aiops.sandbox import base
from aiops.sandbox.clock import Clock, Wall
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.apiserver import ApiServer
from aiops.sandbox.cluster.disruption import budget_status
from aiops.sandbox.cluster.documents import Document, Ref, clone, dig, is_true, name_of, namespace_of, ref_of
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.mutations import Mutation
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.certificates import CertificateController
from aiops.sandbox.controllers.daemons import DaemonSetController
from aiops.sandbox.controllers.deployments import DeploymentController
from aiops.sandbox.controllers.garbage import GarbageCollector
from aiops.sandbox.controllers.jobs import CronJobs, JobController
from aiops.sandbox.controllers.kubelet import Kubelet, Start
from aiops.sandbox.controllers.manager import Manager
from aiops.sandbox.controllers.nodes import NodeController
from aiops.sandbox.controllers.owners import ARGO, FLUX, Autoscaler, GitOps
from aiops.sandbox.controllers.podstatus import PodRuntime, Stage
from aiops.sandbox.controllers.replicas import ReplicaSetController
from aiops.sandbox.controllers.stateful import StatefulSetController
from aiops.sandbox.controllers.volumes import VolumeController
from aiops.sandbox.faults.book import FaultBook, Injected
from aiops.sandbox.faults.deeds import deed_of
from aiops.sandbox.faults.fault import Place
from aiops.sandbox.faults.scenarios import rules
from aiops.sandbox.telemetry.exporters import Exporters, utilisation
from aiops.sandbox.telemetry.monitoring import Monitoring
from aiops.sandbox.telemetry.notifications import Notification
from aiops.sandbox.traffic import Moment, Pods, Traffic

STEP_S = 1.0
COARSE_S = 5.0  # steps while nothing interesting can happen
AGE = timedelta(days=9)  # how old the world says it is
HISTORY_S, PAST_SCRAPE_S = 900.0, 30.0  # of metrics, before anybody looks
CALM_S = 600.0  # how long a reset lets the world run until the past is out of every rule's sight
GIB = 1024.0**3


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
        terminate = self.kubelet.terminate
        self.garbage = GarbageCollector(self.store, terminate)
        self.deployments = DeploymentController(self.store, self.events, self.clock)
        self.nodes = NodeController(self.store, self.events, self.clock, terminate)
        self.volumes = VolumeController(self.store, self.events, self.clock)
        self.certificates = CertificateController(self.store, self.events, self.clock)
        self.cron_jobs = CronJobs(self.store, self.events, self.clock)
        self.autoscaler = Autoscaler(self.api, self.events, self.clock)
        self.gitops = GitOps(self.api, self.clock)
        self.traffic = Traffic.over(self.base.workloads)
        self.faults = FaultBook()
        exporters = Exporters(self.store, self.kubelet, self.traffic, self.volumes, self.certificates, self.clock)
        self.monitoring = Monitoring.of(exporters, self.clock, rules())
        self._healthy: dict[Ref, Document] = {}
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
        self.api.mutations.listeners.append(self._noticed)
        self.manager.attach(
            {
                r.DEPLOYMENTS: self.deployments.reconcile,
                r.REPLICA_SETS: ReplicaSetController(self.store, self.events, ready_for, terminate).reconcile,
                r.STATEFUL_SETS: StatefulSetController(self.store, self.events, ready_for, terminate).reconcile,
                r.DAEMON_SETS: DaemonSetController(self.store, self.events, terminate).reconcile,
                r.JOBS: JobController(self.store, self.events, terminate).reconcile,
                r.BUDGETS: self._reconcile_budget,
                r.CLAIMS: self.volumes.reconcile,
                r.CERTIFICATES: self.certificates.reconcile,
            }
        )

    def _settle(self) -> None:
        """Make the base, release by release, until everything runs and has a history."""
        self.clock.behind = -AGE
        for resource, document in base.objects(self.base, self.clock.now()):
            self.store.add(resource, document)
        self._make(40.0)
        releases = max(len(workload.previous) for workload in self.base.workloads)
        for n in range(1, releases + 1):
            self.clock.behind = -AGE / (2 * n)
            for workload in self.base.workloads:
                if n <= len(workload.previous):
                    self._release(workload, workload.previous[n] if n < len(workload.previous) else "")
            self._make(90.0)
        self._take_over()
        self.clock.behind = timedelta(seconds=-HISTORY_S)
        for cron in self.store.all(r.CRON_JOBS):
            self.cron_jobs.run(cron, self.clock.now() - timedelta(hours=8))
        for _ in range(int(HISTORY_S / PAST_SCRAPE_S)):
            self._make(PAST_SCRAPE_S)
            moment = Moment(self.clock.elapsed, PAST_SCRAPE_S, self.faults.ailment, self.faults.pressure)
            self.traffic.step(self._pods(), moment)
            self.monitoring.scrape()
        self.events.forget()  # an API server keeps them for an hour
        self.clock.behind = timedelta(0)
        self.clock.anchor()

    def _make(self, seconds: float) -> None:
        """Let controllers and kubelets work while nobody looks: without load, metrics and rules."""
        for _ in range(int(seconds / 3)):
            self.clock.elapsed += 3.0
            self.kubelet.step()
            self.manager.run()
            self.garbage.run()

    def _release(self, workload: base.WorkloadSpec, tag: str) -> None:
        manifest = base.manifest(workload, tag=tag)

        def release(document: Document) -> None:
            document["spec"]["template"] = manifest["spec"]["template"]
            document["metadata"]["annotations"] |= manifest["metadata"]["annotations"]

        self.store.edit(r.BY_KIND[workload.kind], workload.namespace, workload.name, release)

    def _take_over(self) -> None:
        """Remember what is healthy, fill the disks, and let GitOps own what it owns."""
        for workload in self.base.workloads:
            document = self.store.find(r.BY_KIND[workload.kind], workload.namespace, workload.name)
            assert document is not None
            self._healthy[workload.ref] = document
            if workload.gitops:
                self.gitops.own(workload.ref, document, by=ARGO if workload.gitops == "argo" else FLUX)
            for claim in self.store.all(r.CLAIMS, workload.namespace):
                if name_of(claim).startswith(f"data-{workload.name}-") and workload.profile.used_gib:
                    self.volumes.used[ref_of(claim)] = workload.profile.used_gib * GIB
        for resource in (r.CERTIFICATES, r.CLAIMS, r.CRON_JOBS):
            for document in self.store.all(resource):
                self._healthy[ref_of(document)] = document

    # time

    def catch_up(self) -> None:
        """Simulate what the wall is ahead, in steps that get coarser with the speed.

        Where that is more than a short while of work, the rest is let go: the world is then slower than it was told to be.
        """
        due, most_s = self.clock.due(), max(60.0, self.clock.speed / 4)
        self.advance(min(due, most_s), step_s=max(self.step_s, min(COARSE_S, self.clock.speed / 100)))
        if due > most_s:
            self.clock.anchor()

    def advance(self, seconds: float, *, step_s: float | None = None) -> None:
        end = self.clock.elapsed + seconds
        while self.clock.elapsed < end - 1e-9:
            dt = min(step_s or self.step_s, end - self.clock.elapsed)
            self.clock.elapsed += dt
            self.step(dt)

    def skip(self, seconds: float) -> None:
        """Let a quiet time pass at little cost: only its last minutes are simulated. For runs over months."""
        self.clock.elapsed += max(0.0, seconds - CALM_S)
        self._coast(min(seconds, CALM_S))

    def _coast(self, seconds: float) -> None:
        self.advance(seconds, step_s=COARSE_S)

    @property
    def is_quiet(self) -> bool:
        """No fault is open, nothing is pending or fires, and every pod is ready or done."""
        pods = all(runtime.ready or runtime.stage is Stage.DONE for runtime in self.kubelet.runtimes.values())
        return self.faults.is_quiet and self.monitoring.rules.is_quiet and pods

    def step(self, dt: float) -> None:
        self.kubelet.step()
        self.nodes.step()
        self.faults.step(dt)
        self.traffic.step(self._pods(), Moment(self.clock.elapsed, dt, self.faults.ailment, self.faults.pressure))
        self.kubelet.kill_over_limit()
        self.autoscaler.step(lambda ref: utilisation(self.store, self.kubelet, ref))
        self.gitops.step()
        self.cron_jobs.step()
        self.manager.run()
        self.garbage.run()
        self.monitoring.step()

    def _pods(self) -> Mapping[Ref, Pods]:
        found: dict[Ref, list[tuple[Document, PodRuntime]]] = {}
        lost = self.any_dead
        for pod in self.store.each(r.PODS):
            runtime = self.kubelet.runtimes[pod["metadata"]["uid"]]
            if runtime.stage is Stage.RUNNING and not (lost and self.nodes.is_lost(str(pod["spec"].get("nodeName")))):
                found.setdefault(runtime.workload, []).append((pod, runtime))
        return found

    # faults

    def inject(self, scenario: str, target: Ref | None = None) -> Injected:
        """Break something; ScenarioError where that cannot be."""
        return self.faults.inject(scenario, self.place, target, self.clock.now())

    def place(self, target: Ref) -> Place:
        return Place(
            target,
            self.api,
            self.store,
            self.clock,
            self.random,
            self.kubelet,
            self.manager,
            self.nodes,
            self.volumes,
            self.certificates,
            self.cron_jobs,
            self.gitops,
            self.traffic,
        )

    def reset(self) -> None:
        """All healthy again: faults end, specs are what they were, and enough time passes for alerts to resolve."""
        self.faults.end_all()
        for ref, healthy in self._healthy.items():
            self._restore(ref, healthy)
        for node in self.store.all(r.NODES):
            if node["spec"].get("unschedulable"):
                spec = {key: value for key, value in node["spec"].items() if key not in ("unschedulable", "taints")}
                kept = [one for one in node["spec"].get("taints") or [] if not one["key"].startswith("node.kubernetes.io/")]
                self.store.put(r.NODES, node | {"spec": spec | ({"taints": kept} if kept else {})})
        for job in self.store.all(r.JOBS):
            if not is_true(job, "Complete"):
                self.store.remove(r.JOBS, namespace_of(job), name_of(job))
        for pod in self.store.all(r.PODS):
            if not self.kubelet.runtime(pod).ready and self.kubelet.runtime(pod).stage is not Stage.DONE:
                self.kubelet.terminate(pod)
        for service in self.traffic.services.values():
            service.depth = 0.0
        self._coast(CALM_S)
        self.clock.anchor()

    def _restore(self, ref: Ref, healthy: Document) -> None:
        resource = r.BY_KIND[ref.kind]
        there = self.store.find(resource, ref.namespace, ref.name)
        if there is None:
            meta = {
                key: value for key, value in healthy["metadata"].items() if key not in ("uid", "resourceVersion", "generation")
            }
            self.store.add(resource, clone(healthy) | {"metadata": meta})
        elif resource in (r.CLAIMS, r.CERTIFICATES):
            if resource is r.CERTIFICATES:
                self.store.put_status(resource, there, healthy["status"])
            else:
                self.volumes.used[ref] = self._used_at_first(ref)
        else:
            self.store.put(resource, there | {"spec": healthy["spec"]})
            if self.gitops.owns(ref):
                self.gitops.renew(ref, healthy)

    def _used_at_first(self, claim: Ref) -> float:
        for workload in self.base.workloads:
            if claim.namespace == workload.namespace and claim.name.startswith(f"data-{workload.name}-"):
                return workload.profile.used_gib * GIB
        return 0.0

    def _noticed(self, mutation: Mutation) -> None:
        deed = deed_of(mutation, self.store, self.clock.elapsed)
        if deed is not None:
            self.faults.noticed(deed)

    def notifications(self) -> list[Notification]:
        """Webhook bodies, version 4, that became due since the last call; who asks has received them."""
        taken = self.monitoring.take_outgoing()
        for one in taken:
            self.monitoring.notifier.delivered(one, self.clock.elapsed)
        return taken

    # what the kubelet asks

    def start(self, pod: Document, runtime: PodRuntime) -> Start:
        start = Start(ready_after_s=2.0)
        if (service := self.traffic.services.get(runtime.workload)) is not None:
            profile = service.spec.profile
            start = Start(ready_after_s=profile.startup_s, logs=(f"INFO {service.spec.name} starting", "INFO listening on :8080"))
        elif runtime.workload.kind in ("CronJob", "Job"):
            cron = next(
                (one for one in self.base.cron_jobs if (one.namespace, one.name) == (runtime.workload.namespace, _family(pod))),
                None,
            )
            took = cron.takes_s if cron else 20.0
            start = Start(ready_after_s=1.0, ends_after_s=took, logs=("INFO run begins", "INFO 240 of 240 pages written"))
        return self.faults.start(pod, runtime, start)

    @property
    def any_dead(self) -> bool:
        return bool(self.nodes.silent_since)

    def is_dead(self, node: str) -> bool:
        return self.nodes.is_dead(node)

    def is_lost(self, node: str) -> bool:
        return self.nodes.is_lost(node)

    def _reconcile_budget(self, budget: Document) -> None:
        self.store.put_status(r.BUDGETS, budget, budget_status(self.store, budget))

    # looking in

    def logs(self, namespace: str, pod: str, *, previous: bool = False) -> list[tuple[str, str]]:
        """(stamp, line), oldest first."""
        found = self.store.find(r.PODS, namespace, pod)
        if found is None:
            return []
        runtime = self.kubelet.runtime(found)
        return list(runtime.previous_logs if previous else runtime.logs)


def _family(pod: Document) -> str:
    return str(dig(pod, "metadata", "labels", "app.kubernetes.io/name") or "")
