"""Engines and collectors that break: decisions go on without them, and people see it as an event.

Everything is read from what the decisions kept, so a look that is missed misses nothing.
"""

from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Max, QuerySet
from django.utils import timezone

from governance.conditions import Condition, observe, recover
from incidents.engines.guard import BROKE
from incidents.evidence import COLLECTOR_BROKE
from incidents.models import Evidence, Opinion

BROKEN = "engine_broken"
WINDOW = timedelta(minutes=30)
Row = TypeVar("Row", Opinion, Evidence)


def look() -> int:
    """Open, renew and resolve the events of what broke within the window; returns how many parts did."""
    now = timezone.now()
    since = now - WINDOW
    opinions = Opinion.objects.filter(status=Opinion.Status.FAILED, reasoning=BROKE, decision__ready_at__gt=since)
    evidence = Evidence.objects.filter(error=COLLECTOR_BROKE, decision__ready_at__gt=since)
    broken = [*_counted(opinions, "engine"), *_counted(evidence, "kind")]
    for condition, last in broken:
        observe(condition, seen_at=last)
    recover(BROKEN, still=[condition.key for condition, _ in broken])
    return len(broken)


def _counted(rows: QuerySet[Row], part: str) -> list[tuple[Condition, datetime]]:
    """A condition for each value of the column `part`, with when the newest of its decisions was READY."""
    seen = rows.order_by().values(part).annotate(last=Max("decision__ready_at"))
    return [(_words(row[part]), row["last"]) for row in seen]


def _words(part: str) -> Condition:
    return Condition(
        BROKEN,
        part,
        f"{part} breaks, and decisions go on without it",
        "Decisions are made without what it knows.",
        "A defect of this software: read engine.crashed or evidence.collector_broke in the log of the"
        " worker or the sweeper, and report it.",
        "Look at these decisions with more care until it is mended.",
    )
