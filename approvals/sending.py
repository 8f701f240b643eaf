"""Send one request, and file what came back: steps 5 and 6 of `reliability.md` §2."""

import hashlib
import json
from collections.abc import Sequence
from enum import Enum, auto

import structlog
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes import Request
from aiops.connectors.kubernetes_objects import KubeObject
from approvals import execution_state
from approvals.acts import Act
from approvals.leases import in_seconds
from approvals.models import Attempt, Execution

log = structlog.get_logger(__name__)
S = Execution.Status
Outcome = Attempt.Outcome


class After(Enum):
    """What sending came to."""

    OVER = auto()  # recorded, or put back: nothing more to do now
    LOOK = auto()  # it was answered, but only the object itself tells: look at once
    WAIT = auto()  # nothing was learned: look later


class Stopped(Exception):
    """A person stopped it before this was sent."""


def send(act: Act, request: Request, subject: KubeObject | None, *, earlier: Sequence[Attempt] = ()) -> After:
    """Send `request`, computed from `subject`. `earlier` are requests of which nobody knows yet whether they landed.

    Raises Stopped where a person was faster. An error of the database before the attempt is committed means not sent.
    """
    attempt = _commit(act, request, subject)
    try:
        answer = act.api.send(request)
    except (Transient, Permanent, Ambiguous) as error:
        return _refused(act, attempt, error, earlier)
    if earlier or not _is_proven(act, request, answer):
        _file(attempt, Outcome.UNCLEAR, "answered well, to be read back", status=200)
        _unclear(act, "The cluster answered; reading back what is there")
        return After.LOOK
    attempt.finished_at = timezone.now()
    act.succeed(answer if request.patch else None, [attempt])
    return After.OVER


def repeat(act: Act, last: Attempt, earlier: Sequence[Attempt]) -> After:
    """The same request once more, to the byte: it lands where the first did not, and is refused where it did."""
    return send(act, Request.load(last.body), None, earlier=earlier)


def fence(act: Act, subject: KubeObject, request: Request) -> After:
    """A write that ends what was sent at the same version. What it is answered matters little: the object tells."""
    attempt = _commit(act, request, subject, is_fence=True)
    try:
        act.api.send(request)
    except (Transient, Permanent, Ambiguous) as error:
        _file(
            attempt, Outcome.UNCLEAR if isinstance(error, Ambiguous) else Outcome.NO_EFFECT, error.detail, status=_status(error)
        )
        _unclear(act, error.detail)
        return After.LOOK if _status(error) == 409 else After.WAIT
    _file(attempt, Outcome.APPLIED, "", status=200)
    _unclear(act, "No longer wanted; what was sent cannot land any more")
    return After.LOOK


@transaction.atomic
def _commit(act: Act, request: Request, subject: KubeObject | None, *, is_fence: bool = False) -> Attempt:
    """The row says what is about to be sent, before it is sent. The lease covers the whole request."""
    execution = act.execution
    execution_state.advance(
        act.claim,
        S.RUNNING,
        started_at=Coalesce(F("started_at"), Now()),
        unclear_since=Coalesce(F("unclear_since"), Now()),
        lease_until=in_seconds(act.claim.conf.lease_s),
    )
    last = execution.attempts.order_by("-n").first()
    if execution.stop_requested and not is_fence:
        raise Stopped
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


def _is_proven(act: Act, request: Request, answer: KubeObject) -> bool:
    """Whether a good answer shows what was asked for: a proxy may answer well for a cluster that it never asked."""
    if request.subresource == "eviction":
        return answer.kind in ("Eviction", "Status")
    return act.operation.has_landed(answer, answer.uid, act.before, act.mark)


def _refused(act: Act, attempt: Attempt, error: Transient | Permanent | Ambiguous, earlier: Sequence[Attempt]) -> After:
    status = _status(error)
    with transaction.atomic():
        match error:
            case Ambiguous():
                _file(attempt, Outcome.UNCLEAR, error.detail, status=status)
                _unclear(act, error.detail)
                return After.LOOK if status == 409 else After.WAIT
            case Transient():
                _file(attempt, Outcome.NO_EFFECT, error.detail, transient=True)
            case Permanent():
                _file(attempt, Outcome.REFUSED, error.detail)
        if earlier:
            _unclear(act, error.detail)
            return After.WAIT
        if isinstance(error, Transient):
            act.put_back(error)
        else:
            act.fail(error.code, f"{error.detail}. Not tried again, nothing changed")
    return After.OVER


def _file(attempt: Attempt, outcome: Attempt.Outcome, error: str, *, status: int | None = None, transient: bool = False) -> None:
    attempt.outcome, attempt.error, attempt.status, attempt.transient = outcome, error, status, transient
    attempt.finished_at = timezone.now()
    attempt.save(update_fields=["outcome", "error", "status", "transient", "finished_at"])


def _unclear(act: Act, detail: str) -> None:
    execution_state.advance(act.claim, S.AMBIGUOUS, detail=detail)
    log.warning("execution.unclear", detail=detail)


def _status(error: Exception) -> int | None:
    return error.status if isinstance(error, Ambiguous) else None
