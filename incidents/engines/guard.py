"""The boundary around what may break while a decision is made: it becomes an opinion that failed, and the decision goes on."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from incidents.proposals import EngineAnswer

BROKE = "It broke on this incident."

T = TypeVar("T")

log = structlog.get_logger(__name__)


def guarded(part: str, ref: str, work: Callable[[], T]) -> T | EngineAnswer:
    """What `work` gives for the incident `ref`; where it breaks, the failed opinion of `part` that people see on its page.

    Nothing gets past: whatever the defect, a decision has to be READY in time. `governance.engine_watch` makes an event of
    the opinions that say so.
    """
    begun = time.perf_counter()
    try:
        return work()
    except Exception as error:
        log.error("engine.crashed", engine=part, incident=ref, error=type(error).__name__, exc_info=True)
        return EngineAnswer(part, "failed", int((time.perf_counter() - begun) * 1000), error=BROKE)
