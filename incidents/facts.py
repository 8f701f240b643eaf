"""Loading what engines may know: from rows to the plain values of `proposals.Facts`."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone
from pydantic import ValidationError

from aiops.core.categories import Category
from aiops.core.scales import Severity
from aiops.core.targets import Target
from incidents.models import Alert, Decision, Evidence, Incident
from incidents.proposals import AlertFacts, EvidenceFacts, Facts
from learning import repairs

ALERTS_MAX = 200  # more than this many alerts of one incident add nothing to a decision
WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


def frequency(anomaly_key: str, at: datetime) -> dict[str, int]:
    """Episodes of an anomaly in the last 1 h, 24 h, 7 d and 30 d, this one included."""
    return frequencies([anomaly_key], at)[anomaly_key]


def frequencies(anomaly_keys: Sequence[str], at: datetime) -> dict[str, dict[str, int]]:
    """The same for many, in one query."""
    counts = {f"w{name}": Count("id", filter=Q(first_seen__gt=at - window)) for name, window in WINDOWS.items()}
    episodes = Alert.objects.filter(anomaly_key__in=set(anomaly_keys), first_seen__gt=at - WINDOWS["30d"]).order_by()
    found = {row[0]: row[1:] for row in episodes.values_list("anomaly_key").annotate(**counts)}
    return {key: dict(zip(WINDOWS, found.get(key, (0,) * len(WINDOWS)), strict=True)) for key in anomaly_keys}


def of(decision: Decision) -> Facts:
    """Everything known about the incident of `decision`, with the evidence collected for it."""
    return of_incident(decision.incident, decision.evidence.filter(error=""))


def of_incident(incident: Incident, evidence: Iterable[Evidence] = ()) -> Facts:
    """Everything known about an incident, root alert first."""
    at = timezone.now()
    alerts = sorted(
        incident.alerts.order_by("first_seen")[:ALERTS_MAX],
        key=lambda alert: (alert.pk != incident.root_alert_id, alert.first_seen),
    )
    return Facts(
        ref=incident.ref,
        severity=Severity(incident.severity),
        category=Category(incident.category),
        environment=incident.environment,
        cluster=incident.cluster,
        namespace=incident.namespace,
        target=incident.target,
        alert_name=incident.alert_name,
        alerts=tuple(alert_facts(alert) for alert in alerts),
        services=tuple(incident.services),
        anomaly_key=incident.anomaly_key,
        frequency=frequency(incident.anomaly_key, at),
        is_test=incident.is_test,
        now=at,
        evidence=tuple(EvidenceFacts(e.pk, e.kind, e.title, e.content, e.facts) for e in evidence),
        in_vain=repairs.in_vain(
            incident.anomaly_key, environment=incident.environment, incident=incident.pk, conf=settings.AIOPS.learning, at=at
        ),
    )


def alert_facts(alert: Alert) -> AlertFacts:
    return AlertFacts(
        id=alert.pk,
        name=alert.name,
        status=alert.status,
        labels=alert.labels,
        annotations=alert.annotations,
        target=stored_target(alert),
        category=Category(alert.category),
        starts_at=alert.starts_at,
    )


def stored_target(row: Alert) -> Target | None:
    """None also for what was stored under older rules and would not be accepted as a target now."""
    try:
        return Target.model_validate(row.target) if row.target else None
    except ValidationError:
        return None
