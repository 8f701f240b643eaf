"""Work of the sweeper that breaks: an event that people see until it has not broken for a while."""

from datetime import timedelta

from django.utils import timezone

from governance.conditions import Condition, observe, recover
from governance.models import GovernanceEvent

BROKEN = "sweep_broken"
RECOVERS_AFTER = timedelta(minutes=30)  # the rarest duty comes every ten


def broke(work: str, error: BaseException) -> None:
    """`work` (`assess`, `verify 12`) has raised what nobody expected."""
    observe(
        Condition(
            BROKEN,
            work,
            f"The sweeper fails at: {work}",
            "Late decisions, lost messages and acts without an owner may wait where only this part would find them.",
            f"{type(error).__name__}: {error}"[:500],
            "Read sweep.failed in the sweeper's log; it tries again every round.",
            GovernanceEvent.Level.CRITICAL,
        ),
        seen_at=timezone.now(),
    )


def look() -> int:
    """Resolve what has not broken any more."""
    return recover(BROKEN, still=(), unseen_since=timezone.now() - RECOVERS_AFTER)
