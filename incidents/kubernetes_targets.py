"""The steps of target extraction that end at an object of Kubernetes. Their order stands in `targets.py`.

A step gives the target, None when its labels are not there, and raises Unusable when they name something that cannot exist.
"""

import re

from aiops.core.targets import Target, is_name, is_namespace, owner_of_pod
from incidents import labels as spellings
from incidents.labels import MAX_NAME, Labels, Reporter, first, is_exporter_name

_TEMPLATE_HASH = re.compile(r"(?P<owner>.+)-[bcdfghjklmnpqrstvwxz2456789]{7,10}")
_API_SERVICE = re.compile(r"v\d+(?:(?:alpha|beta)\d+)?\.[a-z0-9.-]+")
_CLOUD_NAMESPACE = re.compile(r"[A-Za-z]+(?:/[A-Za-z]+)+")
_KIND = re.compile(r"[A-Z][A-Za-z]{2,40}")
_SEARCH = re.compile(r"elastic|opensearch", re.IGNORECASE)
_SEARCH_MEMBER = re.compile(r"[a-z0-9][-a-z0-9]*-\d{1,3}")
_CERTIFICATE = re.compile(r"cert", re.IGNORECASE)
_ARGO = re.compile(r"argo", re.IGNORECASE)
_OF_KUBERNETES = re.compile(r"kube|node|gpu|k8s", re.IGNORECASE)
_CONTROL_PLANE_JOB = re.compile(r"kube-?(?:apiserver|scheduler|controller-manager|proxy|let)|apiserver")
_KINDS = {
    "deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "replicaset": "ReplicaSet",
    "job": "Job", "cronjob": "CronJob", "pod": "Pod", "staticpod": "Pod",
}  # fmt: skip
_WORKLOADS = (
    (spellings.DEPLOYMENT, "Deployment"),
    (spellings.STATEFULSET, "StatefulSet"),
    (spellings.DAEMONSET, "DaemonSet"),
    (spellings.REPLICASET, "ReplicaSet"),
    (spellings.CRONJOB, "CronJob"),
    (spellings.JOB, "Job"),
)
_GOVERNORS = (
    (spellings.QUOTA, "ResourceQuota"),
    (spellings.AUTOSCALER, "HorizontalPodAutoscaler"),
    (spellings.BUDGET, "PodDisruptionBudget"),
    (("scaledObject", "scaledobject"), "ScaledObject"),
)


# Most alerts carry none of these: one look at all of them spares the look at each.
_OF_WORKLOADS = frozenset(name for names, _ in _WORKLOADS for name in names) | {"workload", "owner_name", "destination_workload"}
_OF_GOVERNORS = frozenset(name for names, _ in _GOVERNORS for name in names)


# With an instance, the service is the reporter's; without one it is what was summed up, the reporter itself perhaps.
_OF_OTHERS = frozenset({Reporter.KUBE_STATE_METRICS, Reporter.MACHINE, Reporter.KUBELET, Reporter.PROBE})


class Unusable(Exception):
    """The labels name something, but with a value that cannot be a name."""


def namespace(labels: Labels) -> str | None:
    """The namespace label of the object; None where there is none or a cloud means something else by it."""
    value = first(labels, spellings.NAMESPACE)
    if value is None or is_namespace(value):
        return value
    if _CLOUD_NAMESPACE.fullmatch(value):  # AWS/ApplicationELB and its like
        return None
    raise Unusable


def about(labels: Labels) -> str:
    """Alert name and scrape job together, bounded: where a product's own labels are recognised by."""
    return f"{labels.get('alertname', '')[:MAX_NAME]} {labels.get('job', '')[:MAX_NAME]}"


def _object(labels: Labels, kind: str, name: str) -> Target:
    if len(name) > MAX_NAME or not is_name(name):
        raise Unusable
    if kind == "ReplicaSet" and (made := _TEMPLATE_HASH.fullmatch(name)):
        kind, name = "Deployment", made["owner"]
    return Target(kind=kind, namespace=namespace(labels), name=name)


def _place(labels: Labels, *spelled: str) -> Labels:
    """The labels for an object whose namespace has a label of its own, where it is there."""
    own = first(labels, spelled)
    return {"namespace": own} if own else labels


def claim(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.CLAIM)
    if not name:
        return None
    return _object(_place(labels, *spellings.CLAIM_NAMESPACE), "PersistentVolumeClaim", name)


def workload(labels: Labels, reporter: Reporter) -> Target | None:
    if _OF_WORKLOADS.isdisjoint(labels):
        return None
    for names, kind in _WORKLOADS:
        if name := first(labels, names):
            return _object(labels, kind, name)
    for name_label, kind_label in (("workload", "workload_type"), ("owner_name", "owner_kind")):
        if (name := labels.get(name_label)) and (known := _KINDS.get(labels.get(kind_label, "").lower())):
            return _object(labels, known, name)
    if name := labels.get("destination_workload"):  # of a service mesh: the plain namespace is its control plane's
        return _object(_place(labels, "destination_workload_namespace"), "Deployment", name)
    return None


def governor(labels: Labels, reporter: Reporter) -> Target | None:
    """Quotas, autoscalers and budgets: what limits workloads."""
    if _OF_GOVERNORS.isdisjoint(labels):
        return None
    for names, kind in _GOVERNORS:
        if name := first(labels, names):
            return _object(labels, kind, name)
    return None


def certificate(labels: Labels, reporter: Reporter) -> Target | None:
    """A Certificate of cert-manager, whose metrics call it `name`; a value that is no name is some other thing's."""
    if name := labels.get("certificate"):
        return _object(_place(labels, "certificate_namespace"), "Certificate", name)
    name = labels.get("name", "")
    return _object(labels, "Certificate", name) if is_name(name) and _CERTIFICATE.search(about(labels)) else None


def custom_resource(labels: Labels, reporter: Reporter) -> Target | None:
    name = labels.get("name", "")
    if not is_name(name):
        return None
    if _API_SERVICE.fullmatch(name):
        return Target(kind="APIService", name=name)
    kind = labels.get("customresource_kind") or labels.get("kind", "")
    if _KIND.fullmatch(kind):
        return _object(labels, kind, name)
    return _object(labels, "Application", name) if _ARGO.search(about(labels)) else None


def ingress(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.INGRESS)
    return _object(labels, "Ingress", name) if name else None


def real_pod(labels: Labels, reporter: Reporter) -> str | None:
    """The pod's name where it is the patient's: it has a uid, was exported, or does not look like an exporter."""
    exported = labels.get("exported_pod")
    if exported is None and "exported_namespace" in labels:
        return None  # the plain pod is the exporter's
    name = exported or first(labels, spellings.POD)
    if name is None or reporter is Reporter.MACHINE:
        return None
    if len(name) > MAX_NAME or not is_name(name):
        raise Unusable
    return name if exported or labels.get("uid") or not is_exporter_name(name) else None


def owner(labels: Labels, reporter: Reporter) -> Target | None:
    name = real_pod(labels, reporter)
    return owner_of_pod(namespace(labels), name) if name else None


def search_member(labels: Labels, reporter: Reporter) -> Target | None:
    """A node of a search engine is named like the pod that it runs in."""
    if not _SEARCH.search(about(labels)):
        return None
    name = labels.get("name") or labels.get("node") or ""
    return owner_of_pod(namespace(labels), name) if _SEARCH_MEMBER.fullmatch(name) and is_name(name) else None


def volume(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.VOLUME)
    if not name:
        return None
    if not is_name(name):
        raise Unusable
    return Target(kind="PersistentVolume", name=name)


def node(labels: Labels, reporter: Reporter) -> Target | None:
    """`node` may also be an Erlang node (`rabbit@host`) or a member of some other cluster: those are no machines."""
    name = first(labels, spellings.NODE)
    if name is None or len(name) > MAX_NAME or not is_name(name):
        return None
    inside = reporter in (Reporter.KUBE_STATE_METRICS, Reporter.KUBELET, Reporter.MACHINE, Reporter.HARDWARE)
    inside = inside or "job" not in labels or _OF_KUBERNETES.match(labels.get("alertname", "")) is not None
    return Target(kind="Node" if inside and "host" not in labels else "Host", name=name)


def service(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.SERVICE)
    if (
        name is None
        or (reporter in _OF_OTHERS and "instance" in labels)
        or (reporter is Reporter.EXPORTER and "server" in labels)
    ):
        return None
    if name.endswith(".svc.cluster.local"):
        name, place = name.split(".")[:2]
        labels = {"namespace": place}
    elif name == labels.get("destination_service_name"):
        labels = _place(labels, "destination_service_namespace", "destination_workload_namespace")
    return Target(kind="Service", namespace=namespace(labels), name=name) if len(name) <= MAX_NAME and is_name(name) else None


def whole_namespace(labels: Labels, reporter: Reporter) -> Target | None:
    """A namespace is the object only where no scrape target could have brought it along.

    Beside a namespace, the scrape job is by default the name of the Service that was scraped.
    """
    place = namespace(labels)
    if place is None or "instance" in labels or "pod" in labels or "service" in labels:
        return None
    if job := labels.get("job"):
        plain = reporter is Reporter.ITSELF and is_name(job) and not _CONTROL_PLANE_JOB.search(job)
        return Target(kind="Service", namespace=place, name=job) if plain else None
    return Target(kind="Namespace", name=place)
