"""The kinds of objects that are served, as discovery tells them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")


@dataclass(frozen=True)
class Resource:
    """One kind under one API version. `specced`: spec changes raise `metadata.generation`."""

    group: str
    version: str
    kind: str
    plural: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    categories: tuple[str, ...] = ()
    specced: bool = False
    status: bool = True
    scale: bool = False
    custom: bool = False  # defined by a CRD: no strategic merge, the main endpoint does not write the status
    verbs: tuple[str, ...] = READ + WRITE

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def qualified(self) -> str:
        """`deployments.apps`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def __str__(self) -> str:
        return self.qualified

    def __reduce__(self) -> tuple[Callable[[str], "Resource"], tuple[str]]:
        return resource_of_kind, (self.kind,)  # there is one of each, also after reading a kept state


CORE, APPS, BATCH = "", "apps", "batch"
ALL = ("all",)

RESOURCES: tuple[Resource, ...] = (
    Resource(CORE, "v1", "Namespace", "namespaces", ("ns",), namespaced=False),
    Resource(CORE, "v1", "Node", "nodes", ("no",), namespaced=False),
    Resource(CORE, "v1", "Pod", "pods", ("po",), categories=ALL),
    Resource(CORE, "v1", "Service", "services", ("svc",), categories=ALL),
    Resource(CORE, "v1", "Event", "events", ("ev",), status=False),
    Resource(CORE, "v1", "ConfigMap", "configmaps", ("cm",), status=False),
    Resource(CORE, "v1", "Secret", "secrets", status=False),
    Resource(CORE, "v1", "ServiceAccount", "serviceaccounts", ("sa",), status=False),
    Resource(CORE, "v1", "PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",)),
    Resource(CORE, "v1", "PersistentVolume", "persistentvolumes", ("pv",), namespaced=False),
    Resource(APPS, "v1", "Deployment", "deployments", ("deploy",), categories=ALL, specced=True, scale=True),
    Resource(APPS, "v1", "ReplicaSet", "replicasets", ("rs",), categories=ALL, specced=True, scale=True),
    Resource(APPS, "v1", "StatefulSet", "statefulsets", ("sts",), categories=ALL, specced=True, scale=True),
    Resource(APPS, "v1", "DaemonSet", "daemonsets", ("ds",), categories=ALL, specced=True),
    Resource(APPS, "v1", "ControllerRevision", "controllerrevisions", status=False),
    Resource(BATCH, "v1", "Job", "jobs", categories=ALL, specced=True),
    Resource(BATCH, "v1", "CronJob", "cronjobs", ("cj",), categories=ALL, specced=True),
    Resource("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ("pdb",), specced=True),
    Resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ("hpa",), categories=ALL),
    Resource("networking.k8s.io", "v1", "Ingress", "ingresses", ("ing",), specced=True),
    Resource("storage.k8s.io", "v1", "StorageClass", "storageclasses", ("sc",), namespaced=False, status=False),
    Resource(
        "cert-manager.io",
        "v1",
        "Certificate",
        "certificates",
        ("cert", "certs"),
        categories=("cert-manager",),
        specced=True,
        custom=True,
    ),
)

BY_PLURAL = {(one.group, one.version, one.plural): one for one in RESOURCES}
BY_KIND = {one.kind: one for one in RESOURCES}


def resource_of_kind(kind: str) -> Resource:
    return BY_KIND[kind]


(
    NAMESPACES, NODES, PODS, SERVICES, EVENTS, CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, CLAIMS, VOLUMES,
    DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, CONTROLLER_REVISIONS, JOBS, CRON_JOBS,
    BUDGETS, AUTOSCALERS, INGRESSES, STORAGE_CLASSES, CERTIFICATES,
) = RESOURCES  # fmt: skip
