"""What the labels of an alert really identify.

Specific labels before general ones, `exported_*` before its plain twin, and never the exporter: the order and its reasons
are in `bench/corpus/README.md`, "What to know about labels". A value that cannot be a name identifies nothing, and nothing
more general stands in for it.
"""

import re
from collections.abc import Callable

from pydantic import ValidationError

from aiops.core.targets import Target, is_name, is_namespace, owner_of_pod
from incidents import labels as spellings
from incidents.labels import Labels, Reporter, first, is_exporter_name, reporter_of

MAX_NAME = 253
_TEMPLATE_HASH = re.compile(r"(?P<owner>.+)-[bcdfghjklmnpqrstvwxz2456789]{7,10}")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~/%:@?&=+,-]*)?", re.IGNORECASE)
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:]+")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  (compared with, not bound to)
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,120}\.(?:service|timer|mount|socket|path|slice|scope)")
_API_SERVICE = re.compile(r"v\d+(?:(?:alpha|beta)\d+)?\.[a-z0-9.-]+")
_CLOUD_NAMESPACE = re.compile(r"[A-Za-z]+(?:/[A-Za-z]+)+")
_MEMBER = re.compile(r"[a-z0-9][-a-z0-9]*-\d{1,3}")
_LABEL_VALUE = re.compile(r"[\w./:@#+=~-][\w ./:@#+=~-]{0,252}")
_WORKLOAD_TYPES = {
    "deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "replicaset": "ReplicaSet",
    "job": "Job", "cronjob": "CronJob", "pod": "Pod", "staticpod": "Pod",
}  # fmt: skip
_WORKLOAD_LABELS = (
    (spellings.DEPLOYMENT, "Deployment"),
    (spellings.STATEFULSET, "StatefulSet"),
    (spellings.DAEMONSET, "DaemonSet"),
    (spellings.REPLICASET, "ReplicaSet"),
    (spellings.CRONJOB, "CronJob"),
    (spellings.JOB, "Job"),
)
_CLAIM_LABELS = (
    (spellings.QUOTA, "ResourceQuota"),
    (spellings.AUTOSCALER, "HorizontalPodAutoscaler"),
    (spellings.BUDGET, "PodDisruptionBudget"),
)
_SEARCH = re.compile(r"elastic|opensearch", re.IGNORECASE)
_BROKER = re.compile(r"rabbit|kafka|burrow|kminion|pulsar|nats|activemq|mq|sqs|exporter", re.IGNORECASE)
_CERTIFICATE = re.compile(r"cert", re.IGNORECASE)
_ARGO = re.compile(r"argo", re.IGNORECASE)


class Unusable(Exception):
    """The labels name something, but with a value that cannot be a name."""


def target_of(labels: Labels) -> Target | None:
    """What these labels identify, or None. Never raises; whatever comes back could exist."""
    try:
        reporter = reporter_of(labels)
        for step in _STEPS:
            if (found := step(labels, reporter)) is not None:
                return found
    except (Unusable, ValidationError):
        return None
    return None


def namespace_of(labels: Labels) -> str | None:
    """The Kubernetes namespace of what the alert is about; None where it names none, or only its reporter's."""
    target = target_of(labels)
    if target is not None and target.namespace is not None:
        return target.namespace
    if target is not None and target.kind in ("Node", "PersistentVolume", "Host") and reporter_of(labels) is not Reporter.ITSELF:
        return None
    if target is not None and target.kind == "Namespace":
        return target.name
    try:
        return _namespace(labels)
    except Unusable:
        return None


def pod_of(labels: Labels) -> Target | None:
    """The pod itself, where the labels carry the patient's and not the reporter's."""
    try:
        name = _real_pod(labels, reporter_of(labels))
        return Target(kind="Pod", namespace=_namespace(labels), name=name) if name else None
    except (Unusable, ValidationError):
        return None


def _namespace(labels: Labels) -> str | None:
    value = first(labels, spellings.NAMESPACE)
    if value is None or is_namespace(value):
        return value
    if _CLOUD_NAMESPACE.fullmatch(value):  # AWS/ApplicationELB and its like
        return None
    raise Unusable


def _object(labels: Labels, kind: str, name: str) -> Target:
    """A namespaced object; Unusable when its name could not exist."""
    if len(name) > MAX_NAME or not is_name(name):
        raise Unusable
    return Target(kind=kind, namespace=_namespace(labels), name=name)


def _owner_of_replicaset(labels: Labels, name: str) -> Target:
    match = _TEMPLATE_HASH.fullmatch(name) if len(name) <= MAX_NAME else None
    return _object(labels, "Deployment", match["owner"]) if match else _object(labels, "ReplicaSet", name)


def _unit_on_host(labels: Labels, reporter: Reporter) -> Target | None:
    """A systemd unit: `name` holds the unit, `instance` the machine."""
    unit = labels.get("name", "")
    if reporter is Reporter.KUBE_STATE_METRICS or not _UNIT.fullmatch(unit):
        return None
    host = _machine(labels)
    return Target(kind="Host", name=host, unit=unit) if host else None


def _claim(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.CLAIM)
    return _object(labels, "PersistentVolumeClaim", name) if name else None


def _workload(labels: Labels, reporter: Reporter) -> Target | None:
    for names, kind in _WORKLOAD_LABELS:
        if name := first(labels, names):
            return _owner_of_replicaset(labels, name) if kind == "ReplicaSet" else _object(labels, kind, name)
    if (name := labels.get("workload")) and (kind := _WORKLOAD_TYPES.get(labels.get("workload_type", "").lower(), "")):
        return _owner_of_replicaset(labels, name) if kind == "ReplicaSet" else _object(labels, kind, name)
    if (name := labels.get("owner_name")) and (kind := _WORKLOAD_TYPES.get(labels.get("owner_kind", "").lower(), "")):
        return _owner_of_replicaset(labels, name) if kind == "ReplicaSet" else _object(labels, kind, name)
    if name := labels.get("destination_workload"):
        return _object(labels, "Deployment", name)
    return None


def _governor(labels: Labels, reporter: Reporter) -> Target | None:
    for names, kind in _CLAIM_LABELS:
        if name := first(labels, names):
            return _object(labels, kind, name)
    if name := labels.get("scaledObject") or labels.get("scaledobject"):
        return _object(labels, "ScaledObject", name)
    return None


def _certificate(labels: Labels, reporter: Reporter) -> Target | None:
    if name := labels.get("certificate"):
        namespace = labels.get("certificate_namespace")
        if namespace is None:
            return _object(labels, "Certificate", name)
        if not is_namespace(namespace) or not is_name(name):
            raise Unusable
        return Target(kind="Certificate", namespace=namespace, name=name)
    about = labels.get("alertname", "")[:MAX_NAME] + labels.get("job", "")[:MAX_NAME]
    if (name := labels.get("name")) and _CERTIFICATE.search(about) and is_name(name):
        return _object(labels, "Certificate", name)
    return None


def _custom_resource(labels: Labels, reporter: Reporter) -> Target | None:
    name = labels.get("name", "")
    if not name or not is_name(name):
        return None
    if _API_SERVICE.fullmatch(name):
        return Target(kind="APIService", name=name)
    kind = labels.get("customresource_kind") or labels.get("kind", "")
    if re.fullmatch(r"[A-Z][A-Za-z]{2,40}", kind):
        return _object(labels, kind, name)
    if _ARGO.search(labels.get("alertname", "")[:MAX_NAME]) or _ARGO.search(labels.get("job", "")[:MAX_NAME]):
        return _object(labels, "Application", name)
    return None


def _ingress(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.INGRESS)
    return _object(labels, "Ingress", name) if name else None


def _device_node(labels: Labels, reporter: Reporter) -> Target | None:
    """Hardware belongs to its node; the pod that used it is a victim."""
    if reporter is not Reporter.HARDWARE:
        return None
    return _node(labels, Reporter.KUBELET) or _host_label(labels)


def _queue(labels: Labels, reporter: Reporter) -> Target | None:
    about = labels.get("job", "")[:MAX_NAME] + labels.get("alertname", "")[:MAX_NAME]
    name = first(labels, spellings.CONSUMER_GROUP)
    if name is None and "group" in labels and "topic" in labels:
        name = labels["group"]
    if name is None:
        name = first(labels, spellings.QUEUE)
    if name is None or ("pod" in labels and not _BROKER.search(about)):
        return None
    return _thing("Queue", name)


def _real_pod(labels: Labels, reporter: Reporter) -> str | None:
    """The pod's name where it is the patient's. Unusable when a patient is named in a way that no pod can be."""
    if exported := labels.get("exported_pod"):
        name: str | None = exported
    elif "exported_namespace" in labels:
        return None  # the plain pod is the exporter's
    else:
        name = first(labels, spellings.POD)
    if name is None or reporter is Reporter.MACHINE:
        return None
    if len(name) > MAX_NAME or not is_name(name):
        raise Unusable
    if exported or labels.get("uid") or not is_exporter_name(name):
        return name
    return None


def _owner(labels: Labels, reporter: Reporter) -> Target | None:
    name = _real_pod(labels, reporter)
    return owner_of_pod(_namespace(labels), name) if name else None


def _search_node(labels: Labels, reporter: Reporter) -> Target | None:
    """A node of a search engine is named like the pod that it runs in; its `cluster` is the search cluster."""
    about = labels.get("alertname", "")[:MAX_NAME] + labels.get("job", "")[:MAX_NAME]
    if not _SEARCH.search(about):
        return None
    name = labels.get("name") or labels.get("node") or ""
    if len(name) <= MAX_NAME and _MEMBER.fullmatch(name):
        return owner_of_pod(_namespace(labels), name)
    return _thing("External", labels["cluster"]) if labels.get("cluster") and reporter is Reporter.EXPORTER else None


def _volume(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.VOLUME)
    if not name:
        return None
    if not is_name(name):
        raise Unusable
    return Target(kind="PersistentVolume", name=name)


def _node(labels: Labels, reporter: Reporter) -> Target | None:
    """`node` may also be an Erlang node (`rabbit@host`) or a member of some other cluster: those are no machines."""
    name = first(labels, spellings.NODE)
    if name is None or len(name) > MAX_NAME or not is_name(name):
        return None
    of_kubernetes = reporter in (Reporter.KUBE_STATE_METRICS, Reporter.KUBELET, Reporter.MACHINE, Reporter.HARDWARE)
    named_so = re.match(r"kube|node|gpu", labels.get("alertname", ""), re.IGNORECASE) is not None
    return Target(kind="Node" if of_kubernetes or named_so else "Host", name=name)


def _measured_machine(labels: Labels, reporter: Reporter) -> Target | None:
    if reporter not in (Reporter.MACHINE, Reporter.KUBELET):
        return None
    host = _machine(labels)
    if host is None:
        return None
    unit = labels.get("name", "") if labels.get("job") == "cadvisor" else ""
    return Target(kind="Host", name=host, unit=unit or None)


def _managed(labels: Labels, reporter: Reporter) -> Target | None:
    for key in spellings.MANAGED:
        if value := labels.get(key):
            if key in ("proxy", "backend", "upstream") and (host := _machine(labels)):
                return Target(kind="Host", name=host)
            return _thing("External", value)
    return None


def _service(labels: Labels, reporter: Reporter) -> Target | None:
    name = first(labels, spellings.SERVICE)
    if name is None or reporter in (Reporter.KUBE_STATE_METRICS, Reporter.MACHINE, Reporter.KUBELET, Reporter.PROBE):
        return None
    if reporter is Reporter.EXPORTER and _machine(labels) and "server" in labels:
        return None
    name = name.split(".")[0] if name.endswith(".svc.cluster.local") else name
    if len(name) > MAX_NAME or not is_name(name):
        return None
    return Target(kind="Service", namespace=_namespace(labels), name=name)


def _host_label(labels: Labels) -> Target | None:
    name = first(labels, spellings.HOST)
    host = _bare_host(name) if name else None
    return Target(kind="Host", name=host) if host else None


def _address(labels: Labels, reporter: Reporter) -> Target | None:
    address = first(labels, spellings.ADDRESS)
    if address and len(address) <= MAX_NAME and _URL.fullmatch(address):
        return Target(kind="Endpoint", name=address)
    if _CERTIFICATE.match(labels.get("alertname", "")) and labels.get("host"):
        return _thing("External", labels["host"])
    host = _machine(labels)
    if host and not (
        reporter is Reporter.EXPORTER and _IP.fullmatch(host) and "://" not in (address or "") and "server" not in labels
    ):
        return Target(kind="Host", name=host)
    if address and reporter is not Reporter.EXPORTER:
        return None
    return _host_label(labels)


def _namespace_alone(labels: Labels, reporter: Reporter) -> Target | None:
    """A namespace is the object only where no scrape target could have brought it along."""
    namespace = _namespace(labels)
    if namespace is None or "instance" in labels or "pod" in labels or "service" in labels:
        return None
    if job := labels.get("job"):
        plain = reporter is Reporter.ITSELF and is_name(job)
        return Target(kind="Service", namespace=namespace, name=job) if plain else None
    return Target(kind="Namespace", name=namespace)


def _machine(labels: Labels) -> str | None:
    """The machine under `server` (an exporter's word for what it measures) or `instance`, without scheme and port."""
    for key in ("server", "instance", "target", "addr"):
        if (value := labels.get(key)) and (host := _bare_host(value)):
            return host
    return None


def _bare_host(address: str) -> str | None:
    if len(address) > MAX_NAME:
        return None
    address = _SCHEME.sub("", address).split("/", 1)[0]
    host = re.sub(r":\d{1,5}$", "", address).strip("[]") if address.count(":") == 1 or "]" in address else address
    if host in _LOCAL or not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9])?", host):
        return None
    return host


def _thing(kind: str, name: str) -> Target:
    if not _LABEL_VALUE.fullmatch(name):
        raise Unusable
    return Target(kind=kind, name=name)


Step = Callable[[Labels, Reporter], Target | None]
_STEPS: tuple[Step, ...] = (
    _unit_on_host, _claim, _workload, _governor, _certificate, _custom_resource, _ingress, _device_node, _queue, _owner,
    _search_node, _volume, _node, _measured_machine, _managed, _service, _address, _namespace_alone,
)  # fmt: skip
