"""Merging two incidents that are one problem, and splitting one that is two; by hand, or by correlation.

By pointer: alerts and correlation keys go over, timelines, decisions and evidence stay where they happened and each side
says where the other is. Locks are taken as intake takes them: alerts, keys, incidents, decision.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from aiops.access.principals import SYSTEM, Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict, Invalid
from aiops.live import publish
from incidents import closing, correlation, decision_state, decisions, incident_state, landscape
from incidents.correlation import Arrival
from incidents.intake import reception, statements
from incidents.intake.reading import Reading, read
from incidents.intake.signals import Signal
from incidents.models import Alert, Decision, Incident, PendingMerge, TimelineEvent

S = Decision.State
MAX_MERGED = 20  # incidents that were merged one into the other
ROOT_FIELDS = [
    "root_alert", "clue", "title", "alert_name", "category", "anomaly_key", "environment", "cluster", "namespace", "target_kind",
    "target_name", "target_unit",
]  # fmt: skip

log = structlog.get_logger(__name__)


@transaction.atomic
def merge(incident: Incident, into: Incident, by: Principal, *, reason: str) -> Incident:
    """`incident` is what `into` is about: its alerts go over, it is closed; returns `into` as it is now.

    Its decision is withdrawn as `merged`. Raises Conflict `executing` while an act of its own is under way, `not_live`
    unless both are open, Invalid for an incident and itself or for a test and real trouble.
    """
    require(by, Act.MERGE)
    reason = _checked(reason)
    if incident.pk == into.pk:
        raise Invalid("an incident cannot be merged into itself", loc=("into",))
    _lock_alerts([incident])
    loser, survivor = _lock([incident, into])
    if loser.is_test != survivor.is_test:
        raise Invalid("a test and real trouble stay apart", loc=("into",))
    for one in (loser, survivor):
        _check_live(one)
    moved = _unite(loser, survivor, by, reason)
    record(
        by,
        Act.MERGE,
        "incident",
        loser.ref,
        incident=survivor.ref,
        into=survivor.ref,
        reason=reason,
        alerts=[alert.pk for alert in moved],
    )
    survivor.refresh_from_db()
    return survivor


@transaction.atomic
def carry_out(incident_id: int) -> bool:
    """The merge that correlation found for this incident. False: it is done, or something has come in between.

    An incident whose own act is under way stays one of its own, and so do two of which one is over.
    """
    found = PendingMerge.objects.filter(incident=incident_id).select_related("incident", "into").first()
    if found is None:
        return False
    into = _last(found.into)
    _lock_alerts([found.incident])
    loser, survivor = _lock([found.incident, into])
    if not PendingMerge.objects.filter(pk=found.pk).delete()[0] or loser.pk == survivor.pk:
        return False
    try:
        for one in (loser, survivor):
            _check_live(one)
        _unite(loser, survivor, SYSTEM, f"One explains the other: {loser.alert_name} and {survivor.alert_name}")
    except Conflict as refusal:
        log.info("merge.not_carried_out", incident=loser.ref, into=survivor.ref, why=refusal.detail)
        return False
    if found.has_root:
        _take_root(survivor, loser)
    return True


def _last(incident: Incident) -> Incident:
    """Where an incident is now that may have been merged meanwhile."""
    for _ in range(MAX_MERGED):
        if incident.merged_into is None:
            break
        incident = incident.merged_into
    return incident


def _unite(loser: Incident, survivor: Incident, by: Principal, reason: str) -> list[Alert]:
    """Everything of `loser` goes over; returns its alerts."""
    _withdraw(loser, Decision.Reason.MERGED, by, detail=f"Merged into {survivor.ref}")
    moved = list(loser.alerts.order_by("first_seen", "pk"))
    Alert.objects.filter(incident=loser).update(incident=survivor)
    _take_over(survivor, loser)
    loser.merged_into, loser.correlation_keys = survivor, []
    loser.save(update_fields=["merged_into", "correlation_keys"])
    _tell(loser, "merged", f"Merged into {survivor.ref}", reason, by)
    _tell(survivor, "merged", f"{loser.ref} was merged into this: {_counted(moved)}", reason, by)
    incident_state.advance(loser, Incident.Status.CLOSED, actor=by, detail=f"Merged into {survivor.ref}")
    publish("overview", loser.topic, survivor.topic)
    return moved


def _take_root(survivor: Incident, loser: Incident) -> None:
    """The cause was found in `loser`: it is what both are about, and decided about."""
    before = survivor.alert_name
    for name in ROOT_FIELDS:
        setattr(survivor, name, getattr(loser, name))
    survivor.save(update_fields=ROOT_FIELDS)
    title = f"Most likely root is now {survivor.alert_name or 'an alert without a name'}"
    TimelineEvent.record(survivor, "root.changed", title[:300], detail=f"It explains {before}", actor=SYSTEM.name, status="wait")
    for decision in Decision.objects.filter(incident=survivor, state=S.READY):
        decisions.follow_root(decision)


@transaction.atomic
def split(incident: Incident, alerts: Collection[int], by: Principal, *, reason: str) -> Incident:
    """These alerts are another problem: they open an incident of their own, with its own decision; returns that.

    Where the root goes with them, what stays is described and decided anew. Raises Conflict `not_live`, or `executing`
    while an act is under way about the root that would go; Invalid for alerts that are not its own, none that is open,
    or all of them.
    """
    require(by, Act.SPLIT)
    reason = _checked(reason)
    _lock_alerts([incident])
    (source,) = _lock([incident])
    _check_live(source)
    own = {alert.pk: alert for alert in source.alerts.all()}
    chosen = [own[pk] for pk in sorted(set(alerts)) if pk in own]
    stay = [alert for pk, alert in own.items() if pk not in set(alerts)]
    _check_choice(chosen, stay, wanted=len(set(alerts)))
    root_goes = source.root_alert_id in {alert.pk for alert in chosen}
    if root_goes:
        _withdraw(source, Decision.Reason.REANALYSED, by, detail="Its root was split off")
    opened = Incident.objects.get(pk=reception.open_for(_arrivals(chosen), at=timezone.now()))
    opened.split_from = source
    opened.save(update_fields=["split_from"])
    _describe(source, stay, with_root=root_goes)
    _tell(opened, "split", f"Split off from {source.ref}: {_counted(chosen)}", reason, by)
    _tell(source, "split", f"Split off into {opened.ref}: {_counted(chosen)}", reason, by)
    record(
        by,
        Act.SPLIT,
        "incident",
        source.ref,
        incident=opened.ref,
        into=opened.ref,
        reason=reason,
        alerts=[alert.pk for alert in chosen],
    )
    publish("overview", source.topic, opened.topic)
    if not closing.resolve_if_quiet(source, actor=by) and root_goes:
        decisions.begin(source, cause="split", actor=by)
    opened.refresh_from_db()
    return opened


def _checked(reason: str) -> str:
    if not reason.strip():
        raise Invalid("say why, for whoever reads the timeline", loc=("reason",))
    return reason.strip()[:1000]


def _lock_alerts(incidents: Sequence[Incident]) -> None:
    """Whoever counts a repeat of these alerts has done so, or waits; then new alerts with the same keys wait too."""
    rows = Alert.objects.select_for_update(no_key=True).filter(incident__in=incidents).order_by("fingerprint")
    list(rows.values_list("pk", flat=True))


def _lock(incidents: Sequence[Incident]) -> list[Incident]:
    """The rows as they are now, in the order that was asked for, locked in the order that everybody locks them."""
    keys = {key for incident in incidents for key in incident.correlation_keys}
    statements.lock(correlation.locks_of_keys(keys))
    rows = Incident.objects.select_for_update(no_key=True).filter(pk__in=[i.pk for i in incidents]).order_by("pk")
    found = {row.pk: row for row in rows}
    return [found[incident.pk] for incident in incidents]


def _check_live(incident: Incident) -> None:
    if incident.merged_into_id is not None:
        raise Conflict(f"{incident.ref} was merged into INC-{incident.merged_into_id}", code="not_live", state=incident.status)
    if not incident.is_live:
        raise Conflict(f"{incident.ref} is {incident.status}", code="not_live", state=incident.status)


def _check_choice(chosen: Sequence[Alert], stay: Sequence[Alert], *, wanted: int) -> None:
    if not chosen or len(chosen) != wanted:
        raise Invalid("choose alerts of this incident", loc=("alerts",))
    if not any(alert.status in Alert.OPEN for alert in chosen):
        raise Invalid("none of these alerts is open: there is nothing to decide about them", loc=("alerts",))
    if not stay:
        raise Invalid("leave at least one alert in the incident", loc=("alerts",))


def _withdraw(incident: Incident, reason: Decision.Reason, by: Principal, *, detail: str) -> None:
    """End its live decision, if nobody acts on it."""
    live = Decision.objects.filter(incident=incident, state__in=Decision.LIVE).first()
    if live is not None and (live.state == S.EXECUTING or not decision_state.withdraw(live, reason, actor=by, detail=detail)):
        raise Conflict(f"an act of {incident.ref} is under way; it is verified first", code="executing", state=live.state)


def _take_over(survivor: Incident, loser: Incident) -> None:
    """What correlation and lists find an incident by; its own root, title and decision stay."""
    survivor.correlation_keys = sorted({*survivor.correlation_keys, *loser.correlation_keys})
    survivor.services = sorted({*survivor.services, *loser.services})
    survivor.severity = min(survivor.severity, loser.severity)
    survivor.last_alert_at = max(survivor.last_alert_at, loser.last_alert_at)
    if not survivor.owned_at(timezone.now()) and loser.owned_at(timezone.now()):
        survivor.owner, survivor.owner_until = loser.owner, loser.owner_until
    survivor.save(update_fields=["correlation_keys", "services", "severity", "last_alert_at", "owner", "owner_until"])


def _describe(incident: Incident, alerts: Sequence[Alert], *, with_root: bool) -> None:
    """What an incident is about, from the alerts that it has now."""
    arrivals = _arrivals(alerts)
    open_ones = {alert.pk for alert in alerts if alert.status in Alert.OPEN}
    case = correlation.gather([a for a in arrivals if a.alert in open_ones] or arrivals, at=timezone.now())
    incident.correlation_keys = sorted(case.keys())
    incident.services = sorted({service for arrival in arrivals for service in arrival.reading.services})
    incident.severity = min(alert.severity for alert in alerts)
    fields = ["correlation_keys", "services", "severity"]
    if with_root:
        root = next(arrival for arrival in arrivals if arrival.alert == case.root_alert)
        reading, target = root.reading, root.reading.target
        incident.root_alert_id, incident.clue = root.alert, root.clue.to_json()
        incident.title, incident.alert_name = reading.title, reading.name
        incident.category, incident.anomaly_key = reading.category, reading.anomaly_key
        incident.environment, incident.cluster, incident.namespace = reading.environment, reading.cluster, reading.namespace
        incident.target_kind = target.kind if target else ""
        incident.target_name = target.name if target else ""
        incident.target_unit = (target.unit or "") if target else ""
        fields += ROOT_FIELDS
    incident.save(update_fields=fields)


def _arrivals(alerts: Iterable[Alert]) -> list[Arrival]:
    return correlation.arrivals_of(((alert.pk, _reading(alert)) for alert in alerts), landscape.current())


def _reading(alert: Alert) -> Reading:
    signal = Signal(
        fingerprint=alert.fingerprint,
        firing=alert.status in Alert.OPEN,
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.starts_at,
        ended_at=alert.ended_at,
        group_key=alert.group_key,
        generator_url=alert.generator_url,
        is_test=alert.is_test,
    )
    return read(signal, settings.CLUSTERS)


def _counted(alerts: Sequence[Alert]) -> str:
    return f"{len(alerts)} alert{'' if len(alerts) == 1 else 's'}"


def _tell(incident: Incident, what: Literal["merged", "split"], title: str, reason: str, by: Principal) -> None:
    TimelineEvent.record(incident, f"incident.{what}", title, detail=reason, actor=by.name)
