"""`/metrics`: counts and gauges asked of PostgreSQL when scraped, latencies of this process.

No multiprocess files: a killed worker would leave wrong gauges in them. An answer is kept for a few seconds, so that
scraping costs the database the same however often it happens.
"""

import time
from collections.abc import Iterator

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from aiops.access.authentication import address_of, bearer, of_token
from aiops.access.models import ApiToken

KEPT_S = 5.0
LOOPBACK = frozenset({"127.0.0.1", "::1", ""})

registry = CollectorRegistry()
webhook_seconds = Histogram(
    "aiops_webhook_seconds",
    "Time to answer a webhook, in seconds",
    ["endpoint", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
    registry=registry,
)

# name, help, label names, statement; the last column is the value. Each one reads an index or a small table.
GAUGES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "aiops_incidents_open",
        "Incidents that are not resolved, by severity and status",
        ("severity", "status"),
        "SELECT severity, status, count(*) FROM incidents_incident"
        " WHERE status IN ('open', 'investigating', 'mitigating') GROUP BY 1, 2",
    ),
    (
        "aiops_decisions_live",
        "Decisions by state",
        ("state",),
        "SELECT state, count(*) FROM incidents_decision WHERE state IN ('INIT', 'ANALYZING', 'READY', 'EXECUTING') GROUP BY 1",
    ),
    (
        "aiops_decision_oldest_waiting_seconds",
        "Age of the oldest decision that is not READY",
        (),
        "SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0) FROM incidents_decision"
        " WHERE state IN ('INIT', 'ANALYZING')",
    ),
    (
        "aiops_approvals_pending",
        "Approvals that wait for people",
        (),
        "SELECT count(*) FROM approvals_approval WHERE status = 'pending'",
    ),
    (
        "aiops_executions_active",
        "Executions under way, by status",
        ("status",),
        "SELECT status, count(*) FROM approvals_execution"
        " WHERE status IN ('planned', 'dry_run', 'running', 'ambiguous') GROUP BY 1",
    ),
    (
        "aiops_messages_waiting",
        "Messages that are not delivered yet, by status",
        ("status",),
        "SELECT status, count(*) FROM outbox_notification WHERE status IN ('queued', 'sending', 'unknown') GROUP BY 1",
    ),
    (
        "aiops_source_last_alert_seconds",
        "Time since a source last sent anything",
        ("source",),
        "SELECT source, extract(epoch FROM now() - max(received_at)) FROM incidents_delivery"
        " WHERE received_at > now() - interval '7 days' GROUP BY 1",
    ),
    (
        "aiops_quarantine_held",
        "Alerts put aside, by source",
        ("source",),
        "SELECT source, count(*) FROM incidents_quarantinedalert WHERE status = 'held' GROUP BY 1",
    ),
)
COUNTERS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "aiops_alerts_received",
        "Alerts received in the last 7 days, by source and what became of them",
        ("source", "outcome"),
        "SELECT source, outcome, sum(n) FROM incidents_delivery, LATERAL (VALUES ('accepted', accepted),"
        " ('deduplicated', deduplicated), ('ignored', ignored), ('quarantined', quarantined)) AS v (outcome, n) GROUP BY 1, 2",
    ),
    (
        "aiops_requests_refused",
        "Webhook requests refused, by source and status",
        ("source", "status"),
        "SELECT source, status, sum(count) FROM incidents_refusal GROUP BY 1, 2",
    ),
    (
        "aiops_decisions_ready",
        "Decisions that became READY in the last 24 h, and how many of them later than 30 s",
        ("late",),
        "SELECT (ready_at - received_at > interval '30 seconds')::text, count(*) FROM incidents_decision"
        " WHERE ready_at > now() - interval '24 hours' GROUP BY 1",
    ),
    (
        "aiops_llm_calls",
        "Questions to models in the last 24 h, by provider, engine and what became of them",
        ("provider", "engine", "status"),
        "SELECT provider, engine, status, count(*) FROM incidents_llmcall WHERE at > now() - interval '24 hours'"
        " GROUP BY 1, 2, 3",
    ),
    (
        "aiops_llm_tokens",
        "Tokens used by models in the last 24 h, by provider",
        ("provider",),
        "SELECT provider, sum(tokens_in + tokens_out) FROM incidents_llmcall WHERE at > now() - interval '24 hours' GROUP BY 1",
    ),
    (
        "aiops_llm_cost_dollars",
        "What models cost in the last 24 h, by provider",
        ("provider",),
        "SELECT provider, sum(cost_micros) / 1e6 FROM incidents_llmcall WHERE at > now() - interval '24 hours' GROUP BY 1",
    ),
    (
        "aiops_executions_verified",
        "Verified executions of the last 30 days, by result and whether they ran alone",
        ("result", "autonomous"),
        "SELECT result, autonomous::text, count(*) FROM learning_outcome WHERE at > now() - interval '30 days' GROUP BY 1, 2",
    ),
)


class Database(Collector):
    """What the tables say, asked at most once in a while."""

    def __init__(self) -> None:
        self._kept: list[Metric] = []
        self._until = 0.0

    def collect(self) -> Iterator[Metric]:
        if time.monotonic() >= self._until:
            self._kept = list(_ask())
            self._until = time.monotonic() + KEPT_S
        yield from self._kept

    def describe(self) -> list[Metric]:
        return []


def _ask() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        for name, words, labels, sql in GAUGES:
            gauge = GaugeMetricFamily(name, words, labels=labels)
            cursor.execute(sql)
            for row in cursor.fetchall():
                gauge.add_metric([str(value) for value in row[:-1]], float(row[-1]))
            yield gauge
        for name, words, labels, sql in COUNTERS:
            counter = CounterMetricFamily(name, words, labels=labels)
            cursor.execute(sql)
            for row in cursor.fetchall():
                counter.add_metric([str(value) for value in row[:-1]], float(row[-1]))
            yield counter


registry.register(Database())


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for any token, or for whoever asks from this machine."""
    address = address_of(request)
    secret = bearer(request)
    known = secret is not None and any(of_token(secret, scope=scope, address=address) for scope in ApiToken.Scope.values)
    if not known and (secret is not None or address not in LOOPBACK):
        return HttpResponseForbidden("Metrics are for a token, or for a scraper on this machine.\n", content_type="text/plain")
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def observe(endpoint: str, status: int, seconds: float) -> None:
    webhook_seconds.labels(endpoint, str(status)).observe(seconds)
