"""Is it alive, can it work, would an alert reach a person now."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from incidents.models import Alert, Delivery, QuarantinedAlert, Refusal

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
    """Per source: the last alert, what was refused or put aside in 24 h, and dead man's switches heard."""
    return chain()


def chain() -> dict[str, Any]:
    now = timezone.now()
    since = now - timedelta(hours=24)
    sources: dict[str, dict[str, Any]] = {}

    def of(source: str) -> dict[str, Any]:
        return sources.setdefault(
            source, {"source": source, "last_alert_at": None, "refused": {}, "quarantined": 0, "deadman_at": None}
        )

    for source, last in Delivery.objects.values("source").annotate(last=Max("received_at")).values_list("source", "last"):
        of(source)["last_alert_at"] = last
    for refusal in Refusal.objects.filter(hour__gt=since):
        refused = of(refusal.source)["refused"]
        refused[str(refusal.status)] = refused.get(str(refusal.status), 0) + refusal.count
    held = QuarantinedAlert.objects.filter(status=QuarantinedAlert.Status.HELD)
    for source in held.values_list("source", flat=True):
        of(source)["quarantined"] += 1
    switches = Alert.objects.filter(is_deadman=True, status__in=Alert.OPEN)
    for source, seen in switches.values("source").annotate(seen=Max("last_seen")).values_list("source", "seen"):
        of(source)["deadman_at"] = seen
    newest = max((s["last_alert_at"] for s in sources.values() if s["last_alert_at"]), default=None)
    quiet_s = (now - newest).total_seconds() if newest else None
    quiet_after_s = settings.AIOPS.incidents.quiet_after_s
    return {
        "sources": sorted(sources.values(), key=lambda s: s["source"]),
        "last_alert_at": newest,
        "no_alerts_received_long": newest is not None and quiet_s is not None and quiet_s > quiet_after_s,
    }
