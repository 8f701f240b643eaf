"""What an API server fills in and what it refuses, for the kinds that clients change."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, dig
from aiops.sandbox.cluster.quantities import quantity
from aiops.sandbox.cluster.resources import Resource
from aiops.sandbox.cluster.selectors import matches_labels

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_WORKLOADS = (r.DEPLOYMENTS, r.REPLICA_SETS, r.STATEFUL_SETS, r.DAEMON_SETS, r.JOBS)
Cause = tuple[str, str]


def normal(document: Document) -> Document:
    """A copy without what a typed server does not keep: nulls, empty annotations and labels, managed fields.

    Clients send `"creationTimestamp": null` inside templates; kept, it would make a new template out of an old one.
    """
    cleaned: Document = _without_nulls(document)
    cleaned["metadata"].pop("managedFields", None)
    return cleaned


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_nulls(item) for key, item in value.items() if item is not None}
        for field in ("annotations", "labels"):
            if kept.get(field) == {}:
                del kept[field]
        return kept
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def with_defaults(resource: Resource, document: Document) -> Document:
    """`document` with the fields set that an API server sets; changes and returns it."""
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return document
    if resource in _WORKLOADS and isinstance(spec.get("template"), dict):
        _pod_defaults(spec["template"].setdefault("spec", {}), restart="Never" if resource is r.JOBS else "Always")
    if resource is r.PODS:
        _pod_defaults(spec, restart="Always")
    if resource is r.CRON_JOBS and isinstance(dig(spec, "jobTemplate", "spec", "template"), dict):
        _pod_defaults(spec["jobTemplate"]["spec"]["template"].setdefault("spec", {}), restart="Never")
    for key, value in _DEFAULTS.get(resource.kind, {}).items():
        if spec.get(key) is None:
            spec[key] = value() if callable(value) else value
    if resource is r.DEPLOYMENTS and spec["strategy"].get("type") == "RollingUpdate":
        spec["strategy"].setdefault("rollingUpdate", {}).setdefault("maxSurge", "25%")
        spec["strategy"]["rollingUpdate"].setdefault("maxUnavailable", "25%")
    return document


def _rolling() -> Document:
    return {"type": "RollingUpdate"}


def _one_at_a_time() -> Document:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


def _partitioned() -> Document:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}


_DEFAULTS: dict[str, dict[str, int | str | bool | Callable[[], Document]]] = {
    "Deployment": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "strategy": _rolling},
    "ReplicaSet": {"replicas": 1},
    "StatefulSet": {
        "replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady", "updateStrategy": _partitioned,
    },
    "DaemonSet": {"revisionHistoryLimit": 10, "updateStrategy": _one_at_a_time},
    "Job": {"parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False},
    "CronJob": {"concurrencyPolicy": "Allow", "suspend": False, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1},
}  # fmt: skip


def _pod_defaults(spec: Document, *, restart: str) -> None:
    spec.setdefault("restartPolicy", restart)
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    for container in spec.get("containers") or []:
        if not isinstance(container, dict):
            continue
        container.setdefault("imagePullPolicy", "IfNotPresent")
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        resources = container.setdefault("resources", {})
        for name, value in (resources.get("limits") or {}).items():
            resources.setdefault("requests", {}).setdefault(name, value)


def with_identity(job: Document, uid: str) -> Document:
    """The selector and the labels by which a job tells its pods, made from its uid; changes and returns `job`."""
    job["metadata"]["uid"] = uid
    own = {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid}
    names = {"batch.kubernetes.io/job-name": job["metadata"]["name"], "job-name": job["metadata"]["name"]}
    job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    meta = job["spec"]["template"].setdefault("metadata", {})
    meta["labels"] = (meta.get("labels") or {}) | own | names
    job["metadata"]["labels"] = (job["metadata"].get("labels") or {}) | own | names
    return job


def problems(resource: Resource, document: Document, old: Document | None) -> list[Cause]:
    """Why `document` cannot be stored, as (field, message); `old` is what it would replace."""
    name = dig(document, "metadata", "name")
    found: list[Cause] = []
    if old is None and (not isinstance(name, str) or not _NAME.fullmatch(name)):
        found.append(
            (
                "metadata.name",
                f"Invalid value: {name!r}: a lowercase RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.'",
            )
        )
    for field in ("labels", "annotations"):
        values = document["metadata"].get(field) or {}
        if not isinstance(values, dict) or any(not isinstance(value, str) for value in values.values()):
            found.append((f"metadata.{field}", "Invalid value: expected a map of strings"))
    if resource in _WORKLOADS:
        found += _workload_problems(resource, document.get("spec") or {}, dig(old, "spec"))
    if resource is r.PODS and old is not None:
        found += _pod_update_problems(document.get("spec") or {}, old["spec"])
    if resource is r.CLAIMS and old is not None:
        found += _claim_problems(document.get("spec") or {}, old)
    return found


def _workload_problems(resource: Resource, spec: Document, old: Document | None) -> Iterator[Cause]:
    replicas = spec.get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        yield "spec.replicas", f"Invalid value: {replicas!r}: must be greater than or equal to 0"
    selector, template = spec.get("selector"), spec.get("template")
    if not isinstance(template, dict):
        yield "spec.template", "Required value"
        return
    if resource is not r.JOBS and not matches_labels(dig(template, "metadata", "labels") or {}, selector):
        yield (
            "spec.template.metadata.labels",
            f"Invalid value: {dig(template, 'metadata', 'labels')}: `selector` does not match template `labels`",
        )
    if old is None and resource is r.JOBS and selector is not None and not spec.get("manualSelector"):
        yield "spec.selector", f"Invalid value: {selector}: `selector` not auto-generated"
    if old is not None and resource is not r.JOBS and old.get("selector") != selector:
        yield "spec.selector", f"Invalid value: {selector}: field is immutable"
    if old is not None and resource is r.JOBS and old.get("template") != template:
        yield "spec.template", "Invalid value: field is immutable"
    if old is not None and resource is r.STATEFUL_SETS:
        fixed = {key for key in spec.keys() | old.keys() if spec.get(key) != old.get(key)} - _STATEFUL_MAY_CHANGE
        if fixed:
            yield (
                "spec",
                "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
                "forbidden",
            )
    yield from _container_problems(dig(template, "spec", "containers"), "spec.template.spec.containers")


_STATEFUL_MAY_CHANGE = {
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}  # fmt: skip


def _container_problems(containers: Any, path: str) -> Iterator[Cause]:
    if not isinstance(containers, list) or not containers:
        yield path, "Required value"
        return
    seen: set[str] = set()
    for i, container in enumerate(containers):
        name = container.get("name")
        if not name:
            yield f"{path}[{i}].name", "Required value"
        elif name in seen:
            yield f"{path}[{i}].name", f'Duplicate value: "{name}"'
        seen.add(name)
        if not container.get("image"):
            yield f"{path}[{i}].image", "Required value"
        yield from _resource_problems(container.get("resources") or {}, f"{path}[{i}].resources")


def _resource_problems(wanted: Document, path: str) -> Iterator[Cause]:
    amounts: dict[tuple[str, str], float] = {}
    for side in ("requests", "limits"):
        for name, value in (wanted.get(side) or {}).items():
            try:
                amounts[side, name] = quantity(value)
            except (ValueError, TypeError) as error:
                yield f"{path}.{side}.{name}", f"Invalid value: {value!r}: {error}"
    for (side, name), amount in amounts.items():
        if side == "requests" and amount > amounts.get(("limits", name), amount):
            limit = wanted["limits"][name]
            yield (
                f"{path}.requests",
                f'Invalid value: "{wanted["requests"][name]}": must be less than or equal to {name} limit of {limit}',
            )


def _pod_update_problems(spec: Document, old: Document) -> Iterator[Cause]:
    def frozen(one: Document) -> Document:
        rest = {key: value for key, value in one.items() if key not in ("tolerations", "activeDeadlineSeconds", "nodeName")}
        return rest | {"containers": [container | {"image": ""} for container in one.get("containers") or []]}

    if frozen(spec) != frozen(old):
        yield (
            "spec",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        )


def _claim_problems(spec: Document, old: Document) -> Iterator[Cause]:
    def frozen(one: Document) -> Document:
        return {key: value for key, value in one.items() if key != "resources"}

    if frozen(spec) != frozen(old["spec"]):
        yield (
            "spec",
            "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName "
            "for bound claims",
        )
    wanted = dig(spec, "resources", "requests", "storage")
    have = dig(old, "status", "capacity", "storage") or dig(old, "spec", "resources", "requests", "storage")
    try:
        if wanted is None or quantity(wanted) < quantity(have):
            yield "spec.resources.requests.storage", f"Forbidden: field can not be less than status.capacity, {have}"
    except ValueError as error:
        yield "spec.resources.requests.storage", f"Invalid value: {wanted!r}: {error}"
