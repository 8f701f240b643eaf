"""What a scrape of the cluster shows, with the label sets of the usual exporters.

kube-state-metrics, the kubelet and the exporters of databases and brokers put *their own* `job`, `instance`, `service`
and sometimes `pod` beside the object's labels: the exporter is not the patient, and clients have to know it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import (
    Document,
    Ref,
    condition_of,
    controller_of,
    dig,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    ref_of,
)
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.certificates import CertificateController
from aiops.sandbox.controllers.kubelet import Kubelet
from aiops.sandbox.controllers.pods import requests_of
from aiops.sandbox.controllers.podstatus import PodRuntime, Stage
from aiops.sandbox.controllers.volumes import VolumeController
from aiops.sandbox.telemetry.series import Labels, labels
from aiops.sandbox.traffic import Service, Traffic

Sample = tuple[str, Labels, float]
KSM = {"job": "kube-state-metrics", "instance": "10.42.0.9:8080", "endpoint": "http", "service": "kube-state-metrics"}
KUBELET = {"job": "kubelet", "endpoint": "https-metrics", "metrics_path": "/metrics", "service": "kubelet"}
_OWNER_LABEL = {"Deployment": "deployment", "StatefulSet": "statefulset", "DaemonSet": "daemonset"}


@dataclass(slots=True)
class _PodLabels:
    """The label sets of one pod, made once."""

    state: Labels
    container: Labels
    cadvisor: Labels
    app: Labels
    ok: Labels
    failed: Labels
    p50: Labels
    p99: Labels


@dataclass
class Exporters:
    store: Store
    kubelet: Kubelet
    traffic: Traffic
    volumes: VolumeController
    certificates: CertificateController
    clock: Clock
    _pods: dict[str, _PodLabels] = field(default_factory=dict)

    def samples(self) -> Iterator[Sample]:
        yield from self._pod_samples()
        yield from self._workload_samples()
        yield from self._node_samples()
        yield from self._batch_samples()
        yield from self._volume_samples()
        yield from self._certificate_samples()
        for service in self.traffic.services.values():
            yield from self._service_samples(service)

    # pods

    def _pod_samples(self) -> Iterator[Sample]:
        alive: set[str] = set()
        any_dead = self.kubelet.physics.any_dead
        for pod in self.store.each(r.PODS):
            runtime = self.kubelet.runtime(pod)
            alive.add(runtime.uid)
            known = self._pods.get(runtime.uid) or self._remember(pod, runtime)
            phase = str(pod["status"]["phase"])
            yield "kube_pod_status_phase", (*known.state, ("phase", phase)), 1.0
            yield "kube_pod_status_ready", (*known.state, ("condition", "true")), float(runtime.is_reported)
            yield "kube_pod_container_status_restarts_total", known.container, float(runtime.restarts)
            if runtime.last_reason:
                yield (
                    "kube_pod_container_status_last_terminated_reason",
                    (*known.container, ("reason", runtime.last_reason)),
                    1.0,
                )
            if runtime.stage in (Stage.WAITING, Stage.CREATING):
                yield "kube_pod_container_status_waiting_reason", (*known.container, ("reason", runtime.waiting_reason)), 1.0
            if runtime.stage is not Stage.RUNNING or (
                any_dead and self.kubelet.physics.is_dead(str(dig(pod, "spec", "nodeName")))
            ):
                continue
            yield "container_memory_working_set_bytes", known.cadvisor, runtime.memory
            yield "container_cpu_usage_seconds_total", known.cadvisor, runtime.cpu_s
            if runtime.memory_limit is not None:
                yield "container_spec_memory_limit_bytes", known.cadvisor, runtime.memory_limit
            yield from self._app_samples(known, runtime)
        for gone in self._pods.keys() - alive:
            del self._pods[gone]

    def _app_samples(self, known: _PodLabels, runtime: PodRuntime) -> Iterator[Sample]:
        service = self.traffic.services.get(runtime.workload)
        if service is None or not (service.spec.profile.rps or service.spec.profile.queue):
            return
        yield "up", known.app, float(not runtime.silent)
        if runtime.silent:
            return
        name = "messages_processed_total" if service.spec.profile.queue else "http_requests_total"
        yield name, known.ok, runtime.served
        yield name, known.failed, runtime.failed
        if not service.spec.profile.queue:
            yield "http_request_duration_seconds", known.p50, runtime.p50_s
            yield "http_request_duration_seconds", known.p99, runtime.p99_s

    def _remember(self, pod: Document, runtime: PodRuntime) -> _PodLabels:
        container = pod["spec"]["containers"][0]["name"]
        place = {"namespace": namespace_of(pod), "pod": name_of(pod)}
        node = str(dig(pod, "spec", "nodeName") or "")
        owner = {_OWNER_LABEL[runtime.workload.kind]: runtime.workload.name} if runtime.workload.kind in _OWNER_LABEL else {}
        app = place | owner | {"container": container, "service": runtime.workload.name, "job": runtime.workload.name}
        app |= {"instance": f"{runtime.ip}:8080", "endpoint": "http"}
        known = _PodLabels(
            state=labels(**KSM, **place, uid=runtime.uid),
            container=labels(**KSM, **place, container=container, uid=runtime.uid),
            cadvisor=labels(**(KUBELET | {"metrics_path": "/metrics/cadvisor"}), **place, container=container, node=node),
            app=labels(**app),
            ok=labels(**app, code="200"),
            failed=labels(**app, code="500"),
            p50=labels(**app, quantile="0.5"),
            p99=labels(**app, quantile="0.99"),
        )
        if node:
            self._pods[runtime.uid] = known
        return known

    # what kube-state-metrics tells of everything else

    def _workload_samples(self) -> Iterator[Sample]:
        for one in self.store.each(r.DEPLOYMENTS):
            which = _ksm("deployment", namespace_of(one), name_of(one))
            yield "kube_deployment_spec_replicas", which, _number(one, "spec", "replicas")
            yield "kube_deployment_status_replicas_available", which, _number(one, "status", "availableReplicas")
            yield "kube_deployment_status_replicas_updated", which, _number(one, "status", "updatedReplicas")
            yield "kube_deployment_status_observed_generation", which, _number(one, "status", "observedGeneration")
            yield "kube_deployment_metadata_generation", which, _number(one, "metadata", "generation")
            progressing = (condition_of(one, "Progressing") or {}).get("status")
            yield (
                "kube_deployment_status_condition",
                (*which, ("condition", "Progressing"), ("status", "false")),
                float(progressing == "False"),
            )
        for one in self.store.each(r.STATEFUL_SETS):
            which = _ksm("statefulset", namespace_of(one), name_of(one))
            yield "kube_statefulset_replicas", which, _number(one, "spec", "replicas")
            yield "kube_statefulset_status_replicas_ready", which, _number(one, "status", "readyReplicas")
            yield "kube_statefulset_status_replicas_updated", which, _number(one, "status", "updatedReplicas")
        for one in self.store.each(r.DAEMON_SETS):
            which = _ksm("daemonset", namespace_of(one), name_of(one))
            yield "kube_daemonset_status_desired_number_scheduled", which, _number(one, "status", "desiredNumberScheduled")
            yield "kube_daemonset_status_number_available", which, _number(one, "status", "numberAvailable")
        for one in self.store.each(r.AUTOSCALERS):
            which = _ksm("horizontalpodautoscaler", namespace_of(one), name_of(one))
            yield "kube_horizontalpodautoscaler_status_current_replicas", which, _number(one, "status", "currentReplicas")
            yield "kube_horizontalpodautoscaler_status_desired_replicas", which, _number(one, "status", "desiredReplicas")
            yield "kube_horizontalpodautoscaler_spec_max_replicas", which, _number(one, "spec", "maxReplicas")

    def _node_samples(self) -> Iterator[Sample]:
        for node in self.store.each(r.NODES):
            which = _ksm("node", "", name_of(node))
            yield (
                "kube_node_status_condition",
                (*which, ("condition", "Ready"), ("status", "true")),
                float(is_true(node, "Ready")),
            )
            yield "kube_node_spec_unschedulable", which, float(bool(node["spec"].get("unschedulable")))

    def _batch_samples(self) -> Iterator[Sample]:
        newest: dict[tuple[str, str], str] = {}
        jobs = sorted(self.store.each(r.JOBS), key=lambda job: int(job["metadata"]["resourceVersion"]))
        for job in sorted(jobs, key=lambda job: str(job["metadata"]["creationTimestamp"])):
            if is_true(job, "Complete") or is_true(job, "Failed"):
                newest[family_of(job)] = name_of(job)
        for job in jobs:
            owner = controller_of(job)
            named = {"owner_kind": "CronJob", "owner_name": str(owner["name"])} if owner else {}
            which = labels(**KSM, namespace=namespace_of(job), job_name=name_of(job), **named)
            if is_true(job, "Failed"):
                yield "kube_job_failed", (*which, ("condition", "true")), 1.0
                # A rerun that went well makes the failure history; a recording rule of many teams.
                yield "kube_job_superseded", which, float(newest.get(family_of(job)) != name_of(job))
            elif is_true(job, "Complete"):
                yield "kube_job_complete", (*which, ("condition", "true")), 1.0

    def _volume_samples(self) -> Iterator[Sample]:
        for claim in self.store.each(r.CLAIMS):
            used = self.volumes.used.get(ref_of(claim))
            if used is None:
                continue
            capacity = self.volumes.capacity(claim)
            which = labels(
                **KUBELET, namespace=namespace_of(claim), persistentvolumeclaim=name_of(claim), instance="192.168.10.11:10250"
            )
            yield "kubelet_volume_stats_capacity_bytes", which, capacity
            yield "kubelet_volume_stats_used_bytes", which, min(used, capacity)
            yield "kubelet_volume_stats_available_bytes", which, max(0.0, capacity - used)

    def _certificate_samples(self) -> Iterator[Sample]:
        for one in self.store.each(r.CERTIFICATES):
            # Scraped without honorLabels: `namespace` is cert-manager's own.
            exporter = {"job": "cert-manager", "namespace": "cert-manager", "instance": "10.42.0.31:9402"}
            which = labels(**exporter, name=name_of(one), exported_namespace=namespace_of(one))
            yield "certmanager_certificate_expiration_timestamp_seconds", which, self.certificates.end_of(one)
            yield "certmanager_certificate_ready_status", (*which, ("condition", "True")), float(is_true(one, "Ready"))

    def _service_samples(self, service: Service) -> Iterator[Sample]:
        spec = service.spec
        if spec.profile.queue:
            exporter = {"job": "rabbitmq", "namespace": "data", "pod": "queue-0", "instance": "10.42.1.7:15692", "vhost": "/"}
            yield "rabbitmq_queue_messages_ready", labels(**exporter, queue=spec.profile.queue), service.depth
        if spec.profile.connections:
            exporter = {
                "job": "postgres-exporter",
                "namespace": spec.namespace,
                "statefulset": spec.name,
                "server": f"{spec.name}:5432",
            }
            yield "pg_stat_activity_count", labels(**exporter), min(service.connections, spec.profile.connections)
            yield "pg_settings_max_connections", labels(**exporter), float(spec.profile.connections)
            yield "pg_up", labels(**exporter), float(service.serving > 0)
        if spec.name == "redis":
            exporter = {"job": "redis-exporter", "namespace": spec.namespace, "statefulset": spec.name, "instance": "redis:6379"}
            yield "redis_up", labels(**exporter), float(service.error_ratio < 0.9)


@cache
def _ksm(label: str, namespace: str, name: str) -> Labels:
    """What kube-state-metrics puts on a series of an object; `label` is how it names the kind."""
    place = {"namespace": namespace} if namespace else {}
    return labels(**KSM, **place, **{label: name})


def family_of(job: Document) -> tuple[str, str]:
    """What runs again and again: the jobs with the same application label, whoever made them."""
    template = dig(job, "spec", "template") or {"metadata": {}}
    return namespace_of(job), labels_of(template).get("app.kubernetes.io/name", name_of(job))


def utilisation(store: Store, kubelet: Kubelet, ref: Ref) -> float | None:
    """Cores in use over cores requested of the workload's ready pods; None where none is ready."""
    used = wanted = 0.0
    for pod in store.each(r.PODS):
        runtime = kubelet.runtime(pod)
        if runtime.workload == ref and runtime.ready:
            used += runtime.cpu
            wanted += requests_of(pod)[0]
    return used / wanted if wanted else None


def _number(document: Document, *path: str) -> float:
    return float(dig(document, *path) or 0)
