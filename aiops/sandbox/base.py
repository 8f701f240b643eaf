"""The healthy world as data (`base.yaml`) and the Kubernetes objects that it stands for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.admission import with_defaults
from aiops.sandbox.cluster.documents import Document, Ref, stamp
from aiops.sandbox.cluster.quantities import quantity
from aiops.sandbox.cluster.resources import Resource

SOURCE = Path(__file__).parent / "base.yaml"
CHANGE_CAUSE = "kubernetes.io/change-cause"
DEPENDS_ON = "aiops.dev/depends-on"  # a comma list of namespace/name
CRITICALITY = "aiops.dev/criticality"  # a label: tier-1 is the most critical
ARGO = "argocd.argoproj.io/instance"
FLUX = "kustomize.toolkit.fluxcd.io/name"


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Profile(Strict):
    """How a workload behaves when nothing is wrong: what comes in, what one pod can take, what it needs."""

    rps: float = 0.0
    pod_rps: float = 100.0
    latency_ms: float = 20.0
    memory_mib: float = 64.0
    startup_s: float = 5.0
    queue: str = ""
    arrivals: float = 0.0  # messages a second into the queue
    connections: int = 0  # a database takes that many
    pool: int = 10  # connections that one pod opens to each database it depends on
    used_gib: float = 0.0


class Autoscaling(Strict):
    min: int
    max: int
    cpu: int  # per cent of the request


class WorkloadSpec(Strict):
    kind: Literal["Deployment", "StatefulSet", "DaemonSet"]
    namespace: str
    name: str
    image: str
    previous: tuple[str, ...] = ()  # tags before today's, oldest first
    replicas: int = 1
    cpu: tuple[str, str]
    memory: tuple[str, str]
    tier: int
    min_available: int | None = None
    depends_on: tuple[str, ...] = ()
    hpa: Autoscaling | None = None
    gitops: Literal["", "argo", "flux"] = ""
    storage: str = ""
    everywhere: bool = False
    certificate: str = ""
    node: str = ""  # where its disk is
    profile: Profile = Profile()

    @cached_property
    def ref(self) -> Ref:
        return Ref(self.kind, self.namespace, self.name)

    @cached_property
    def cores(self) -> tuple[float, float]:
        """(requested, limit)"""
        return quantity(self.cpu[0]), quantity(self.cpu[1])

    @cached_property
    def has_load(self) -> bool:
        return bool(self.profile.rps or self.profile.queue)

    @cached_property
    def dependencies(self) -> tuple[tuple[str, str], ...]:
        """(namespace, name) pairs."""
        return tuple((one.partition("/")[0], one.partition("/")[2]) for one in self.depends_on)


class NodeSpec(Strict):
    name: str
    cpu: int
    memory: str
    control_plane: bool = False


class CronJobSpec(Strict):
    namespace: str
    name: str
    image: str
    schedule: str
    takes_s: float


class CertificateSpec(Strict):
    namespace: str
    name: str
    dns: str
    days: int


class DataSpec(Strict):
    namespace: str
    name: str
    data: dict[str, str]


class Base(Strict):
    namespaces: dict[str, dict[str, str]]
    nodes: tuple[NodeSpec, ...]
    workloads: tuple[WorkloadSpec, ...]
    static_pods: tuple[str, ...]
    cron_jobs: tuple[CronJobSpec, ...]
    certificates: tuple[CertificateSpec, ...]
    config_maps: tuple[DataSpec, ...]
    secrets: tuple[DataSpec, ...]


@cache
def load(path: Path = SOURCE) -> Base:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Base.model_validate(yaml.load(path.read_text(), loader))  # noqa: S506  (both are safe loaders)


def objects(base: Base, now: datetime) -> Iterator[tuple[Resource, Document]]:
    """Everything but what controllers make, in the order in which it can be stored."""
    for name, labels in base.namespaces.items():
        meta: Document = {"name": name, "labels": {"kubernetes.io/metadata.name": name} | labels}
        yield r.NAMESPACES, {"metadata": meta, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        if name not in ("kube-public", "kube-node-lease"):
            yield r.SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": name}}
    for i, node in enumerate(base.nodes):
        yield r.NODES, _node(node, i, now)
    yield r.STORAGE_CLASSES, _storage_class()
    for name in base.static_pods:
        yield r.PODS, _static_pod(name, next(node.name for node in base.nodes if node.control_plane))
    for one in base.config_maps:
        yield r.CONFIG_MAPS, {"metadata": {"name": one.name, "namespace": one.namespace}, "data": dict(one.data)}
    for one in base.secrets:
        yield r.SECRETS, {"metadata": {"name": one.name, "namespace": one.namespace}, "type": "Opaque", "data": dict(one.data)}
    for workload in base.workloads:
        yield from _surroundings(workload)
        yield r.BY_KIND[workload.kind], manifest(workload, tag=workload.previous[0] if workload.previous else "")
    for cron in base.cron_jobs:
        yield r.CRON_JOBS, _cron_job(cron)
    for certificate in base.certificates:
        yield r.CERTIFICATES, _certificate(certificate, now)


def manifest(workload: WorkloadSpec, *, tag: str = "") -> Document:
    """The workload at `tag` of its image, or as it is today."""
    labels = {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/part-of": workload.namespace,
        CRITICALITY: f"tier-{workload.tier}",
    }
    notes = {CHANGE_CAUSE: change_cause(workload, tag)}
    if workload.depends_on:
        notes[DEPENDS_ON] = ",".join(workload.depends_on)
    if workload.gitops == "argo":
        labels[ARGO] = workload.name
        notes["argocd.argoproj.io/tracking-id"] = f"{workload.name}:apps/{workload.kind}:{workload.namespace}/{workload.name}"
    if workload.gitops == "flux":
        labels |= {FLUX: workload.name, "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    spec: Document = {
        "selector": {"matchLabels": {"app.kubernetes.io/name": workload.name}},
        "template": {"metadata": {"labels": {"app.kubernetes.io/name": workload.name}}, "spec": _pod_spec(workload, tag)},
    }
    if workload.kind != "DaemonSet":
        spec["replicas"] = workload.replicas
    if workload.kind == "StatefulSet":
        spec["serviceName"] = workload.name
        if workload.storage:
            claim_spec = {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "standard",
                "resources": {"requests": {"storage": workload.storage}},
            }
            spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim_spec | {"volumeMode": "Filesystem"}}]
    meta = {"name": workload.name, "namespace": workload.namespace, "labels": labels, "annotations": notes}
    return with_defaults(r.BY_KIND[workload.kind], {"metadata": meta, "spec": spec, "status": {}})


def change_cause(workload: WorkloadSpec, tag: str) -> str:
    return f"release {workload.name} {tag or workload.image.rpartition(':')[2]}"


def _pod_spec(workload: WorkloadSpec, tag: str) -> Document:
    image = f"{workload.image.rpartition(':')[0]}:{tag}" if tag else workload.image
    container: Document = {
        "name": workload.name,
        "image": image,
        "ports": [{"containerPort": 8080, "protocol": "TCP", "name": "http"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {
            "requests": {"cpu": workload.cpu[0], "memory": workload.memory[0]},
            "limits": {"cpu": workload.cpu[1], "memory": workload.memory[1]},
        },
        "readinessProbe": {
            "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
            "periodSeconds": 5,
            "failureThreshold": 2,
        },
    }
    spec: Document = {"containers": [container], "serviceAccountName": "default"}
    if workload.node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": workload.node}
    if workload.storage:
        container["volumeMounts"] = [{"name": "data", "mountPath": "/var/lib/data"}]
    if workload.everywhere or workload.namespace == "kube-system":
        spec["tolerations"] = [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}]
    if workload.namespace == "kube-system":
        spec["priorityClassName"] = "system-cluster-critical"
    return spec


def _surroundings(workload: WorkloadSpec) -> Iterator[tuple[Resource, Document]]:
    """The Service, the disruption budget, the autoscaler and the ingress of a workload."""
    selector = {"app.kubernetes.io/name": workload.name}
    place = {"name": workload.name, "namespace": workload.namespace}
    if workload.kind != "DaemonSet":
        number = sum(ord(letter) for letter in workload.namespace + workload.name)
        port = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}
        address = f"10.96.{number % 250}.{number // 250 + 10}"
        spec: Document = {
            "type": "ClusterIP",
            "clusterIP": address,
            "clusterIPs": [address],
            "ports": [port],
            "selector": selector,
        }
        yield r.SERVICES, {"metadata": dict(place), "spec": spec, "status": {"loadBalancer": {}}}
    if workload.min_available is not None:
        budget = {"minAvailable": workload.min_available, "selector": {"matchLabels": selector}}
        yield r.BUDGETS, {"metadata": dict(place), "spec": budget, "status": {}}
    if workload.hpa is not None:
        metric = {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": workload.hpa.cpu}},
        }
        aim = {"apiVersion": "apps/v1", "kind": workload.kind, "name": workload.name}
        scaling = {"scaleTargetRef": aim, "minReplicas": workload.hpa.min, "maxReplicas": workload.hpa.max, "metrics": [metric]}
        yield r.AUTOSCALERS, {"metadata": dict(place), "spec": scaling, "status": {"currentReplicas": workload.replicas}}
    if workload.certificate:
        backend = {"service": {"name": workload.name, "port": {"number": 80}}}
        rule = {"host": workload.certificate, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        tls = [{"hosts": [workload.certificate], "secretName": workload.certificate.replace(".", "-")}]
        yield (
            r.INGRESSES,
            {"metadata": dict(place), "spec": {"ingressClassName": "nginx", "tls": tls, "rules": [rule]}, "status": {}},
        )


def _node(node: NodeSpec, number: int, now: datetime) -> Document:
    role = "control-plane" if node.control_plane else "worker"
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        f"node-role.kubernetes.io/{role}": "",
        "topology.kubernetes.io/zone": f"eu1-{'abc'[number % 3]}",
    }
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    amounts = {"cpu": str(node.cpu), "memory": node.memory, "pods": "110", "ephemeral-storage": "100Gi"}
    at = stamp(now)
    conditions = [
        {"type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": at, "lastTransitionTime": at}
        for kind, status, reason, message in (
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        )
    ]
    return {
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"podCIDR": f"10.42.{number}.0/24", "providerID": f"sandbox://{node.name}"}
        | ({"taints": [taint]} if node.control_plane else {}),
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": f"192.168.10.{10 + number}"},
                {"type": "Hostname", "address": node.name},
            ],
            "capacity": amounts,
            "allocatable": dict(amounts),
            "conditions": conditions,
            "nodeInfo": {
                "architecture": "amd64",
                "containerRuntimeVersion": "containerd://1.7.22",
                "kernelVersion": "6.1.0-25-amd64",
                "kubeletVersion": "v1.32.4",
                "kubeProxyVersion": "v1.32.4",
                "operatingSystem": "linux",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "bootID": "",
                "machineID": f"{number:032x}",
                "systemUUID": "",
            },
        },
    }


def _storage_class() -> Document:
    notes = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "metadata": {"name": "standard", "annotations": notes},
        "provisioner": "sandbox.example/disk",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }


def _static_pod(name: str, node: str) -> Document:
    container = {
        "name": name,
        "image": f"registry.example.net/kube/{name}:1.32.4",
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
    }
    meta = {
        "name": f"{name}-{node}",
        "namespace": "kube-system",
        "labels": {"component": name, "tier": "control-plane"},
        "annotations": {"kubernetes.io/config.source": "file", "kubernetes.io/config.mirror": name},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": node, "uid": "", "controller": True}],
    }
    spec = {"nodeName": node, "containers": [container], "priorityClassName": "system-node-critical", "hostNetwork": True}
    return with_defaults(r.PODS, {"metadata": meta, "spec": spec, "status": {"phase": "Pending", "qosClass": "Burstable"}})


def _cron_job(cron: CronJobSpec) -> Document:
    container = {"name": cron.name, "image": cron.image, "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}
    template = {
        "metadata": {"labels": {"app.kubernetes.io/name": cron.name}},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }
    job = {"spec": {"backoffLimit": 1, "template": template}}
    meta = {"name": cron.name, "namespace": cron.namespace, "labels": {"app.kubernetes.io/name": cron.name}}
    return with_defaults(r.CRON_JOBS, {"metadata": meta, "spec": {"schedule": cron.schedule, "jobTemplate": job}, "status": {}})


def _certificate(certificate: CertificateSpec, now: datetime) -> Document:
    issuer = {"name": "letsencrypt", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    spec = {
        "secretName": certificate.name,
        "dnsNames": [certificate.dns],
        "issuerRef": issuer,
        "duration": "2160h0m0s",
        "renewBefore": "720h0m0s",
    }
    ends = now + timedelta(days=certificate.days)
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "message": "Certificate is up to date and has not expired",
        "lastTransitionTime": stamp(now),
        "observedGeneration": 1,
    }
    status = {
        "conditions": [condition],
        "notBefore": stamp(ends - timedelta(days=90)),
        "notAfter": stamp(ends),
        "renewalTime": stamp(ends - timedelta(days=30)),
        "revision": 1,
    }
    return {"metadata": {"name": certificate.name, "namespace": certificate.namespace}, "spec": spec, "status": status}
