"""Work of the sweeper that breaks: an event that people see until it has not broken for a while."""

import re
from datetime import timedelta

from django.utils import timezone

from governance.conditions import Condition, observe, recover
from governance.models import GovernanceEvent

BROKEN = "sweep_broken"
_ROW = re.compile(r"\s+(?=\S*\d)\S+$")  # the number of the row that was worked on
RECOVERS_AFTER = timedelta(minutes=30)  # the rarest duty comes every ten


def broke(work: str, error: BaseException) -> None:
    """`work` (`reconcile`, `verify 12`) has raised what nobody expected. One event for all rows that it fails at."""
    kind = _ROW.sub("", work)
    observe(
        Condition(
            BROKEN,
            kind,
            f"The sweeper fails at: {kind}",
            "Late decisions, lost messages and acts without an owner may wait where only this part would find them.",
            f"At {work}: {type(error).__name__}: {error}"[:500].encode(errors="replace").decode(),
            "Read sweep.failed in the sweeper's log; it tries again every round.",
            GovernanceEvent.Level.CRITICAL,
        ),
        seen_at=timezone.now(),
    )


def look() -> int:
    """Resolve what has not broken any more."""
    return recover(BROKEN, still=(), unseen_since=timezone.now() - RECOVERS_AFTER)
