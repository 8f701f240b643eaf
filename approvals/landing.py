"""What follows once a change is known to have landed: the record and, for a drain, the evictions that belong to it."""

from collections.abc import Sequence
from enum import Enum, auto

import structlog

from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import CordonDrainNode
from approvals import attempts as rows
from approvals import draining
from approvals.acts import Act
from approvals.models import Attempt, Execution

log = structlog.get_logger(__name__)


class After(Enum):
    """What a step came to."""

    OVER = auto()  # recorded, put back or handed over: nothing more to do now
    LOOK = auto()  # it was answered, but only the object itself tells: look at once
    WAIT = auto()  # nothing was learned: look later


def landed(act: Act, shown: KubeObject | None, attempts: Sequence[Attempt]) -> After:
    """The change is there. `shown` is the object with it, `attempts` are the requests of which one has made it."""
    execution = act.execution
    if isinstance(act.action, CordonDrainNode) and execution.direction == Execution.Direction.FORWARD:
        rows.landed(attempts)
        if not draining.evict(act):
            act.claim.hand_over(in_s=draining.AGAIN_AFTER_S)
            return After.OVER
        attempts = ()
    act.succeed(shown, attempts)
    return After.OVER
