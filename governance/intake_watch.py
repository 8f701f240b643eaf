"""Is anything lost on the way in? What was put aside, refused or left out, and who has fallen silent.

Everything is read from intake's own rows, so a look that is missed misses nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Sum
from django.utils import timezone

from governance.conditions import Condition, observe, recover
from governance.models import GovernanceEvent
from incidents.conf import IncidentsConf
from incidents.intake import hearing
from incidents.models import Delivery, ListComparison, Refusal

QUARANTINED, REFUSED, TRUNCATED = "alerts_quarantined", "requests_refused", "alerts_truncated"
QUIET, UNREADABLE = "no_alerts_received", "alertmanager_unreadable"
RECOVERS_AFTER = timedelta(hours=1)  # of what comes and goes
UNREADABLE_AFTER = timedelta(minutes=10)

Seen = tuple[Condition, datetime]


def look() -> int:
    """Open, renew and resolve the events of intake; returns how many conditions stand."""
    conf, now = settings.AIOPS.incidents, timezone.now()
    heard = hearing.last_heard()
    passing = {
        QUARANTINED: _quarantined(list(heard), conf, now),
        REFUSED: _refused(conf, now),
        TRUNCATED: _truncated(list(heard), conf, now),
    }
    standing = {QUIET: _quiet(heard, conf, now), UNREADABLE: _unreadable(now)}
    for found in (*passing.values(), *standing.values()):
        for condition, seen_at in found:
            observe(condition, seen_at=seen_at)
    for kind, found in passing.items():
        recover(kind, still=_keys(found), unseen_since=now - RECOVERS_AFTER)
    for kind, found in standing.items():
        recover(kind, still=_keys(found))
    return sum(len(found) for found in (*passing.values(), *standing.values()))


def _keys(found: Sequence[Seen]) -> list[str]:
    return [condition.key for condition, _ in found]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes"


def _recent(sources: Sequence[str], field: str, since: datetime) -> Mapping[str, tuple[int, datetime]]:
    """Per source the sum of `field` over its deliveries since then, where it is not 0, and the newest of them."""
    rows = Delivery.objects.filter(source__in=sources, received_at__gt=since, **{f"{field}__gt": 0}).order_by()
    counted = rows.values("source").annotate(total=Sum(field), last=Max("received_at"))
    return {row["source"]: (row["total"], row["last"]) for row in counted}


def _quarantined(sources: Sequence[str], conf: IncidentsConf, now: datetime) -> list[Seen]:
    window = _minutes(conf.quarantine_alarm_window_s)
    recent = _recent(sources, "quarantined", now - timedelta(seconds=conf.quarantine_alarm_window_s))
    return [
        (
            Condition(
                QUARANTINED,
                source,
                f"{total} alerts of {source} were put aside within {window}",
                "Nobody is told of them, and nothing is decided about them.",
                "Read the reasons, mend what sends them, and retry or discard what is held.",
                "Open the quarantine on the system page.",
            ),
            last,
        )
        for source, (total, last) in recent.items()
        if total >= conf.quarantine_alarm_count
    ]


def _refused(conf: IncidentsConf, now: datetime) -> list[Seen]:
    since = now - timedelta(seconds=conf.refusal_alarm_window_s)
    rows = (
        Refusal.objects.filter(last_at__gt=since).order_by().values("source").annotate(total=Sum("recent"), last=Max("last_at"))
    )
    return [
        (
            Condition(
                REFUSED,
                row["source"],
                f"{row['total']} requests to {row['source']} were refused within {_minutes(conf.refusal_alarm_window_s)}",
                "Senders do not repeat what is refused: whatever was in these requests is lost unless it fires again.",
                _why(row["source"], since),
                "Mend the sender, then send a test alert from it.",
            ),
            row["last"],
        )
        for row in rows
        if row["total"] > conf.refusal_alarm_count
    ]


def _why(source: str, since: datetime) -> str:
    """The newest reason of each status."""
    newest = Refusal.objects.filter(source=source, last_at__gt=since).order_by("status", "-last_at").distinct("status")
    return "; ".join(f"{refusal.status}: {refusal.reason}" for refusal in newest)


def _truncated(sources: Sequence[str], conf: IncidentsConf, now: datetime) -> list[Seen]:
    recent = _recent(sources, "truncated", now - timedelta(seconds=conf.refusal_alarm_window_s))
    has_list = bool(settings.AIOPS.alertmanager_url)
    comes_back = "They are taken from Alertmanager's list." if has_list else "They never arrive."
    return [
        (
            Condition(
                TRUNCATED,
                source,
                f"{source} left {total} alerts out of its messages",
                f"max_alerts of its receiver cuts its groups short. {comes_back}",
                "Remove max_alerts from the receiver"
                + ("." if has_list else ", or set AIOPS_ALERTMANAGER_URL so that its list is read."),
                "Change the sender's configuration.",
            ),
            last,
        )
        for source, (total, last) in recent.items()
    ]


def _quiet(heard: dict[str, datetime], conf: IncidentsConf, now: datetime) -> list[Seen]:
    if not hearing.is_quiet(heard, after_s=conf.quiet_after_s, at=now):
        return []
    since = f"since {max(heard.values()):%Y-%m-%d %H:%M} UTC" if heard else "since a token was made for a sender"
    words = Condition(
        QUIET,
        "",
        f"No alert was received {since}",
        "Either nothing fires anywhere, or nothing that fires reaches anybody.",
        "Send a test alert from each source; a dead man's switch in Prometheus tells the two apart.",
        "Run manage.py smoke against this address.",
        GovernanceEvent.Level.CRITICAL,
    )
    return [(words, max(heard.values(), default=now))]


def _unreadable(now: datetime) -> list[Seen]:
    url = settings.AIOPS.alertmanager_url
    row = ListComparison.objects.filter(url=url[:500]).exclude(error="").first() if url else None
    if row is None or row.looked_at is None or (row.answered_at is not None and row.answered_at > now - UNREADABLE_AFTER):
        return []
    since = f"since {row.answered_at:%Y-%m-%d %H:%M} UTC" if row.answered_at else "yet"
    words = Condition(
        UNREADABLE,
        url,
        f"Alertmanager's list was not read {since}",
        "Resolved messages that are lost leave their incidents open.",
        row.error,
        "Check AIOPS_ALERTMANAGER_URL and AIOPS_ALERTMANAGER_TOKEN.",
    )
    return [(words, row.looked_at)]
