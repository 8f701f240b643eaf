"""What the system noticed about itself, as pages show it."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Case, Value, When
from django.utils import timezone

from aiops.live import Context, Fragment
from governance.models import GovernanceEvent
from incidents.fragments import everybody

SHOWN = 30
OVER_SHOWN = 10
OVER_SINCE = timedelta(hours=24)

Level = GovernanceEvent.Level
LOUDEST_FIRST = Case(*(When(level=level, then=Value(n)) for n, level in enumerate((Level.CRITICAL, Level.WARNING, Level.INFO))))


def open_events() -> Sequence[GovernanceEvent]:
    """Those that are open: the most critical first, of one level the newest first; at most `SHOWN`."""
    return list(GovernanceEvent.objects.filter(resolved_at=None).order_by(LOUDEST_FIRST, "-id")[:SHOWN])


def events(key: str) -> Context:
    over = GovernanceEvent.objects.filter(resolved_at__gt=timezone.now() - OVER_SINCE).order_by("-resolved_at")[:OVER_SHOWN]
    return {"events": open_events(), "open": GovernanceEvent.objects.filter(resolved_at=None).count(), "over": list(over)}


EVENTS = Fragment("events", "governance/_events.html", events, everybody)
