"""Storing what arrived: one transaction a request, durable before the answer.

A repeat of known alerts is one upsert. New episodes are correlated under locks of their keys, so that two webhooks at
once never open two incidents for one problem; an incident's INIT decision is born with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from aiops.access.principals import SYSTEM
from aiops.live import publish
from incidents import closing, correlation, holds
from incidents.conf import IncidentsConf
from incidents.correlation import Arrival, Group, OpenIncident
from incidents.decision_state import decision_opened
from incidents.intake import quarantine, statements
from incidents.intake.reading import Reading, read
from incidents.intake.signals import Parsed, Signal
from incidents.intake.statements import Home, Row
from incidents.models import Decision, Hold, Incident
from incidents.models.decision import new_token

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Receipt:
    """What became of one request, as its sender is told."""

    accepted: int = 0
    deduplicated: int = 0
    ignored: int = 0
    quarantined: int = 0
    incidents: list[int] = field(default_factory=list)
    reason: str | None = None

    @property
    def status(self) -> str:
        if self.accepted or self.quarantined:
            return "accepted"
        return "deduplicated" if self.deduplicated else "ignored"


@transaction.atomic
def receive(source: str, parsed: Parsed, *, conf: IncidentsConf, request_id: str = "") -> Receipt:
    """Store a parsed body of `source` and say what became of it. All of it is committed, or none.

    A `request_id` that was taken within `conf.replay_window_s` changes nothing and leaves no row.
    """
    if request_id and not statements.first_time(source, request_id, within_s=conf.replay_window_s):
        return Receipt(deduplicated=max(1, len(parsed.signals)), reason="this Request-ID was taken already")
    receipt = Receipt(ignored=parsed.ignored, reason=parsed.reason)
    clusters = settings.CLUSTERS
    for batch in _rounds(parsed.signals):
        unknown = _touch(source, [signal for signal in batch if signal.firing], receipt)
        _store(source, [read(signal, clusters) for signal in unknown], receipt, conf=conf)
        _end(source, [read(signal, clusters) for signal in batch if not signal.firing], receipt)
    receipt.quarantined = quarantine.hold(source, parsed.bad)
    statements.log_delivery(
        source,
        accepted=receipt.accepted,
        deduplicated=receipt.deduplicated,
        ignored=receipt.ignored,
        quarantined=receipt.quarantined,
        truncated=parsed.truncated,
        receiver=parsed.receiver,
    )
    if parsed.truncated:
        log.warning("alerts.truncated", source=source, left_out=parsed.truncated)
    return receipt


def _rounds(signals: Sequence[Signal]) -> list[list[Signal]]:
    """Batches in which no fingerprint comes twice, older signals first; nearly always one."""
    rounds: list[list[Signal]] = []
    depth: dict[str, int] = {}
    for signal in sorted(signals, key=lambda s: (s.starts_at, s.firing is False)):
        n = depth.get(signal.fingerprint, 0)
        depth[signal.fingerprint] = n + 1
        if n == len(rounds):
            rounds.append([])
        rounds[n].append(signal)
    return rounds


def _row(reading: Reading) -> Row:
    signal = reading.signal
    return {
        "fingerprint": signal.fingerprint,
        "name": reading.name,
        "severity": reading.severity.value,
        "category": reading.category.value,
        "environment": reading.environment,
        "cluster": reading.cluster,
        "target": reading.target.model_dump(exclude_none=True) if reading.target else None,
        "labels": dict(signal.labels),
        "annotations": dict(signal.annotations),
        "group_key": signal.group_key,
        "generator_url": signal.generator_url,
        "anomaly_key": reading.anomaly_key,
        "is_test": reading.is_test,
        "is_deadman": reading.is_deadman,
        "starts_at": signal.starts_at.isoformat(),
        "ended_at": signal.ended_at.isoformat() if signal.ended_at else None,
    }


def _touch(source: str, signals: Sequence[Signal], receipt: Receipt) -> list[Signal]:
    """Count the repeats among firing alerts; returns the others."""
    if not signals:
        return []
    known = {row.fingerprint: row for row in statements.touch_known(source, [signal.fingerprint for signal in signals])}
    receipt.deduplicated += len(known)
    _mention(receipt, [row.incident for row in known.values()])
    _worsen([(known[signal.fingerprint].alert, signal) for signal in signals if signal.worsens and signal.fingerprint in known])
    return [signal for signal in signals if signal.fingerprint not in known]


def _worsen(known: Sequence[tuple[int, Signal]]) -> None:
    """Raise the severity of alerts that fire already, and with it their incidents'."""
    if known:
        readings = [(alert, read(signal, settings.CLUSTERS)) for alert, signal in known]
        rows: list[Row] = [
            {"alert": alert, "severity": reading.severity.value, "labels": dict(reading.signal.labels)}
            for alert, reading in readings
        ]
        publish("overview", *{f"incident.{incident}" for incident in statements.worsen(rows)})


def _mention(receipt: Receipt, incidents: Iterable[int | None]) -> None:
    receipt.incidents += [pk for pk in dict.fromkeys(incidents) if pk is not None and pk not in receipt.incidents]


def _store(source: str, readings: Sequence[Reading], receipt: Receipt, *, conf: IncidentsConf) -> None:
    """Firing alerts that were not open: a new episode finds or opens its incident, a replay does nothing."""
    if not readings:
        return
    stored = statements.upsert(statements.UPSERT_FIRING, source, [_row(reading) for reading in readings])
    receipt.deduplicated += len(readings) - sum(row.is_new for row in stored)
    receipt.accepted += sum(row.is_new for row in stored)
    _mention(receipt, [row.incident for row in stored])
    by_fingerprint = {reading.signal.fingerprint: reading for reading in readings}
    new = [(row.alert, by_fingerprint[row.fingerprint]) for row in stored if row.is_new]
    arrivals = [Arrival(alert, reading, correlation.keys_of(reading)) for alert, reading in new if not reading.is_deadman]
    if arrivals:
        _correlate(source, arrivals, receipt, conf=conf)


def _correlate(source: str, arrivals: Sequence[Arrival], receipt: Receipt, *, conf: IncidentsConf) -> None:
    keys = sorted({key for arrival in arrivals for key in arrival.keys})
    statements.lock(correlation.lock_numbers(keys))
    at = timezone.now()
    prints = [arrival.reading.signal.fingerprint for arrival in arrivals]
    homes = statements.find_homes(keys, source, prints, reopen_within_s=conf.reopen_within_s)
    open_ones = [
        OpenIncident(home.incident, frozenset(home.keys), home.opened_at, home.last_alert_at) for home in homes if home.keys
    ]
    groups = correlation.group(arrivals, open_ones, at=at, conf=conf)
    _return_home([group for group in groups if group.incident is None], homes)
    joining = [group for group in groups if group.incident is not None]
    opening = [group for group in groups if group.incident is None]
    if joining:
        statements.join_incidents([_joined(g) for g in joining])
        _mention(receipt, [g.incident for g in joining])
        publish("overview", *{f"incident.{g.incident}" for g in joining})
    if opening:
        _mention(receipt, _open(opening, at=at))


def _return_home(groups: Sequence[Group], homes: Sequence[Home]) -> None:
    """Groups with an alert that fired before go back into its incident: live still, or reopened soon after it ended."""
    earlier = {home.fingerprint: home for home in homes if home.fingerprint is not None}
    for group in groups:
        prints = [arrival.reading.signal.fingerprint for arrival in group.arrivals]
        home = next((earlier[p] for p in prints if p in earlier), None)
        if home is not None:
            group.incident = home.incident
            if not home.is_live:
                closing.reopen(home.incident)


def _joined(group: Group) -> Row:
    return {
        "incident": group.incident,
        "alerts": [arrival.alert for arrival in group.arrivals],
        "correlation_keys": sorted(group.keys),
        "services": sorted({service for arrival in group.arrivals for service in arrival.reading.services}),
        "severity": group.root.reading.severity.value,
        "detail": ", ".join(sorted({arrival.reading.name for arrival in group.arrivals}))[:500],
    }


def open_for(arrivals: Sequence[Arrival], *, at: datetime) -> int:
    """An incident of their own for alerts that are stored already; returns its id."""
    group = Group(list(arrivals), keys={key for arrival in arrivals for key in arrival.keys})
    return _open([group], at=at)[0]


def _open(groups: Sequence[Group], *, at: datetime) -> list[int]:
    """New incidents, each with its INIT decision; inside a maintenance window that is withdrawn as `frozen` at once."""
    windows = holds.in_force(at, Hold.Stops.DECIDE)
    opened = statements.open_incidents([_opened(n, group, windows) for n, group in enumerate(groups)])
    decision_opened.announce_all([row.decision for row in opened if row.state == Decision.State.INIT])
    publish("overview", "approvals")
    return [row.incident for row in opened]


def _opened(n: int, group: Group, windows: Sequence[Hold]) -> Row:
    reading, target = group.root.reading, group.root.reading.target
    hold = holds.first_fitting(windows, words_of(reading))
    names = sorted({arrival.reading.name or "without a name" for arrival in group.arrivals})
    return {
        "n": n,
        "title": reading.title,
        "severity": reading.severity.value,
        "category": reading.category.value,
        "environment": reading.environment,
        "cluster": reading.cluster,
        "namespace": reading.namespace,
        "target_kind": target.kind if target else "",
        "target_name": target.name if target else "",
        "target_unit": (target.unit or "") if target else "",
        "services": sorted({service for arrival in group.arrivals for service in arrival.reading.services}),
        "anomaly_key": reading.anomaly_key,
        "alert_name": reading.name,
        "correlation_keys": sorted(group.keys),
        "is_test": all(arrival.reading.is_test for arrival in group.arrivals),
        "root_alert": group.root.alert,
        "alerts": [arrival.alert for arrival in group.arrivals],
        "token": new_token(),
        "frozen": f"{hold.reason[:200]}" if hold else "",
        "detail": ", ".join(names)[:500],
    }


def words_of(reading: Reading) -> dict[str, str]:
    return holds.words_of(
        reading.signal.labels,
        cluster=reading.cluster,
        environment=reading.environment,
        namespace=reading.namespace,
        services=reading.services,
    )


def _end(source: str, readings: Sequence[Reading], receipt: Receipt) -> None:
    """Resolved alerts: they end their episode, and the incident whose last alert they were."""
    if not readings:
        return
    stored = statements.upsert(statements.UPSERT_RESOLVED, source, [_row(reading) for reading in readings])
    receipt.accepted += len(stored)
    receipt.deduplicated += len(readings) - len(stored)
    touched = sorted({row.incident for row in stored if row.incident})
    _mention(receipt, touched)
    for incident in Incident.objects.filter(pk__in=touched):
        closing.resolve_if_quiet(incident, actor=SYSTEM)
