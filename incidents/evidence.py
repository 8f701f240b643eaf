"""Looking at the live system before deciding. Collectors are connected here."""

from collections.abc import Awaitable, Callable

from incidents.models import Decision, Evidence

# (decision, seconds that it may take) -> unsaved rows: what each collector found, or an `error` in its place. Collectors bound
# themselves; the caller's deadline is a second fence. No database inside: this runs in an event loop.
Collect = Callable[[Decision, float], Awaitable[list[Evidence]]]


async def collect(decision: Decision, deadline_s: float) -> list[Evidence]:
    """Nothing: no collector is connected, so decisions rest on the alerts alone."""
    return []
