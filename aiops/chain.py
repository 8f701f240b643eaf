"""Would an alert reach a person now? Every source as it was heard, what was put aside, what everything depends on."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import redis
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.live import Context, Fragment
from aiops.outbox.models import Channel, Notification
from approvals import cluster_checks
from incidents.fragments import everybody
from incidents.models import Alert, Delivery, QuarantinedAlert, Refusal

HOURS = 24
HELD_SHOWN = 20
STALE_SHOWN = 20
MESSAGES_SHOWN = 20
REDIS_TIMEOUT_S = 1.0


class Source(NamedTuple):
    """One sender as the last 24 hours heard it."""

    name: str
    last_at: datetime | None
    alerts: int
    refused: int
    quarantined: int
    stale: int
    hours: Sequence[str]
    is_quiet: bool


class Dependency(NamedTuple):
    name: str
    icon: str
    ok: bool
    detail: str
    ms: float | None


def sources() -> list[Source]:
    now = timezone.now()
    since = now - timedelta(hours=HOURS)
    heard: dict[str, dict[datetime, int]] = defaultdict(dict)
    last: dict[str, datetime] = {}
    deliveries = (
        Delivery.objects.filter(received_at__gt=since)
        .annotate(hour=TruncHour("received_at"))
        .values("source", "hour")
        .annotate(alerts=Sum("accepted") + Sum("deduplicated") + Sum("ignored"), last=Max("received_at"))
    )
    for row in deliveries:
        heard[row["source"]][row["hour"]] = row["alerts"]
        last[row["source"]] = max(row["last"], last.get(row["source"], row["last"]))
    refused: dict[str, int] = defaultdict(int)
    refused_hours: dict[str, set[datetime]] = defaultdict(set)
    for refusal in Refusal.objects.filter(hour__gt=since - timedelta(hours=1)).values("source", "hour").annotate(n=Sum("count")):
        refused[refusal["source"]] += refusal["n"]
        refused_hours[refusal["source"]].add(refusal["hour"])
    held = _by_source(QuarantinedAlert.objects.filter(status=QuarantinedAlert.Status.HELD).values("source"))
    stale = _by_source(Alert.objects.filter(status=Alert.Status.STALE).values("source"))
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    slots = [first + timedelta(hours=n) for n in range(HOURS)]
    names = sorted({*heard, *refused, *held, *stale, *_known_before(since)})
    return [
        Source(
            name=name,
            last_at=last.get(name),
            alerts=sum(heard[name].values()),
            refused=refused[name],
            quarantined=held.get(name, 0),
            stale=stale.get(name, 0),
            hours=[_tick(slot, heard[name], refused_hours[name]) for slot in slots],
            is_quiet=name not in last or now - last[name] > timedelta(seconds=settings.AIOPS.incidents.quiet_after_s),
        )
        for name in names
    ]


def _known_before(since: datetime) -> list[str]:
    """Senders that were heard in the week before and are silent now: the ones to look at."""
    week = Delivery.objects.filter(received_at__lte=since, received_at__gt=since - timedelta(days=7))
    return list(week.order_by().values_list("source", flat=True).distinct())


def _by_source(rows: object) -> dict[str, int]:
    counted = rows.annotate(n=Count("id")).order_by()  # type: ignore[attr-defined]
    return {row["source"]: row["n"] for row in counted}


def _tick(slot: datetime, heard: dict[datetime, int], refused: set[datetime]) -> str:
    if slot in refused:
        return "warn"
    return "ok" if slot in heard else "none"


def chain(key: str) -> Context:
    rows = sources()
    return {
        "sources": rows,
        "quiet": [row.name for row in rows if row.is_quiet],
        "quiet_after_s": settings.AIOPS.incidents.quiet_after_s,
    }


def held(key: str) -> Context:
    """Alerts put aside, and those not heard for too long."""
    quarantined = QuarantinedAlert.objects.filter(status=QuarantinedAlert.Status.HELD)
    stale = Alert.objects.filter(status=Alert.Status.STALE).select_related("incident").order_by("-first_seen")
    return {"quarantined": list(quarantined[:HELD_SHOWN]), "stale": list(stale[:STALE_SHOWN])}


def may_decide(facts: Context, viewer: Principal) -> bool:
    return viewer.may(Act.QUARANTINE)


def dependencies(key: str) -> Context:
    return {"dependencies": [_database(), _redis(), *_models()]}


def _database() -> Dependency:
    def ask() -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                "select current_setting('server_version'), count(*) from pg_stat_activity where datname = current_database()"
            )
            version, connections = cursor.fetchone()
        return f"{version}, {connections} connections"

    return _timed("PostgreSQL", "db", ask, "Needed for everything")


def _redis() -> Dependency:
    def ask() -> str:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        ) as client:
            client.ping()
        return "Carries hints; nothing is lost without it"

    return _timed("Redis", "swap", ask, "Does not answer: the sweeper does what is due, autonomy waits")


def _timed(name: str, icon: str, ask: Callable[[], str], without: str) -> Dependency:
    begun = time.perf_counter()
    try:
        detail = ask()
    except (DatabaseError, redis.RedisError, OSError) as error:
        return Dependency(name, icon, False, f"{without}. {error}", None)
    return Dependency(name, icon, True, detail, (time.perf_counter() - begun) * 1000)


def clusters(key: str) -> Context:
    """What was last found out about each; every hour the sweeper asks anew. Pages ask no cluster."""
    return {"clusters": cluster_checks.latest()}


def _models() -> list[Dependency]:
    providers = settings.AIOPS.llm_providers
    if not providers:
        return [Dependency("Language model", "llm", True, "None is configured: rules and playbooks decide, nothing leaves", None)]
    return [Dependency(f"Language model {provider.name}", "llm", True, provider.model, None) for provider in providers]


def outbox(key: str) -> Context:
    """Messages that have not arrived, and the channels they go by."""
    N = Notification.Status
    counts = Notification.objects.aggregate(
        waiting=Count("id", filter=Q(status__in=(N.QUEUED, N.SENDING))),
        unknown=Count("id", filter=Q(status=N.UNKNOWN)),
        dead=Count("id", filter=Q(status=N.DEAD)),
    )
    late = Notification.objects.filter(status__in=(N.UNKNOWN, N.DEAD)).select_related("channel")[:MESSAGES_SHOWN]
    return {"counts": counts, "channels": list(Channel.objects.all()), "late": list(late)}


CHAIN = Fragment("chain", "aiops/_chain.html", chain, everybody)
ALERT_CHAIN = Fragment("alert-chain", "aiops/_alert_chain.html", chain, everybody)
HELD_ALERTS = Fragment("held-alerts", "aiops/_held_alerts.html", held, may_decide)
CLUSTERS = Fragment("clusters", "aiops/_clusters.html", clusters, everybody)
DEPENDENCIES = Fragment("dependencies", "aiops/_dependencies.html", dependencies, everybody)
OUTBOX = Fragment("outbox", "aiops/_outbox.html", outbox, everybody)
