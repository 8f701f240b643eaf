"""What the sweeper looks after in this app. Due work is handed to Celery; what nobody claims in time is done here, in a
few threads of the sweeper's own process: read-backs, verifications, signed acts (`reliability.md` §2.10).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from queue import SimpleQueue

import structlog
from django.conf import settings
from django.db import close_old_connections
from django.db.models import Q
from django.db.models.functions import Now

from aiops import events
from aiops.access.principals import SYSTEM
from aiops.outbox import delivery
from approvals import aftermath, approval_state, assessment, cluster_checks, execution, leases, tasks, verification, watching
from approvals.models import Approval, Execution
from incidents.models import Decision
from incidents.sweeping import is_storm

log = structlog.get_logger(__name__)

THREADS = 4
BATCH = 100
HAND_OVER_AFTER = timedelta(seconds=2)
HAND_OVER_AGAIN = timedelta(seconds=15)  # what workers have not come to since they were asked


class Helpers:
    """Threads for what may take longer than a round. The same work is never begun twice in one process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="sweep")
        self._running: set[str] = set()
        self._broken: SimpleQueue[tuple[str, BaseException]] = SimpleQueue()

    def begin(self, name: str, work: Callable[[], object]) -> bool:
        """Start `work` unless it is running or all threads are busy; the row waits for the next round then."""
        if name in self._running or len(self._running) >= THREADS:
            return False
        self._running.add(name)
        self._pool.submit(self._perform, work).add_done_callback(lambda done: self._ended(name, done))
        return True

    @staticmethod
    def _perform(work: Callable[[], object]) -> None:
        close_old_connections()
        try:
            work()
        finally:
            close_old_connections()

    def _ended(self, name: str, done: Future[None]) -> None:
        self._running.discard(name)
        if (error := done.exception()) is not None:
            self._broken.put((name, error))

    def broken(self) -> Iterator[tuple[str, BaseException]]:
        """What has raised since this was asked last: its name and the error."""
        while not self._broken.empty():
            yield self._broken.get()

    def finish(self) -> None:
        """Wait for what runs; nothing new begins."""
        self._pool.shutdown(wait=True, cancel_futures=True)


helpers = Helpers()


def finish() -> None:
    helpers.finish()


def assess() -> int:
    """READY decisions that policy has not looked at yet, or has to look at again. In a storm this process makes decisions first,
    which have their 30 s, and workers look at the others."""
    handed_over = is_storm() and events.broker_answers()
    patience = HAND_OVER_AGAIN if handed_over else HAND_OVER_AFTER
    due = Decision.objects.filter(state=Decision.State.READY, assessed_at=None, assess_due_at__lt=Now() - patience)
    ids = list(due.order_by("assess_due_at").values_list("pk", flat=True)[:BATCH])
    if handed_over:
        Decision.objects.filter(pk__in=ids, assessed_at=None).update(assess_due_at=Now())
        events.enqueue_all(tasks.assess, ids)
        return len(ids)
    started = 0
    for pk in ids:
        started += helpers.begin(f"assess {pk}", lambda pk=pk: assessment.assess(pk))  # type: ignore[misc]
    return started


def follow_decisions() -> int:
    """Approvals whose decision has ended otherwise end with it; those watched first start when their time has come."""
    ended = Approval.objects.filter(status=Approval.Status.PENDING).exclude(decision__state=Decision.State.READY)
    moved = 0
    for approval in ended.select_related("decision")[:BATCH]:
        expired = approval.decision.state == Decision.State.EXPIRED
        to = Approval.Status.EXPIRED if expired else Approval.Status.WITHDRAWN
        moved += approval_state.advance(approval, to, actor=SYSTEM, detail=approval.decision.reason or "")
    return moved + watching.start_due() + aftermath.sweep()


def act() -> int:
    """Due plans and lapsed leases: again to Celery, and here what nobody claims. Autonomous acts wait for the broker."""
    broker_up = events.broker_answers()
    moved = 0
    for row in leases.due(BATCH):
        unclaimed = Q(pk=row, due_at__lt=Now() - timedelta(seconds=settings.AIOPS.approvals.unclaimed_after_s))
        if broker_up and not Execution.objects.filter(unclaimed).exists():
            events.enqueue(tasks.execute, str(row))
        elif broker_up or not Execution.objects.filter(pk=row, autonomous=True, status=Execution.Status.PLANNED).exists():
            helpers.begin(f"execute {row}", lambda row=row: execution.execute(row, who="sweeper"))  # type: ignore[misc]
        moved += 1
    return moved


def verify() -> int:
    """Verifications that are due."""
    broker_up = events.broker_answers()
    due = Execution.objects.filter(status=Execution.Status.SUCCEEDED, verified_at=None, verify_due_at__lt=Now() - HAND_OVER_AFTER)
    rows = list(due.order_by("verify_due_at").values_list("pk", "verify_due_at")[:BATCH])
    for pk, _ in rows:
        if broker_up:
            events.enqueue(tasks.verify, str(pk))
        else:
            helpers.begin(f"verify {pk}", lambda pk=pk: verification.verify(pk))  # type: ignore[misc]
    return len(rows)


def check_clusters() -> int:
    """Once an hour, in a thread of its own: a cluster may take its time."""
    if not cluster_checks.is_due():
        return 0
    return int(helpers.begin("check clusters", cluster_checks.check_all))


def deliver() -> int:
    """Messages, in a thread of their own: no act waits for a slow receiver."""
    if not delivery.is_due():
        return 0
    return int(helpers.begin("deliver", delivery.deliver_due))
