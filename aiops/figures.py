"""The key figures of the overview. Each is one query over a bounded time; shown at most every few seconds anew."""

from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Count, F, FloatField, Func, Q
from django.db.models.functions import Extract, TruncDay, TruncHour
from django.utils import timezone

from aiops.core.wording import duration, percent
from aiops.live import Context, Fragment
from approvals.models import Execution
from incidents.fragments import everybody
from incidents.models import Decision, Incident
from learning.models import Outcome

HOURS, DAYS = 24, 14


class Figure(NamedTuple):
    """A number with what it is compared with, and its trend; None in a trend is a gap."""

    words: str
    value: str
    note: str
    trend: tuple[float | None, ...]
    label: str
    tone: str = "text"


class Percentile(Func):
    """`percentile_cont(share) within group (order by expression)`, in PostgreSQL's own words."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    contains_aggregate = True
    window_compatible = False
    output_field = FloatField()


def facts(key: str) -> Context:
    return {"figures": [_autonomy(), _to_resolve(), _to_decision(), _verified()]}


def _autonomy() -> Figure:
    since = timezone.now() - timedelta(hours=HOURS)
    by_hour = (
        Outcome.objects.filter(at__gt=since, allowed_alone=True)
        .annotate(hour=TruncHour("at"))
        .values("hour")
        .annotate(alone=Count("id", filter=Q(autonomous=True)), allowed=Count("id"))
        .order_by("hour")
    )
    rows = list(by_hour)
    alone, allowed = sum(row["alone"] for row in rows), sum(row["allowed"] for row in rows)
    shares = tuple(row["alone"] / row["allowed"] for row in rows)
    note = f"{alone} of {allowed} allowed, target 80%" if allowed else "nothing was allowed to run alone"
    value = percent(alone / allowed) if allowed else "–"
    return Figure("Autonomy rate, 24 h", value, note, shares, "Autonomy rate by hour", "accent")


def _to_resolve() -> Figure:
    since = timezone.now() - timedelta(days=DAYS)
    seconds = Extract(F("resolved_at") - F("opened_at"), "epoch")
    by_day = (
        Incident.objects.filter(opened_at__gt=since, resolved_at__isnull=False)
        .annotate(day=TruncDay("opened_at"))
        .values("day")
        .annotate(median=Percentile(seconds, share=0.5), n=Count("id"))
        .order_by("day")
    )
    rows = list(by_day)
    trend = tuple(row["median"] for row in rows)
    value = duration(rows[-1]["median"]) if rows else "–"
    note = f"{rows[-1]['n']} on the last day with any" if rows else "nothing was resolved yet"
    return Figure("Time to resolve, median", value, note, trend, "Median time to resolve by day")


def _to_decision() -> Figure:
    since = timezone.now() - timedelta(hours=HOURS)
    took = Extract(F("ready_at") - F("received_at"), "epoch")
    limit = settings.AIOPS.incidents.ready_within_s
    by_hour = (
        Decision.objects.filter(ready_at__gt=since)
        .annotate(hour=TruncHour("ready_at"), took=took)
        .values("hour")
        .annotate(p95=Percentile("took", share=0.95), late=Count("id", filter=Q(took__gt=limit)))
        .order_by("hour")
    )
    rows = list(by_hour)
    late = sum(row["late"] for row in rows)
    value = duration(rows[-1]["p95"]) if rows else "–"
    note = f"of {limit:.0f} s, {late} late in 24 h" if rows else "nothing was decided in 24 h"
    return Figure("Alert to decision, p95", value, note, tuple(row["p95"] for row in rows), "Time to decision by hour")


def _verified() -> Figure:
    since = timezone.now() - timedelta(days=DAYS)
    by_day = (
        Execution.objects.filter(planned_at__gt=since, verified_at__isnull=False)
        .annotate(day=TruncDay("planned_at"))
        .values("day")
        .annotate(good=Count("id", filter=Q(verification_result=Execution.Verdict.SUCCESS)), n=Count("id"))
        .order_by("day")
    )
    rows = list(by_day)
    good, all_ = (sum(row[name] for row in rows) for name in ("good", "n"))
    note = f"{good} of {all_} executions" if all_ else "nothing was verified yet"
    shares = tuple(row["good"] / row["n"] for row in rows)
    return Figure(
        f"Verified success, {DAYS} days", percent(good / all_) if all_ else "–", note, shares, "Verified success by day", "ok"
    )


FIGURES = Fragment("figures", "aiops/_figures.html", facts, everybody)
