"""Comparing open alerts with Alertmanager's own list: ends that we missed, alerts that never reached us (`domain.md` §2).

An alert ends here only if the list held it once and does not any more, twice in a row: several Alertmanagers may post to
one address, and a list says nothing about what it never held. One that has just started has not heard everything again
yet, so nothing ends by its list.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access.principals import SYSTEM
from aiops.connectors.alertmanager import Alertmanager, Listed
from aiops.connectors.errors import ConnectorError
from aiops.live import publish
from incidents import closing
from incidents.conf import IncidentsConf
from incidents.intake import alertmanager, hearing
from incidents.intake.bodies import read_json
from incidents.intake.reception import receive
from incidents.models import Alert, Delivery, Incident, ListComparison, TimelineEvent

log = structlog.get_logger(__name__)

KIND = "alertmanager"
NEWEST = 50  # so many deliveries tell what Alertmanager calls us
AT_ONCE = 500  # alerts taken in one transaction
HEARD_AGAIN_AFTER = timedelta(hours=1)  # an alert that the list holds is not written more often than that


@dataclass(frozen=True, slots=True)
class Open:
    """One open alert of ours."""

    pk: int
    source: str
    fingerprint: str
    status: str
    is_listed: bool
    is_missing: bool
    is_old: bool


def configured() -> Alertmanager | None:
    config = settings.AIOPS
    if not config.alertmanager_url:
        return None
    token = config.alertmanager_token.get_secret_value()
    return Alertmanager(config.alertmanager_url, token, deadline_s=config.incidents.reconcile_deadline_s)


def reconcile() -> int:
    """Look at the list if a look is due; returns how many alerts were taken in or ended. May take its deadline: not in a loop.

    Of several processes one looks. A list that cannot be read changes nothing and is said on the health page.
    """
    server = configured()
    if server is None:
        return 0
    row, _ = ListComparison.objects.get_or_create(url=server.url[:500])
    was_left_out = row.looked_at is not None and _left_out_since(row.looked_at)
    if not _claim(row, at_once=was_left_out):
        return 0
    try:
        started_at, listed = server.started_at(), server.alerts()
    except ConnectorError as error:
        log.warning("reconcile.not_read", error=str(error))
        ListComparison.objects.filter(pk=row.pk).update(error=str(error)[:500])
        return 0
    # An alert has its group's time to come by itself, unless its sender has said that it left some out.
    waited = None if was_left_out else frozenset(row.unknown)
    return _compare(row, listed, started_at=started_at, waited=waited, conf=settings.AIOPS.incidents)


def _claim(row: ListComparison, *, at_once: bool) -> bool:
    """Whether this process looks: its time has come, or a sender has left alerts out since the last look."""
    age = timedelta(seconds=settings.AIOPS.incidents.reconcile_every_s)
    due = Q(looked_at=None) | Q(looked_at__lt=Now() - age)
    if at_once:
        due |= Q(looked_at=row.looked_at)
    return ListComparison.objects.filter(due, pk=row.pk).update(looked_at=Now()) == 1


def _left_out_since(at: datetime) -> bool:
    sources = [source for source in hearing.last_heard() if _is_alertmanager(source)]
    return Delivery.objects.filter(source__in=sources, received_at__gt=at, truncated__gt=0).exists()


def _is_alertmanager(source: str) -> bool:
    return source.partition("/")[0] == KIND


def _compare(
    row: ListComparison, listed: Sequence[Listed], *, started_at: datetime, waited: frozenset[str] | None, conf: IncidentsConf
) -> int:
    prints = {alert.fingerprint for alert in listed}
    ours = _open_alerts(conf)
    source = _source_of(ours, prints) or row.source or _only_source() or KIND
    _note_listed([alert for alert in ours if alert.fingerprint in prints])
    # Prometheus sends everything again within a minute or so.
    is_settled = timezone.now() - started_at >= timedelta(seconds=2 * conf.reconcile_every_s)
    missing = [alert for alert in ours if alert.is_listed and alert.fingerprint not in prints]
    ended = (_end_missing(missing) if is_settled else 0) + _end_doubles(ours)
    known = {alert.fingerprint for alert in ours}
    unknown = [alert for alert in listed if alert.is_active and alert.fingerprint not in known]
    lost = [alert for alert in unknown if waited is None or alert.fingerprint in waited or _is_older_than_a_look(alert, conf)]
    taken = _take_in(lost, source=source, conf=conf) if lost else 0
    ListComparison.objects.filter(pk=row.pk).update(
        source=source, answered_at=Now(), error="", listed=len(listed), taken=taken, ended=ended,
        unknown=[alert.fingerprint for alert in unknown],
    )  # fmt: skip
    if taken or ended:
        log.info("reconcile.compared", listed=len(listed), taken=taken, ended=ended, source=source)
    return taken + ended


def _open_alerts(conf: IncidentsConf) -> list[Open]:
    rows = Alert.objects.filter(Q(source=KIND) | Q(source__startswith=f"{KIND}/"), status__in=Alert.OPEN).order_by("fingerprint")
    # A look may come a little early. A webhook that came since the alert was missed has found it again.
    twice = Q(unlisted_since__lte=Now() - timedelta(seconds=conf.reconcile_every_s * 0.8), last_seen__lte=F("unlisted_since"))
    missing = set(rows.filter(twice).values_list("pk", flat=True))
    old = set(rows.filter(last_seen__lt=Now() - HEARD_AGAIN_AFTER).values_list("pk", flat=True))
    return [
        Open(pk, source, fingerprint, status, listed_at is not None, pk in missing, pk in old)
        for pk, source, fingerprint, status, listed_at in rows.values_list("pk", "source", "fingerprint", "status", "listed_at")
    ]


def _source_of(ours: Sequence[Open], prints: set[str]) -> str:
    """Whose alerts the list holds: most of those that we know by now."""
    counted = Counter(alert.source for alert in ours if alert.fingerprint in prints and alert.source != KIND)
    return counted.most_common(1)[0][0] if counted else ""


def _only_source() -> str:
    """Before any alert of ours was in the list: the one Alertmanager that posts here, if it is one."""
    sources = [source for source in hearing.last_heard() if _is_alertmanager(source) and source != KIND]
    return sources[0] if len(sources) == 1 else ""


@transaction.atomic
def _note_listed(found: Sequence[Open]) -> None:
    """What the list holds fires, also where nobody has said so for long."""
    _free([alert.pk for alert in found if not alert.is_listed]).update(listed_at=Now())
    _free([alert.pk for alert in found]).filter(unlisted_since__isnull=False).update(unlisted_since=None)
    again = [alert.pk for alert in found if alert.is_old or alert.status == Alert.Status.STALE]
    _free(again).update(last_seen=Now(), status=Alert.Status.FIRING)


def _free(pks: Sequence[int]) -> QuerySet[Alert]:
    """Those of these open alerts that no webhook is writing at this moment, locked; the others come with the next look."""
    if not pks:
        return Alert.objects.none()
    rows = Alert.objects.select_for_update(no_key=True, skip_locked=True).filter(pk__in=pks, status__in=Alert.OPEN)
    return Alert.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))


@transaction.atomic
def _end_missing(missing: Sequence[Open]) -> int:
    """Missed for the first time: noted. Missed again: over."""
    first = _free([alert.pk for alert in missing if not alert.is_missing])
    first.filter(Q(unlisted_since=None) | Q(unlisted_since__lt=F("last_seen"))).update(unlisted_since=Now())
    again = [alert.pk for alert in missing if alert.is_missing]
    return _end(again, still=Q(last_seen__lte=F("unlisted_since")), words="is not in Alertmanager's list any more")


def _end_doubles(ours: Sequence[Open]) -> int:
    """Alerts that were taken in before their sender was known, and came from it since, even if they are over there by now."""
    nameless = {alert.fingerprint: alert.pk for alert in ours if alert.source == KIND}
    if not nameless:
        return 0
    taken = Alert.objects.filter(source=KIND, fingerprint=OuterRef("fingerprint"), pk__in=nameless.values())
    came_since = Q(last_seen__gte=Subquery(taken.values("first_seen")[:1]))
    goes_on = Q(status__in=Alert.OPEN) | Q(ended_at__gte=Subquery(taken.values("starts_at")[:1]))
    named = Alert.objects.filter(came_since, goes_on, source__startswith=f"{KIND}/", fingerprint__in=nameless)
    doubles = [nameless[fingerprint] for fingerprint in set(named.values_list("fingerprint", flat=True))]
    return _end(doubles, still=Q(), words="goes on under its sender's name")


@transaction.atomic
def _end(pks: Sequence[int], *, still: Q, words: str) -> int:
    """End these alerts, and the incidents whose last ones they were."""
    if not pks:
        return 0
    rows = Alert.objects.select_for_update(no_key=True).filter(still, pk__in=pks, status__in=Alert.OPEN).order_by("fingerprint")
    found = list(rows.values_list("pk", "incident_id", "name"))
    over = {"status": Alert.Status.RESOLVED, "ended_at": Now(), "unlisted_since": Now()}
    Alert.objects.filter(pk__in=[pk for pk, _, _ in found]).update(**over)
    for _, incident_id, name in found:
        if incident_id is not None:
            TimelineEvent.record(incident_id, "alert.reconciled", f"{name or 'An alert without a name'} {words}")
            publish("overview", f"incident.{incident_id}")
    for incident in Incident.objects.filter(pk__in={row[1] for row in found if row[1] is not None}).order_by("pk"):
        closing.resolve_if_quiet(incident, actor=SYSTEM)
    return len(found)


def _is_older_than_a_look(alert: Listed, conf: IncidentsConf) -> bool:
    """By its start, which a sender may leave out or give ahead of our clock: then the next look decides."""
    at = timezone.now()
    return alertmanager.known_time(alert.startsAt, at) <= at - timedelta(seconds=conf.reconcile_every_s)


def _take_in(lost: Sequence[Listed], *, source: str, conf: IncidentsConf) -> int:
    """What Alertmanager tells its receivers, us among them, and never told us, is taken like a webhook."""
    receivers, at = _our_names(source), timezone.now()
    ours = (alert for alert in lost if _is_for_us(alert, receivers))
    accepted = 0
    while some := list(islice(ours, AT_ONCE)):
        body = json.dumps({"alerts": [_raw(alert) for alert in some]}).encode()
        message = read_json(body, max_bytes=len(body), max_depth=conf.max_depth)
        parsed = alertmanager.parse(message, max_labels=conf.max_labels, received_at=at)
        with transaction.atomic():
            accepted += receive(source, parsed, conf=conf).accepted
            prints = [alert.fingerprint for alert in some]
            taken = Alert.objects.filter(source=source, fingerprint__in=prints, status__in=Alert.OPEN)
            _free(list(taken.values_list("pk", flat=True))).update(listed_at=Now())
    return accepted


def _is_for_us(alert: Listed, receivers: set[str]) -> bool:
    return not receivers or not alert.receivers or any(receiver.name in receivers for receiver in alert.receivers)


def _our_names(source: str) -> set[str]:
    """What Alertmanager calls us: the receivers of its newest webhooks. Empty as long as none has come."""
    newest = Delivery.objects.filter(source=source).exclude(receiver="").order_by("-received_at")[:NEWEST]
    return set(newest.values_list("receiver", flat=True))


def _raw(alert: Listed) -> dict[str, object]:
    """The alert as a webhook would bring it."""
    return {
        "status": "firing",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": alert.startsAt.isoformat(),
        "generatorURL": alert.generatorURL,
        "fingerprint": alert.fingerprint,
    }
