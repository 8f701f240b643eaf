"""Storing what arrived: one commit a request, durable before the answer.

A request that only repeats is one statement. New episodes are correlated under locks of their keys, so that two webhooks at
once never open two incidents for one problem; an incident's INIT decision is born with it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from aiops.access.principals import SYSTEM
from aiops.live import publish
from incidents import closing, correlation, holds, landscape
from incidents.casebook import Case
from incidents.conf import IncidentsConf
from incidents.correlation import Arrival
from incidents.decision_state import decision_opened
from incidents.incident_state import merge_found, root_moved
from incidents.intake import quarantine, statements
from incidents.intake.reading import Reading, read
from incidents.intake.signals import Parsed, Signal
from incidents.intake.statements import Home, Row
from incidents.models import Decision, Hold, Incident
from incidents.models.decision import new_token

log = structlog.get_logger(__name__)
Arrivals = Mapping[int, Arrival]  # of one batch, by the id of their alert


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


def receive(source: str, parsed: Parsed, *, conf: IncidentsConf, request_id: str = "") -> Receipt:
    """Store a parsed body of `source` and say what became of it. All of it is committed, or none.

    A `request_id` that was taken within `conf.replay_window_s` changes nothing and leaves no row.
    """
    if request_id or not _may_repeat(parsed):
        return _take_in(source, parsed, conf=conf, request_id=request_id)
    prints = [signal.fingerprint for signal in parsed.signals]
    found = statements.count_repeats(source, prints, ignored=parsed.ignored, receiver=parsed.receiver)
    if found.incidents is None:
        return _take_in(source, parsed, conf=conf, all_new=not found.known)
    receipt = Receipt(deduplicated=found.known, ignored=parsed.ignored, reason=parsed.reason)
    _mention(receipt, found.incidents)
    return receipt


def _may_repeat(parsed: Parsed) -> bool:
    """Whether a body may be one that repeats what fires already, and nothing else."""
    signals = parsed.signals
    once = len({signal.fingerprint for signal in signals}) == len(signals) > 0
    return once and not parsed.bad and not parsed.truncated and all(signal.firing and not signal.worsens for signal in signals)


@transaction.atomic
def _take_in(source: str, parsed: Parsed, *, conf: IncidentsConf, request_id: str = "", all_new: bool = False) -> Receipt:
    """`all_new`: nothing of it was open a moment ago, so nothing is looked for among repeats."""
    if request_id and not statements.first_time(source, request_id, within_s=conf.replay_window_s):
        return Receipt(deduplicated=max(1, len(parsed.signals)), reason="this Request-ID was taken already")
    receipt = Receipt(ignored=parsed.ignored, reason=parsed.reason)
    clusters = settings.CLUSTERS
    for batch in _rounds(parsed.signals):
        firing = [signal for signal in batch if signal.firing]
        unknown = firing if all_new else _touch(source, firing, receipt)
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
    new = [(alert, reading) for alert, reading in new if not reading.is_deadman]
    if new:
        _correlate(source, correlation.arrivals_of(new, landscape.current()), receipt, conf=conf)


def _correlate(source: str, arrivals: Sequence[Arrival], receipt: Receipt, *, conf: IncidentsConf) -> None:
    prints = [arrival.reading.signal.fingerprint for arrival in arrivals]
    hold_has_begun, homes = statements.lock_and_find_homes(
        correlation.locks_of(arrival.clue for arrival in arrivals),
        correlation.keys_of(arrivals),
        source,
        prints,
        most=correlation.most_candidates(arrivals),
        within_s=conf.correlation_max_s,
        reopen_within_s=conf.reopen_within_s,
    )
    at = timezone.now()
    cases = correlation.place(arrivals, [home for home in homes if home.fingerprint is None], at=at, conf=conf)
    by_alert = {arrival.alert: arrival for arrival in arrivals}
    joining, opening = _return_home(cases, homes, by_alert)
    if joining:
        _join(joining, by_alert)
        _mention(receipt, [case.incident for case in joining])
    if opening:
        windows = holds.in_force(at, Hold.Stops.DECIDE) if hold_has_begun else []
        _mention(receipt, _open(opening, by_alert, windows))


def _return_home(cases: Sequence[Case], homes: Sequence[Home], by_alert: Arrivals) -> tuple[list[Case], list[Case]]:
    """The cases that are an incident already, and those that will be one.

    One with an alert that fired before goes back into its incident: live still, or reopened soon after it ended.
    """
    earlier = {home.fingerprint: home for home in homes if home.fingerprint is not None}
    joining = {case.incident: case for case in cases if case.incident is not None}
    opening = []
    for case in cases:
        prints = [by_alert[alert].reading.signal.fingerprint for alert in case.alerts]
        home = None if case.incident is not None else next((earlier[p] for p in prints if p in earlier), None)
        if home is not None and home.incident in joining:
            joining[home.incident].absorb(case)
        elif home is not None:
            joining[home.incident] = case
            case.incident, case.root_alert = home.incident, None  # its root stays what it was
            if not home.is_live:
                closing.reopen(home.incident)
        elif case.incident is None:
            opening.append(case)
    return list(joining.values()), opening


def _join(cases: Sequence[Case], by_alert: Arrivals) -> None:
    """Write down what open incidents have got: alerts, a likelier root, other incidents that are a part of them."""
    statements.join_incidents([_joined(case, by_alert) for case in cases])
    publish("overview", *{f"incident.{case.incident}" for case in cases})
    root_moved.announce_all([case.incident for case in cases if case.incident is not None and case.root_alert in by_alert])
    merge_found.announce_all([part.incident for case in cases for part in case.absorbed if part.incident is not None])


def _joined(case: Case, by_alert: Arrivals) -> Row:
    arrivals = [by_alert[alert] for alert in case.alerts]
    root = by_alert.get(case.root_alert) if case.root_alert is not None else None
    return {
        "incident": case.incident,
        "alerts": case.alerts,
        "correlation_keys": sorted(case.keys()),
        "services": _services(arrivals),
        "severity": min(arrival.reading.severity for arrival in arrivals).value,
        "detail": _names(arrivals),
        "absorbed": [
            {"incident": part.incident, "has_root": part.root_alert == case.root_alert}
            for part in case.absorbed
            if part.incident is not None
        ],
        **(_about(root) if root is not None else {}),
    }


def open_for(arrivals: Sequence[Arrival], *, at: datetime) -> int:
    """An incident of their own for alerts that are stored already; returns its id."""
    by_alert, windows = {arrival.alert: arrival for arrival in arrivals}, holds.in_force(at, Hold.Stops.DECIDE)
    return _open([correlation.gather(arrivals, at=at)], by_alert, windows)[0]


def _open(cases: Sequence[Case], by_alert: Arrivals, windows: Sequence[Hold]) -> list[int]:
    """New incidents, each with its INIT decision; inside a maintenance window that is withdrawn as `frozen` at once."""
    opened = statements.open_incidents([_opened(n, case, by_alert, windows) for n, case in enumerate(cases)])
    decision_opened.announce_all([row.decision for row in opened if row.state == Decision.State.INIT])
    publish("overview", "approvals")
    return [row.incident for row in opened]


def _opened(n: int, case: Case, by_alert: Arrivals, windows: Sequence[Hold]) -> Row:
    arrivals = [by_alert[alert] for alert in case.alerts]
    root = by_alert[case.root_alert] if case.root_alert is not None else arrivals[0]
    hold = holds.first_fitting(windows, words_of(root.reading)) if windows else None
    return {
        "n": n,
        "severity": min(arrival.reading.severity for arrival in arrivals).value,
        "services": _services(arrivals),
        "correlation_keys": sorted(case.keys()),
        "is_test": root.reading.is_test,
        "alerts": case.alerts,
        "token": new_token(),
        "frozen": f"{hold.reason[:200]}" if hold else "",
        "detail": _names(arrivals),
        **_about(root),
    }


def _about(root: Arrival) -> Row:
    """What an incident is about: the thing, the trouble and the place of its root."""
    reading, target = root.reading, root.reading.target
    return {
        "root_alert": root.alert,
        "clue": root.clue.to_json(),
        "title": reading.title,
        "category": reading.category.value,
        "environment": reading.environment,
        "cluster": reading.cluster,
        "namespace": reading.namespace,
        "target_kind": target.kind if target else "",
        "target_name": target.name if target else "",
        "target_unit": (target.unit or "") if target else "",
        "anomaly_key": reading.anomaly_key,
        "alert_name": reading.name,
    }


def _services(arrivals: Sequence[Arrival]) -> list[str]:
    return sorted({service for arrival in arrivals for service in arrival.reading.services})


def _names(arrivals: Sequence[Arrival]) -> str:
    return ", ".join(sorted({arrival.reading.name or "without a name" for arrival in arrivals}))[:500]


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
