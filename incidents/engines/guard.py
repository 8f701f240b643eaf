"""The boundary around what may break while a decision is made: people see that it broke, and the decision goes on without it."""

from collections.abc import Callable
from typing import TypeVar

import structlog

BROKE = "It broke on this incident."

T = TypeVar("T")

log = structlog.get_logger(__name__)


def guarded(part: str, ref: str, work: Callable[[], T], *, broken: Callable[[], T]) -> T:
    """What `work` gives for the incident `ref`; where it breaks, `broken`: what stands in its place on the incident's page.

    Nothing gets past: whatever the defect, a decision has to be READY in time. `governance.engine_watch` makes an event of
    what stands there.
    """
    try:
        return work()
    except Exception as error:
        log.error("engine.crashed", engine=part, incident=ref, error=type(error).__name__, exc_info=True)
        return broken()
