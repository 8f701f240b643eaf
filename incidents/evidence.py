"""Looking at the live system before deciding: every collector at once, under one deadline, bounded, without secrets.

A collector that fails, or takes too long, leaves a row that says so and costs the others nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.utils import timezone

from aiops.connectors.errors import ConnectorError, Permanent
from aiops.connectors.kubernetes import Kubernetes, client_for
from aiops.connectors.prometheus import Prometheus
from aiops.core.categories import Category
from incidents.collectors import OF_CLUSTER, OF_METRICS, Collector
from incidents.collectors.finding import Finding
from incidents.collectors.past import past
from incidents.collectors.scene import Patient, Scene
from incidents.conf import IncidentsConf
from incidents.facts import stored_target
from incidents.measures import measure_of
from incidents.models import Alert, Decision, Dependency, Evidence, Incident
from incidents.targets import pod_of

PART_OF_DEADLINE = 0.9  # the rest is for putting away what was found
DECLARED_MOST = 20
COLLECTOR_BROKE = "its collector broke; the log says how"

log = structlog.get_logger(__name__)

# (decision, seconds that it may take) -> unsaved rows: what each collector found, or an `error` in its place.
Collect = Callable[[Decision, float], Awaitable[list[Evidence]]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a look goes. None where nothing is configured or its configuration is not usable; `no_cluster` says why."""

    cluster: Kubernetes | None
    prometheus: Prometheus | None
    no_cluster: str = ""


def collect(decision: Decision, deadline_s: float) -> Awaitable[list[Evidence]]:
    """What is true now for the incident of `decision`, well within `deadline_s`.

    The database is read at once; what is awaited uses none, so it runs in any event loop.
    """
    conf = settings.AIOPS.incidents
    incident = decision.incident
    within_s = min(conf.evidence_deadline_s, deadline_s) * PART_OF_DEADLINE
    now = timezone.now()
    known = past(incident, now)
    return look(patient_of(incident), sources_of(incident), known, now=now, within_s=within_s, conf=conf)


def patient_of(incident: Incident) -> Patient:
    root: Alert | None = incident.root_alert or incident.alerts.order_by("first_seen").first()
    if root is None:
        return Patient(incident.target)
    named = {*incident.services, incident.target_name, f"{incident.namespace}/{incident.target_name}"} - {""}
    return Patient(
        target=incident.target or stored_target(root),
        pod=pod_of(root.labels),
        category=Category(incident.category),
        alert_name=root.name,
        measure=measure_of(root),
        began_at=root.starts_at,
        needs=tuple(Dependency.objects.filter(downstream__in=named).values_list("upstream", flat=True)[:DECLARED_MOST]),
    )


def sources_of(incident: Incident) -> Sources:
    conf = settings.AIOPS
    token = conf.prometheus_token.get_secret_value()
    prometheus = Prometheus(conf.prometheus_url, token) if conf.prometheus_url else None
    cluster = next((cluster for cluster in settings.CLUSTERS if cluster.name == incident.cluster), None)
    if cluster is None:
        return Sources(None, prometheus, "none of the configured clusters is this incident's")
    try:
        return Sources(client_for(cluster), prometheus)
    except Permanent as error:
        return Sources(None, prometheus, error.why)


async def look(
    patient: Patient,
    sources: Sources,
    known: Sequence[Finding] = (),
    *,
    now: datetime,
    within_s: float,
    conf: IncidentsConf,
) -> list[Evidence]:
    """One look through all collectors, beside what is `known`. Never raises for what a collector or a source does."""
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(sources.cluster.reads()) if sources.cluster else None
        metrics = await stack.enter_async_context(sources.prometheus.reads()) if sources.prometheus else None
        until = time.monotonic() + within_s
        scene = Scene(patient, now, cluster, metrics)
        collectors = [*(OF_CLUSTER if cluster else ()), *(OF_METRICS if metrics else ())]
        found = await asyncio.gather(*(_found(one, scene, until) for one in collectors), return_exceptions=True)
        await scene.close()
    findings = [finding for one, result in zip(collectors, found, strict=True) for finding in _told(one, result)]
    if cluster is None:
        findings.insert(0, Finding.missing("cluster", sources.no_cluster))
    return _rows([*findings, *known], conf)


async def _found(collector: Collector, scene: Scene, until: float) -> Sequence[Finding]:
    """What one collector finds, or why its source gave nothing."""
    within_s = min(collector.within_s, until - time.monotonic())
    try:
        async with asyncio.timeout(within_s):
            return await collector.collect(scene)
    except TimeoutError:
        why = f"no answer within {max(0.0, within_s):.1f} s"
    except ConnectorError as error:
        why = error.detail
    return [Finding.missing(collector.kind, why)]


def _told(collector: Collector, result: Sequence[Finding] | BaseException) -> Sequence[Finding]:
    """One that broke is told beside what the others found; `governance.engine_watch` makes an event of it."""
    if not isinstance(result, BaseException):
        return result
    log.error("evidence.collector_broke", kind=collector.kind, error=type(result).__name__, exc_info=result)
    return [Finding.missing(collector.kind, COLLECTOR_BROKE)]


def _rows(findings: Sequence[Finding], conf: IncidentsConf) -> list[Evidence]:
    """As many as may be kept, none longer than its share, all together no longer than the whole."""
    rows: list[Evidence] = []
    left = conf.evidence_bytes
    for finding in findings[: conf.evidence_items]:
        row = finding.row(most=min(conf.evidence_item_bytes, left))
        left = max(0, left - len(row.content))
        rows.append(row)
    return rows
