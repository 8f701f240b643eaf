"""Loading what engines may know: from rows to the plain values of `proposals.Facts`."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db.models import Count, Q, Window
from django.db.models.functions import RowNumber
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


def frequencies(anomaly_keys: Collection[str], at: datetime) -> dict[str, dict[str, int]]:
    """The same for many, in one query."""
    counts = {f"w{name}": Count("id", filter=Q(first_seen__gt=at - window)) for name, window in WINDOWS.items()}
    episodes = Alert.objects.filter(anomaly_key__in=set(anomaly_keys), first_seen__gt=at - WINDOWS["30d"]).order_by()
    found = {row[0]: row[1:] for row in episodes.values_list("anomaly_key").annotate(**counts)}
    return {key: dict(zip(WINDOWS, found.get(key, (0,) * len(WINDOWS)), strict=True)) for key in anomaly_keys}


def of(decision: Decision) -> Facts:
    """Everything known about the incident of `decision`, with the evidence collected for it."""
    return load_all([decision])[decision.pk]()


def load_all(decisions: Sequence[Decision]) -> dict[int, Callable[[], Facts]]:
    """The same for many, by the decision's id, read in as many queries as for one; each is made of its rows when it is asked for,
    so that one which cannot be made costs the others nothing."""
    evidence: dict[int | None, list[Evidence]] = defaultdict(list)
    for row in Evidence.objects.filter(decision__in=decisions, error=""):
        evidence[row.decision_id].append(row)
    known = _load_incidents([decision.incident for decision in decisions])

    def load(decision: Decision) -> Facts:
        seen = tuple(EvidenceFacts(e.pk, e.kind, e.title, e.content, e.facts) for e in evidence[decision.pk])
        return replace(known[decision.incident_id](), evidence=seen)

    return {decision.pk: partial(load, decision) for decision in decisions}


def of_incident(incident: Incident) -> Facts:
    """Everything known about an incident, root alert first."""
    return _load_incidents([incident])[incident.pk]()


def _load_incidents(incidents: Sequence[Incident]) -> dict[int, Callable[[], Facts]]:
    at = timezone.now()
    alerts: dict[int | None, list[Alert]] = defaultdict(list)
    nth = Window(RowNumber(), partition_by="incident", order_by="first_seen")
    rows = Alert.objects.filter(incident__in=incidents).annotate(nth=nth)
    for alert in rows.filter(nth__lte=ALERTS_MAX).order_by("first_seen"):
        alerts[alert.incident_id].append(alert)
    keys, conf = {incident.anomaly_key for incident in incidents}, settings.AIOPS.learning
    often, tried = frequencies(keys, at), repairs.with_outcomes(keys, conf=conf, at=at)

    def in_vain(incident: Incident) -> frozenset[str]:
        key, place = incident.anomaly_key, incident.environment
        return repairs.in_vain(key, environment=place, incident=incident.pk, conf=conf, at=at) if key in tried else frozenset()

    return {one.pk: partial(_of, one, alerts[one.pk], often[one.anomaly_key], in_vain(one), at) for one in incidents}


def _of(incident: Incident, alerts: Sequence[Alert], often: dict[str, int], in_vain: frozenset[str], at: datetime) -> Facts:
    rooted = sorted(alerts, key=lambda alert: (alert.pk != incident.root_alert_id, alert.first_seen))
    return Facts(
        ref=incident.ref,
        severity=Severity(incident.severity),
        category=Category(incident.category),
        environment=incident.environment,
        cluster=incident.cluster,
        namespace=incident.namespace,
        target=incident.target,
        alert_name=incident.alert_name,
        alerts=tuple(alert_facts(alert) for alert in rooted),
        services=tuple(incident.services),
        anomaly_key=incident.anomaly_key,
        frequency=often,
        is_test=incident.is_test,
        now=at,
        in_vain=in_vain,
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
