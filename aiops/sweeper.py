"""The process that nothing escapes: every two seconds it looks at every row that waits for something.

It needs PostgreSQL alone. Work is handed to Celery; what nobody claims it does itself. Two of it at once are harmless:
each duty claims its rows with SKIP LOCKED or compare-and-set. A loop that stalls ends the process; it is started again.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from psycopg.errors import QueryCanceled

from aiops.access import seals
from approvals import aftermath, drift, escalation, reviews, stepping
from approvals import sweeping as approvals_sweeping
from governance import engine_watch, intake_watch, sweep_watch
from incidents import mapping, reconciling
from incidents import sweeping as incidents_sweeping

log = structlog.get_logger(__name__)

PERIOD_S = 2.0
STALLED_AFTER_S = 5.0
EXIT_STALLED = 70


@dataclass(slots=True)
class Duty:
    """One thing to look after. `work` returns how many rows it moved; what it cannot do now waits for the next round."""

    name: str
    work: Callable[[], int]
    every_s: float = PERIOD_S
    due_at: float = field(default=0.0)


def all_duties() -> Sequence[Duty]:
    return [
        Duty("decide_late", incidents_sweeping.decide_late),
        Duty("decide_without_broker", incidents_sweeping.decide_without_broker),
        Duty("hand_over_decisions", incidents_sweeping.hand_over),
        Duty("expire_decisions", incidents_sweeping.expire),
        Duty("assess", approvals_sweeping.assess),
        Duty("follow_decisions", approvals_sweeping.follow_decisions),
        Duty("act", approvals_sweeping.act),
        Duty("verify", approvals_sweeping.verify),
        Duty("deliver", approvals_sweeping.deliver),
        Duty("unwind_steps", stepping.unwind_due),
        Duty("watch_targets", _watch_targets, every_s=10),
        Duty("escalate", escalation.ask_due),
        Duty("tell_overdue_reviews", reviews.tell_overdue, every_s=30),
        Duty("note_recurrences", aftermath.note_recurrences, every_s=60),
        Duty("follow_ended_holds", incidents_sweeping.follow_ended_holds, every_s=10),
        Duty("turn_stale", incidents_sweeping.turn_stale, every_s=60),
        Duty("reconcile", _reconcile, every_s=5),
        Duty("carry_out_merges", incidents_sweeping.carry_out_merges),
        Duty("follow_roots", incidents_sweeping.follow_roots, every_s=30),
        Duty("map_clusters", _map_clusters, every_s=5),
        Duty("check_clusters", approvals_sweeping.check_clusters, every_s=30),
        Duty("watch_intake", intake_watch.look, every_s=30),
        Duty("watch_sweep", sweep_watch.look, every_s=60),
        Duty("watch_engines", engine_watch.look, every_s=60),
        Duty("end_ownership", incidents_sweeping.end_ownership, every_s=10),
        Duty("forget_requests", incidents_sweeping.forget_requests, every_s=600),
        Duty("close_resolved", incidents_sweeping.close_resolved, every_s=60),
        Duty("seal_audit", seals.seal, every_s=10),
    ]


def _reconcile() -> int:
    """In a thread of its own: Alertmanager may take its time. Whether a look is due is decided there."""
    if reconciling.configured() is not None:
        approvals_sweeping.helpers.begin("reconcile", reconciling.reconcile)
    return 0


def _map_clusters() -> int:
    """In a thread of its own: clusters may take their time. Whose turn it is is decided there."""
    if settings.CLUSTERS:
        approvals_sweeping.helpers.begin("map_clusters", lambda: mapping.read_due(settings.AIOPS.incidents.map_every_s))
    return 0


def _watch_targets() -> int:
    """In a thread of its own: clusters may take their time."""
    approvals_sweeping.helpers.begin("watch_targets", drift.look)
    return 0


def run(stop: threading.Event) -> None:
    """Sweep until `stop` is set."""
    heartbeat = Heartbeat()
    threading.Thread(target=_watch, args=(heartbeat, stop), daemon=True, name="watchdog").start()
    rounds = all_duties()
    while not stop.is_set():
        begun = time.monotonic()
        for duty in rounds:
            if stop.is_set() or begun < duty.due_at:
                continue
            duty.due_at = begun + duty.every_s
            heartbeat.beat()
            _perform(duty)
        for name, error in approvals_sweeping.helpers.broken():
            _tell(name, error)
        heartbeat.beat()
        close_old_connections()
        stop.wait(max(0.05, PERIOD_S - (time.monotonic() - begun)))
    approvals_sweeping.finish()


def _perform(duty: Duty) -> None:
    """Duties are isolated from each other's failure: one that raises is told to people and tried again next round."""
    try:
        moved = duty.work()
    except Exception as error:  # noqa: BLE001  (whatever it is, the other duties go on)
        _tell(duty.name, error)
    else:
        if moved:
            log.info("sweep.moved", duty=duty.name, rows=moved)


def _tell(work: str, error: BaseException) -> None:
    """Log it and open its event. A database that is away is no fault of the work, and nothing can be written there."""
    if isinstance(error, (OperationalError, InterfaceError)) and not _took_too_long(error):
        log.warning("sweep.database_down", work=work, error=str(error).split("\n", 1)[0])
        connection.close_if_unusable_or_obsolete()
        return
    log.error("sweep.failed", work=work, exc_info=error)
    try:
        sweep_watch.broke(work, error)
    except DatabaseFault as down:  # it went away in between: the health page says so, and the work is tried again
        log.warning("sweep.not_told", work=work, error=str(down).split("\n", 1)[0])
        connection.close_if_unusable_or_obsolete()


def _took_too_long(error: Exception) -> bool:
    return isinstance(error.__cause__, QueryCanceled)


class Heartbeat:
    """When the loop was last seen at work."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def beat(self) -> None:
        self._at = time.monotonic()

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._at


def _watch(heartbeat: Heartbeat, stop: threading.Event) -> None:
    while not stop.wait(0.5):
        if heartbeat.age_s > STALLED_AFTER_S:
            log.error("sweep.stalled", silent_s=round(heartbeat.age_s, 1))
            os._exit(EXIT_STALLED)
