"""The rows of what was sent: one is committed before each request, and says afterwards what became of it."""

import hashlib
import json
from collections.abc import Sequence

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from aiops.connectors.kubernetes import Request
from aiops.connectors.kubernetes_objects import KubeObject
from approvals import execution_state
from approvals.leases import Claim, in_seconds
from approvals.models import Attempt, Execution

Outcome = Attempt.Outcome
UNSETTLED = (Outcome.SENT, Outcome.UNCLEAR)
EVICTION = "eviction"


class Stopped(Exception):
    """A person stopped it before this was sent."""


@transaction.atomic
def commit(claim: Claim, request: Request, subject: KubeObject | None, *, is_fence: bool = False) -> Attempt:
    """The row says what is about to be sent, before it is sent. The lease covers the whole request.

    `subject` is what the body was computed from, None for a repeat. Raises Stopped where a person was faster.
    """
    execution = claim.execution
    execution_state.advance(
        claim,
        Execution.Status.RUNNING,
        started_at=Coalesce(F("started_at"), Now()),
        unclear_since=Coalesce(F("unclear_since"), Now()),
        lease_until=in_seconds(claim.conf.lease_s),
    )
    if execution.stop_requested and not is_fence:
        raise Stopped
    last = execution.attempts.order_by("-n").first()
    body = request.dump()
    return Attempt.objects.create(
        execution=execution,
        n=last.n + 1 if last else 1,
        # A repeat is bound to the version of the request that it repeats.
        resource_version=subject.resource_version if subject is not None else last.resource_version if last else "",
        generation=subject.generation if subject is not None else last.generation if last else 0,
        is_fence=is_fence,
        body=body,
        body_digest=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
        started_at=Now(),
    )


def unsettled(execution: Execution) -> list[Attempt]:
    """The changes of the subject of which nobody knows yet whether they landed."""
    return [
        attempt
        for attempt in execution.attempts.filter(outcome__in=UNSETTLED, is_fence=False)
        if not _is_follow_up(execution, attempt)
    ]


def _is_follow_up(execution: Execution, attempt: Attempt) -> bool:
    """Evictions of a drain follow the cordon; a uid dies once, so none of them is ever in doubt for long."""
    return execution.action.spec.verb == "drain" and attempt.body.get("subresource") == EVICTION


def file(attempt: Attempt, outcome: Attempt.Outcome, error: str, *, status: int | None = None, transient: bool = False) -> None:
    """What came back."""
    attempt.outcome, attempt.error, attempt.status, attempt.transient = outcome, error, status, transient
    attempt.finished_at = timezone.now()
    attempt.save(update_fields=["outcome", "error", "status", "transient", "finished_at"])


def landed(attempts: Sequence[Attempt]) -> None:
    """One of them has landed, and so no other has or can."""
    for attempt in attempts:
        is_it = attempt is attempts[-1]
        attempt.outcome = Outcome.APPLIED if is_it else Outcome.NO_EFFECT
        attempt.error = attempt.error if is_it else f"{attempt.error} (another request of this execution landed)".strip()
        attempt.finished_at = attempt.finished_at or timezone.now()
        attempt.save(update_fields=["outcome", "error", "finished_at"])


def bury(attempts: Sequence[Attempt], why: str) -> None:
    """None of them has landed or can land any more."""
    for attempt in attempts:
        attempt.outcome, attempt.error = Outcome.NO_EFFECT, f"{attempt.error} ({why})".strip()
        attempt.finished_at = attempt.finished_at or timezone.now()
        attempt.save(update_fields=["outcome", "error", "finished_at"])
