"""`kubectl get`: the columns that a server prints for each kind (kubernetes/pkg/printers/internalversion)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiops.sandbox.cluster.documents import (
    Document,
    annotations_of,
    condition_of,
    dig,
    is_terminating,
    is_true,
    labels_of,
    parse_stamp,
)
from aiops.sandbox.cluster.resources import Resource

Cell = str | int | bool | None


@dataclass(frozen=True)
class Column:
    """`wide` ones are shown with `-o wide` only."""

    name: str
    wide: bool = False
    type: str = "string"


Row = Callable[[Document, datetime], list[Cell]]


def table_of(resource: Resource, documents: list[Document], now: datetime, *, include: str = "Metadata") -> Document:
    columns, row = _PRINTERS.get(resource.kind, (_NAME_AGE, _name_age))
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": documents[0]["metadata"].get("resourceVersion", "")} if len(documents) == 1 else {},
        "columnDefinitions": [
            {
                "name": column.name,
                "type": column.type,
                "format": "name" if column.name == "Name" else "",
                "description": column.name,
                "priority": 1 if column.wide else 0,
            }
            for column in columns
        ],
        "rows": [{"cells": row(document, now), "object": _included(document, include)} for document in documents],
    }


def _included(document: Document, include: str) -> Document | None:
    if include == "None":
        return None
    if include == "Object":
        return document
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": document["metadata"]}


def age(since: str | None, now: datetime) -> str:
    """As kubectl shortens times: `12s`, `3m4s`, `5h`, `9d`."""
    if not since:
        return "<unknown>"
    seconds = int((now - parse_stamp(since)).total_seconds())
    return duration(max(0, seconds))


def duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def _columns(text: str) -> list[Column]:
    """`Name Ready *Node`: a star marks what is wide; underscores are blanks."""
    return [Column(word.lstrip("*").replace("_", " "), word.startswith("*")) for word in text.split()]


def _name(document: Document) -> str:
    return str(document["metadata"]["name"])


def _age(document: Document, now: datetime) -> str:
    return age(document["metadata"].get("creationTimestamp"), now)


_NAME_AGE = _columns("Name Age")


def _name_age(document: Document, now: datetime) -> list[Cell]:
    return [_name(document), _age(document, now)]


def _count(document: Document, *path: str) -> int:
    return int(dig(document, *path) or 0)


def _containers(document: Document) -> tuple[str, str]:
    """(names, images) of a workload's template, or of a pod."""
    containers = dig(document, "spec", "template", "spec", "containers") or dig(document, "spec", "containers") or []
    return ",".join(one["name"] for one in containers), ",".join(one["image"] for one in containers)


def _selector(document: Document) -> str:
    labels = dig(document, "spec", "selector", "matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


def pod_reason(pod: Document) -> str:
    """The word in the STATUS column: the phase, or what keeps a container from running."""
    reason = str(dig(pod, "status", "reason") or dig(pod, "status", "phase") or "")
    for status in dig(pod, "status", "containerStatuses") or []:
        waiting, ended = dig(status, "state", "waiting", "reason"), dig(status, "state", "terminated")
        if waiting:
            reason = str(waiting)
        elif ended:
            reason = str(ended.get("reason") or f"ExitCode:{ended.get('exitCode')}")
    return "Terminating" if is_terminating(pod) else reason


def _pod(pod: Document, now: datetime) -> list[Cell]:
    statuses = dig(pod, "status", "containerStatuses") or []
    ready = sum(bool(one.get("ready")) for one in statuses)
    restarts = sum(int(one.get("restartCount", 0)) for one in statuses)
    last = max((stamp for one in statuses if (stamp := dig(one, "lastState", "terminated", "finishedAt"))), default=None)
    times = f"{restarts} ({age(last, now)} ago)" if restarts and last else str(restarts)
    place = [dig(pod, "status", "podIP") or "<none>", dig(pod, "spec", "nodeName") or "<none>", "<none>", "<none>"]
    return [_name(pod), f"{ready}/{len(pod['spec']['containers'])}", pod_reason(pod), times, _age(pod, now), *place]


def _deployment(one: Document, now: datetime) -> list[Cell]:
    ready = f"{_count(one, 'status', 'readyReplicas')}/{_count(one, 'spec', 'replicas')}"
    counts = [_count(one, "status", "updatedReplicas"), _count(one, "status", "availableReplicas")]
    return [_name(one), ready, *counts, _age(one, now), *_containers(one), _selector(one)]


def _replica_set(one: Document, now: datetime) -> list[Cell]:
    counts = [_count(one, "spec", "replicas"), _count(one, "status", "replicas"), _count(one, "status", "readyReplicas")]
    return [_name(one), *counts, _age(one, now), *_containers(one), _selector(one)]


def _stateful_set(one: Document, now: datetime) -> list[Cell]:
    ready = f"{_count(one, 'status', 'readyReplicas')}/{_count(one, 'spec', 'replicas')}"
    return [_name(one), ready, _age(one, now), *_containers(one)]


def _daemon_set(one: Document, now: datetime) -> list[Cell]:
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable")
    counts = [_count(one, "status", field) for field in fields]
    return [_name(one), *counts, "<none>", _age(one, now), *_containers(one), _selector(one)]


def _job(one: Document, now: datetime) -> list[Cell]:
    status = "Complete" if is_true(one, "Complete") else "Failed" if is_true(one, "Failed") else "Running"
    done = f"{_count(one, 'status', 'succeeded')}/{_count(one, 'spec', 'completions')}"
    started, ended = dig(one, "status", "startTime"), dig(one, "status", "completionTime")
    took = age(started, parse_stamp(ended) if ended else now) if started else ""
    return [_name(one), status, done, took, _age(one, now), *_containers(one), _selector(one)]


def _cron_job(one: Document, now: datetime) -> list[Cell]:
    last = dig(one, "status", "lastScheduleTime")
    template = dig(one, "spec", "jobTemplate") or {}
    suspended = str(bool(one["spec"].get("suspend")))
    active = len(dig(one, "status", "active") or [])
    shown = [_name(one), one["spec"]["schedule"], "<none>", suspended, active, age(last, now) if last else "<none>"]
    return [*shown, _age(one, now), *_containers(template), _selector(template)]


def _node(node: Document, now: datetime) -> list[Cell]:
    roles = (
        ",".join(sorted(key.rpartition("/")[2] for key in labels_of(node) if key.startswith("node-role.kubernetes.io/")))
        or "<none>"
    )
    condition = condition_of(node, "Ready")
    status = {"True": "Ready", "False": "NotReady"}.get(condition["status"] if condition else "", "Unknown")
    status = status if status != "Unknown" else "NotReady"
    if node["spec"].get("unschedulable"):
        status += ",SchedulingDisabled"
    info = dig(node, "status", "nodeInfo") or {}
    address = next((one["address"] for one in dig(node, "status", "addresses") or [] if one["type"] == "InternalIP"), "<none>")
    more = [address, "<none>", info.get("osImage", ""), info.get("kernelVersion", ""), info.get("containerRuntimeVersion", "")]
    return [_name(node), status, roles, _age(node, now), info.get("kubeletVersion", ""), *more]


def _namespace(one: Document, now: datetime) -> list[Cell]:
    return [_name(one), dig(one, "status", "phase"), _age(one, now)]


def _service(one: Document, now: datetime) -> list[Cell]:
    ports = ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in dig(one, "spec", "ports") or []) or "<none>"
    selector = ",".join(f"{key}={value}" for key, value in (dig(one, "spec", "selector") or {}).items()) or "<none>"
    return [
        _name(one),
        dig(one, "spec", "type"),
        dig(one, "spec", "clusterIP") or "None",
        "<none>",
        ports,
        _age(one, now),
        selector,
    ]


def _event(one: Document, now: datetime) -> list[Cell]:
    about = one["involvedObject"]
    last = age(one.get("lastTimestamp"), now)
    told = [last, one.get("type"), one.get("reason"), f"{about['kind'].lower()}/{about['name']}"]
    more = ["", dig(one, "source", "component") or "", one.get("message", ""), age(one.get("firstTimestamp"), now)]
    return [*told, *more, int(one.get("count") or 1), _name(one)]


def _budget(one: Document, now: datetime) -> list[Cell]:
    least, most = one["spec"].get("minAvailable", "N/A"), one["spec"].get("maxUnavailable", "N/A")
    return [_name(one), str(least), str(most), _count(one, "status", "disruptionsAllowed"), _age(one, now)]


def _autoscaler(one: Document, now: datetime) -> list[Cell]:
    aim = one["spec"]["scaleTargetRef"]
    wanted = dig(one, "spec", "metrics", 0, "resource", "target", "averageUtilization")
    current = dig(one, "status", "currentMetrics", 0, "resource", "current", "averageUtilization")
    target = f"cpu: {'<unknown>' if current is None else f'{current}%'}/{wanted}%"
    bounds = [_count(one, "spec", "minReplicas"), _count(one, "spec", "maxReplicas"), _count(one, "status", "currentReplicas")]
    return [_name(one), f"{aim['kind']}/{aim['name']}", target, *bounds, _age(one, now)]


def _claim(one: Document, now: datetime) -> list[Cell]:
    modes = ",".join("".join(letter for letter in mode if letter.isupper()) for mode in one["spec"].get("accessModes") or [])
    capacity = dig(one, "status", "capacity", "storage") or ""
    shown = [_name(one), dig(one, "status", "phase"), one["spec"].get("volumeName", ""), capacity, modes]
    return [
        *shown,
        one["spec"].get("storageClassName", ""),
        "<unset>",
        _age(one, now),
        one["spec"].get("volumeMode", "Filesystem"),
    ]


def _volume(one: Document, now: datetime) -> list[Cell]:
    claim = one["spec"].get("claimRef") or {}
    modes = ",".join("".join(letter for letter in mode if letter.isupper()) for mode in one["spec"].get("accessModes") or [])
    shown = [_name(one), dig(one, "spec", "capacity", "storage"), modes, one["spec"].get("persistentVolumeReclaimPolicy", "")]
    bound = f"{claim.get('namespace')}/{claim.get('name')}" if claim else ""
    return [*shown, dig(one, "status", "phase"), bound, one["spec"].get("storageClassName", ""), "<unset>", "", _age(one, now)]


def _certificate(one: Document, now: datetime) -> list[Cell]:
    ready = condition_of(one, "Ready")
    words = [one["spec"].get("secretName"), dig(one, "spec", "issuerRef", "name"), (ready or {}).get("message", "")]
    return [_name(one), (ready or {}).get("status", ""), *words, _age(one, now)]


def _ingress(one: Document, now: datetime) -> list[Cell]:
    hosts = ",".join(rule.get("host", "*") for rule in one["spec"].get("rules") or [])
    ports = "80, 443" if one["spec"].get("tls") else "80"
    return [_name(one), one["spec"].get("ingressClassName", "<none>"), hosts, "", ports, _age(one, now)]


def _config_map(one: Document, now: datetime) -> list[Cell]:
    return [_name(one), len(one.get("data") or {}), _age(one, now)]


def _secret(one: Document, now: datetime) -> list[Cell]:
    return [_name(one), one.get("type", "Opaque"), len(one.get("data") or {}), _age(one, now)]


def _revision(one: Document, now: datetime) -> list[Cell]:
    owner: Document = next(iter(one["metadata"].get("ownerReferences") or []), {})
    controller = f"{str(owner.get('kind', '')).lower()}.apps/{owner.get('name', '')}" if owner else "<none>"
    return [_name(one), controller, int(one.get("revision") or 0), _age(one, now)]


def _storage_class(one: Document, now: datetime) -> list[Cell]:
    default = annotations_of(one).get("storageclass.kubernetes.io/is-default-class") == "true"
    name = f"{_name(one)} (default)" if default else _name(one)
    more = [one.get("reclaimPolicy", ""), one.get("volumeBindingMode", ""), bool(one.get("allowVolumeExpansion"))]
    return [name, one.get("provisioner", ""), *more, _age(one, now)]


_PRINTERS: dict[str, tuple[list[Column], Row]] = {
    "Pod": (_columns("Name Ready Status Restarts Age *IP *Node *Nominated_Node *Readiness_Gates"), _pod),
    "Deployment": (_columns("Name Ready Up-to-date Available Age *Containers *Images *Selector"), _deployment),
    "ReplicaSet": (_columns("Name Desired Current Ready Age *Containers *Images *Selector"), _replica_set),
    "StatefulSet": (_columns("Name Ready Age *Containers *Images"), _stateful_set),
    "DaemonSet": (
        _columns("Name Desired Current Ready Up-to-date Available Node_Selector Age *Containers *Images *Selector"),
        _daemon_set,
    ),
    "Job": (_columns("Name Status Completions Duration Age *Containers *Images *Selector"), _job),
    "CronJob": (_columns("Name Schedule Timezone Suspend Active Last_Schedule Age *Containers *Images *Selector"), _cron_job),
    "Node": (
        _columns("Name Status Roles Age Version *Internal-IP *External-IP *OS-Image *Kernel-Version *Container-Runtime"),
        _node,
    ),
    "Namespace": (_columns("Name Status Age"), _namespace),
    "Service": (_columns("Name Type Cluster-IP External-IP Port(s) Age *Selector"), _service),
    "Event": (_columns("Last_Seen Type Reason Object *Subobject *Source Message *First_Seen *Count *Name"), _event),
    "PodDisruptionBudget": (_columns("Name Min_Available Max_Unavailable Allowed_Disruptions Age"), _budget),
    "HorizontalPodAutoscaler": (_columns("Name Reference Targets MinPods MaxPods Replicas Age"), _autoscaler),
    "PersistentVolumeClaim": (
        _columns("Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age *VolumeMode"),
        _claim,
    ),
    "PersistentVolume": (
        _columns("Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age"),
        _volume,
    ),
    "Certificate": (_columns("Name Ready Secret *Issuer *Status Age"), _certificate),
    "Ingress": (_columns("Name Class Hosts Address Ports Age"), _ingress),
    "ConfigMap": (_columns("Name Data Age"), _config_map),
    "Secret": (_columns("Name Type Data Age"), _secret),
    "ControllerRevision": (_columns("Name Controller Revision Age"), _revision),
    "StorageClass": (_columns("Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age"), _storage_class),
}
