"""The boundary around engines: one that breaks is an opinion that failed, and the decision goes on without it."""

from collections.abc import Callable
from typing import TypeVar

import structlog

from incidents.proposals import Facts

BROKE = "The engine broke on this incident."

T = TypeVar("T")

log = structlog.get_logger(__name__)


def guarded(engine: str, facts: Facts, work: Callable[[], T]) -> T | None:
    """What `work` gives; None where it breaks: the caller then says BROKE in the engine's opinion.

    Nothing gets past: whatever the defect, a decision has to be READY in time. `governance.engine_watch` makes an event of
    the opinions that say so.
    """
    try:
        return work()
    except Exception as error:
        log.error("engine.crashed", engine=engine, incident=facts.ref, error=type(error).__name__, exc_info=True)
        return None
