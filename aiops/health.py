"""Is it alive, can it work, would an alert reach a person now."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Max, Sum
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from incidents.intake import hearing
from incidents.models import Alert, Delivery, ListComparison, QuarantinedAlert, Refusal

router = Router(tags=["health"])


def _timed(check: Callable[[], object]) -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        check()
        error = None
    except (DatabaseError, redis.RedisError, OSError) as failure:
        error = str(failure).splitlines()[0][:200] if str(failure) else type(failure).__name__
    return {"ok": error is None, "ms": round((time.perf_counter() - begun) * 1000, 1), "error": error}


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    try:
        client.ping()
    finally:
        client.close()


@router.get("/health", auth=None)
def health(request: HttpRequest) -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/health/ready", auth=None, response={200: dict[str, Any], 503: dict[str, Any]})
def ready(request: HttpRequest) -> Any:
    """Each dependency with the time it took. Only PostgreSQL is needed: without Redis the sweeper works alone."""
    checks = {"postgresql": _timed(_ask_database), "redis": _timed(_ask_redis)}
    ok = bool(checks["postgresql"]["ok"])
    return Status(200 if ok else 503, {"status": "ok" if ok else "unavailable", **checks})


@router.get("/health/alert-chain")
def alert_chain(request: HttpRequest) -> dict[str, Any]:
    """Per source: the last alert, what was refused, put aside or left out, and dead man's switches heard."""
    return chain()


def chain() -> dict[str, Any]:
    """What `GET /health/alert-chain` answers: whether an alert that fires now would get here."""
    now = timezone.now()
    heard = hearing.last_heard()
    sources = {source: _source(source, last) for source, last in heard.items()}
    for source, numbers in _numbers(list(heard), now - timedelta(hours=24)):
        sources.setdefault(source, _source(source, None)).update(numbers)
    quiet_after_s = settings.AIOPS.incidents.quiet_after_s
    return {
        "sources": sorted(sources.values(), key=lambda s: s["source"]),
        "last_alert_at": max(heard.values(), default=None),
        "no_alerts_received_long": hearing.is_quiet(heard, after_s=quiet_after_s, at=now),
        "alertmanager_list": _alertmanager_list(),
    }


def _source(source: str, last: datetime | None) -> dict[str, Any]:
    """One source; the numbers are of the last 24 h, but for what is put aside now."""
    return {
        "source": source,
        "last_alert_at": last,
        "refused": {},
        "refused_because": None,
        "quarantined": 0,
        "left_out": 0,
        "deadman_at": None,
    }


def _numbers(sources: Sequence[str], since: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    refused: dict[str, dict[str, Any]] = {}
    for refusal in Refusal.objects.filter(last_at__gt=since).order_by("last_at"):
        of = refused.setdefault(refusal.source, {"refused": Counter(), "refused_because": None})
        of["refused"][str(refusal.status)] += refusal.count
        of["refused_because"] = refusal.reason
    yield from refused.items()
    held = QuarantinedAlert.objects.filter(status=QuarantinedAlert.Status.HELD).order_by()
    for source, count in held.values("source").annotate(n=Count("id")).values_list("source", "n"):
        yield source, {"quarantined": count}
    cut = Delivery.objects.filter(source__in=sources, received_at__gt=since, truncated__gt=0).order_by()
    for source, count in cut.values("source").annotate(n=Sum("truncated")).values_list("source", "n"):
        yield source, {"left_out": count}
    switches = Alert.objects.filter(is_deadman=True, status__in=Alert.OPEN).order_by()
    for source, seen in switches.values("source").annotate(seen=Max("last_seen")).values_list("source", "seen"):
        yield source, {"deadman_at": seen}


def _alertmanager_list() -> dict[str, Any] | None:
    """The last look at Alertmanager's own list; None where no address is set."""
    url = settings.AIOPS.alertmanager_url
    if not url:
        return None
    row = ListComparison.objects.filter(url=url[:500]).first() or ListComparison(url=url)
    return {
        "looked_at": row.looked_at,
        "answered_at": row.answered_at,
        "error": row.error or None,
        "listed": row.listed,
        "taken_in": row.taken,
        "ended": row.ended,
    }
