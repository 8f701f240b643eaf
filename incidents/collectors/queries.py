"""What to ask Prometheus about pods: the metrics that the usual libraries, meshes and exporters write.

Names follow the conventions of the Prometheus client libraries, OpenTelemetry, Spring, gRPC, Istio and cAdvisor.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiops.connectors.kubernetes_objects import KubeObject
from aiops.connectors.prometheus import Series
from incidents.collectors.scene import Scene

WINDOW = "2m"  # short, for the trouble is a few minutes old; four scrapes at the usual rhythm
# Requests that were answered: by name, under which label the outcome stands, and which outcomes are the server's fault.
REQUESTS = (
    "http_requests_total",
    "http_server_requests_seconds_count",
    "http_server_request_duration_seconds_count",
    "http_server_duration_milliseconds_count",
    "http_request_duration_seconds_count",
    "flask_http_request_total",
    "starlette_requests_total",
    "django_http_responses_total_by_status_total",
    "istio_requests_total",
    "grpc_server_handled_total",
)
OUTCOMES: Mapping[str, str] = {
    "code": "5..",
    "status": "5..",
    "status_code": "5..",
    "response_code": "5..",
    "http_status_code": "5..",
    "http_response_status_code": "5..",
    "grpc_code": "Unknown|DeadlineExceeded|Internal|Unavailable|DataLoss",
}
# Work taken from a queue and finished.
WORK = (
    "messages_processed_total",
    "messages_consumed_total",
    "[a-z_]+_(messages|tasks|jobs|events|records)_(processed|consumed|handled|completed|succeeded|acked)_total",
    "celery_task_succeeded_total",
    "sidekiq_jobs_processed_total",
)
_PLAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters that the pods write, and how an error looks in them; empty names where there are none."""

    requests: str = ""
    outcome: str = ""
    work: str = ""


def pod_names(workload: KubeObject, replica_sets: Iterable[KubeObject] = ()) -> str:
    """A pattern of the names of its pods, those of before included: as Kubernetes makes them. Empty for no such thing."""
    if not _PLAIN.fullmatch(workload.name) or not _PLAIN.fullmatch(workload.namespace):
        return ""
    match workload.kind:
        case "Deployment":
            made = [rs.name for rs in replica_sets if _PLAIN.fullmatch(rs.name)][:12]
            return f"({'|'.join(made)})-[a-z0-9]{{5}}" if made else f"{workload.name}-[a-z0-9]{{6,10}}-[a-z0-9]{{5}}"
        case "StatefulSet":
            return f"{workload.name}-[0-9]+"
        case "DaemonSet":
            return f"{workload.name}-[a-z0-9]{{5}}"
        case _:
            return ""


async def selector_of(scene: Scene) -> str:
    """The pods of the workload that the incident is about."""
    workload = await scene.workload() if scene.cluster is not None else None
    names = pod_names(workload, await scene.replica_sets()) if workload is not None else ""
    return f'namespace="{workload.namespace}",pod=~"{names}"' if workload is not None and names else ""


async def counters_of(scene: Scene) -> Counters:
    """The counters of the workload that the incident is about."""
    pods = await selector_of(scene)
    return await scene.once("counters", lambda: counters(scene, pods))


async def counters(scene: Scene, pods: str) -> Counters:
    """Which of the known counters these pods write: one question for all."""
    kinds = ", ".join(["__name__", *OUTCOMES])
    names = "|".join([*REQUESTS, *WORK])
    found = await scene.queries.at(f'group by ({kinds}) ({{__name__=~"{names}",{pods}}})', scene.now)
    there = {series.labels.get("__name__", ""): series.labels for series in found}
    requests = next((name for name in REQUESTS if name in there), "")
    outcome = next((label for label in OUTCOMES if label in there.get(requests, {})), "")
    work = next((name for pattern in WORK for name in there if re.fullmatch(pattern, name)), "")
    return Counters(requests, outcome, work)


@dataclass(slots=True)
class Asked:
    """Questions that are asked together; `all` waits for their answers."""

    scene: Scene
    tasks: "list[asyncio.Task[list[Series]]]" = field(default_factory=list)

    def now(self, expression: str) -> "asyncio.Task[list[Series]]":
        return self._at(expression, self.scene.now)

    def then(self, expression: str, ago: timedelta) -> "asyncio.Task[list[Series]]":
        """That long before the alert."""
        return self._at(expression, (self.scene.patient.began_at or self.scene.now) - ago)

    def _at(self, expression: str, when: datetime) -> "asyncio.Task[list[Series]]":
        self.tasks.append(asyncio.ensure_future(self.scene.queries.at(expression, when)))
        return self.tasks[-1]

    async def all(self) -> None:
        """The first that fails ends the others."""
        try:
            await asyncio.gather(*self.tasks)
        finally:
            for task in self.tasks:
                task.cancel()


def rate(name: str, pods: str, *, by: str = "", outcome: str = "") -> str:
    """How many a second, in all or by a label; only those that ended badly where the label of the outcome is given."""
    bad = f',{outcome}=~"{OUTCOMES[outcome]}"' if outcome else ""
    return f"sum{f' by ({by})' if by else ''} (rate({name}{{{pods}{bad}}}[{WINDOW}]))"


def cpu(pods: str) -> str:
    """Cores of each pod."""
    return f'sum by (pod) (rate(container_cpu_usage_seconds_total{{{pods},container!="",container!="POD"}}[{WINDOW}]))'


def memory(pods: str) -> str:
    """Bytes of each container."""
    return f'max by (pod, container) (container_memory_working_set_bytes{{{pods},container!="",container!="POD"}})'


async def error_ratios(scene: Scene, workloads: Sequence[KubeObject]) -> list[float | None]:
    """The share of requests to each of them that fail now, 0..1; None where nothing tells. Three questions for all."""
    names = [pod_names(workload) for workload in workloads]
    places = sorted({workload.namespace for workload, name in zip(workloads, names, strict=True) if name})
    if not places:
        return [None] * len(workloads)
    pods = f'namespace=~"{"|".join(places)}",pod=~"{"|".join(name for name in names if name)}"'
    known = await counters(scene, pods)
    if not known.requests or not known.outcome:
        return [None] * len(workloads)
    asked = Asked(scene)
    total = asked.now(rate(known.requests, pods, by="namespace, pod"))
    bad = asked.now(rate(known.requests, pods, by="namespace, pod", outcome=known.outcome))
    await asked.all()
    return [
        _share(bad.result(), total.result(), workload.namespace, name) for workload, name in zip(workloads, names, strict=True)
    ]


def _share(bad: Iterable[Series], total: Iterable[Series], namespace: str, name: str) -> float | None:
    def summed(found: Iterable[Series]) -> float:
        return sum(
            series.points[-1][1]
            for series in found
            if series.points and series.labels.get("namespace") == namespace and re.fullmatch(name, series.labels.get("pod", ""))
        )

    whole = summed(total) if name else 0.0
    return summed(bad) / whole if whole else None


def only(found: Sequence[Series]) -> float | None:
    """The last value of the one series; None where there is none."""
    return found[0].points[-1][1] if found and found[0].points else None


def by_label(found: Iterable[Series], label: str) -> dict[str, float]:
    return {series.labels[label]: series.points[-1][1] for series in found if series.points and label in series.labels}
