"""Faults below and beside workloads: nodes, disks, certificates, jobs."""

from datetime import timedelta
from typing import Literal

from pydantic import PrivateAttr

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, Ref, controller_of, dig, is_true, name_of, namespace_of, stamp, uid_of
from aiops.sandbox.controllers.kubelet import Start
from aiops.sandbox.controllers.podstatus import PodRuntime
from aiops.sandbox.faults.fault import Fault, Place
from aiops.sandbox.telemetry.exporters import family_of
from aiops.sandbox.traffic import HEALTHY, Ailment

GIB = 1024.0**3


class SickNode(Fault):
    """A node whose network card fails: its kubelet falls silent again and again, and its pods lose requests.

    Nothing on it is well until its pods run elsewhere; the node itself needs hands.
    """

    kind: Literal["sick_node"]
    error_ratio: float = 0.35
    silent_s: float = 60.0
    awake_s: float = 45.0

    def develop(self, place: Place, dt: float) -> None:
        phase = place.clock.elapsed % (self.silent_s + self.awake_s)
        if phase < self.silent_s:
            place.nodes.silence(place.target.name)
        else:
            place.nodes.wake(place.target.name)

    def end(self, place: Place) -> None:
        place.nodes.wake(place.target.name)

    def concerns(self, place: Place, ref: Ref) -> bool:
        return ref.kind == "Node" and ref.name == place.target.name

    def remains(self, place: Place) -> bool:
        node = place.store.find(r.NODES, "", place.target.name)
        cordoned = node is not None and node["spec"].get("unschedulable")
        return not cordoned or any(self._could_leave(place, pod) for pod in place.store.each(r.PODS))

    def _could_leave(self, place: Place, pod: Document) -> bool:
        owner = controller_of(pod)
        stays = owner is not None and owner["kind"] in ("DaemonSet", "Node")
        return dig(pod, "spec", "nodeName") == place.target.name and not stays and not pod["metadata"].get("deletionTimestamp")

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        if dig(pod, "spec", "nodeName") != place.target.name:
            return HEALTHY
        return Ailment(0.95 if place.nodes.is_dead(place.target.name) else self.error_ratio, slower=4.0)


class FillingDisk(Fault):
    """A volume fills up to `final_gib`. Full, its database refuses to write."""

    kind: Literal["filling_disk"]
    gib_per_minute: float
    final_gib: float
    logs: tuple[str, ...] = ("PANIC could not write to file pg_wal/xlogtemp: No space left on device",)

    def concerns(self, place: Place, ref: Ref) -> bool:
        return ref in (place.target, self._claim(place))

    def _claim(self, place: Place) -> Ref:
        """The target may be named as the claim or as the workload that mounts it."""
        if place.target.kind == "PersistentVolumeClaim":
            return place.target
        return Ref("PersistentVolumeClaim", place.target.namespace, f"data-{place.target.name}-0")

    def _mounts(self, place: Place, runtime: PodRuntime) -> bool:
        name = self._claim(place).name.removeprefix("data-").rpartition("-")[0]
        return (runtime.workload.namespace, runtime.workload.name) == (place.target.namespace, name)

    def _capacity(self, place: Place) -> float:
        ref = self._claim(place)
        claim = place.store.find(r.CLAIMS, ref.namespace, ref.name)
        return place.volumes.capacity(claim) if claim else 0.0

    def develop(self, place: Place, dt: float) -> None:
        ref = self._claim(place)
        used = place.volumes.used.get(ref, 0.0) + self.gib_per_minute * GIB * dt / 60
        place.volumes.used[ref] = min(used, self.final_gib * GIB)

    def remains(self, place: Place) -> bool:
        return self.final_gib * GIB > 0.85 * self._capacity(place)

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        if not self._mounts(place, runtime) or place.volumes.used.get(self._claim(place), 0.0) < 0.995 * self._capacity(place):
            return HEALTHY
        if place.clock.elapsed - runtime.told_at > 20:
            runtime.told_at = place.clock.elapsed
            place.kubelet.log(runtime, self.logs[0])
        return Ailment(error_ratio=0.8)


class ExpiringCertificate(Fault):
    """A certificate near its end whose renewal did not begin. When it ends, the ingress that shows it is refused."""

    kind: Literal["expiring_certificate"]
    days_left: float
    serves: str = ""  # namespace/name of the workload behind it

    def begin(self, place: Place) -> None:
        certificate = self._certificate(place)
        now = place.store.now()
        place.certificates.stuck.add(place.target)
        ends = now + timedelta(days=self.days_left)
        status = certificate["status"] | {"notAfter": stamp(ends), "renewalTime": stamp(ends - timedelta(days=30))}
        place.store.put_status(r.CERTIFICATES, certificate, status)

    def _certificate(self, place: Place) -> Document:
        found = place.store.find(r.CERTIFICATES, place.target.namespace, place.target.name)
        assert found is not None
        return found

    def end(self, place: Place) -> None:
        place.certificates.stuck.discard(place.target)

    def remains(self, place: Place) -> bool:
        return place.target in place.certificates.stuck

    def ailment(self, place: Place, pod: Document, runtime: PodRuntime) -> Ailment:
        served = f"{runtime.workload.namespace}/{runtime.workload.name}" == self.serves
        expired = place.certificates.end_of(self._certificate(place)) <= place.store.now().timestamp()
        return Ailment(error_ratio=0.95) if served and expired else HEALTHY


class FailedJob(Fault):
    """A run of a cron job that fails. The next run goes well, unless the fault is in the data (`stays`).

    Where a run moves money (`pays`), running it again pays twice.
    """

    kind: Literal["failed_job"]
    after_s: float = 20.0
    stays: bool = False
    pays: bool = False
    logs: tuple[str, ...] = ("ERROR connection reset by peer while reading page 118 of 240", "FATAL run aborted, exit code 1")
    _job: str = PrivateAttr(default="")
    _uid: str = PrivateAttr(default="")

    def begin(self, place: Place) -> None:
        cron = place.store.find(r.CRON_JOBS, place.target.namespace, place.target.name)
        assert cron is not None
        at = place.store.now()
        while place.store.find(r.JOBS, namespace_of(cron), f"{name_of(cron)}-{int(at.timestamp()) // 60}"):
            at += timedelta(minutes=1)
        job = place.cron_jobs.run(cron, at)
        self._job, self._uid = name_of(job), uid_of(job)

    def hurts_others(self, place: Place) -> bool:
        return self.pays and not self.remains(place)

    def concerns(self, place: Place, ref: Ref) -> bool:
        return ref == place.target or (ref.kind == "Job" and ref.namespace == place.target.namespace)

    def start(self, place: Place, pod: Document, runtime: PodRuntime, start: Start) -> Start:
        owner = controller_of(pod)
        if owner is None or owner["kind"] != "Job":
            return start
        ours = str(owner["uid"]) == self._uid or (self.stays and runtime.workload == place.target)
        return Start(takes_s=2.0, crashes_after_s=self.after_s, exit_code=1, logs=self.logs) if ours else start

    def remains(self, place: Place) -> bool:
        """Until a run of the same job that was made later has gone well."""
        jobs = [job for job in place.store.each(r.JOBS) if family_of(job) == (place.target.namespace, place.target.name)]
        broken = next((job for job in jobs if uid_of(job) == self._uid), None)
        if broken is None:
            return not any(is_true(job, "Complete") for job in jobs)
        later = [job for job in jobs if job["metadata"]["creationTimestamp"] >= broken["metadata"]["creationTimestamp"]]
        return not any(is_true(job, "Complete") and job is not broken for job in later)
