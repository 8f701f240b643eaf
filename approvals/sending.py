"""Send one request, and file what came back: steps 5 and 6 of `reliability.md` §2."""

from collections.abc import Sequence

import structlog
from django.db import transaction
from django.utils import timezone

from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes import Request
from aiops.connectors.kubernetes_objects import KubeObject
from approvals import attempts, execution_state, landing
from approvals.acts import Act
from approvals.landing import After
from approvals.models import Attempt, Execution
from approvals.operations.operation import Bound

log = structlog.get_logger(__name__)
S = Execution.Status
Outcome = Attempt.Outcome


def send(act: Act, request: Request, subject: KubeObject | None, *, earlier: Sequence[Attempt] = ()) -> After:
    """Send `request`, computed from `subject`. `earlier` are requests of which nobody knows yet whether they landed.

    Raises Stopped where a person was faster. An error of the database before the attempt is committed means not sent.
    """
    attempt = attempts.commit(act.claim, request, subject)
    try:
        answer = act.api.send(request)
    except (Transient, Permanent, Ambiguous) as error:
        return _refused(act, attempt, _as_far_as_known(act, error), earlier)
    if earlier or not _is_proven(act, request, answer):
        attempts.file(attempt, Outcome.UNCLEAR, "answered well, to be read back", status=200)
        _unclear(act, "The cluster answered; reading back what is there")
        return After.LOOK
    attempt.finished_at = timezone.now()
    return landing.landed(act, answer if request.patch else None, [attempt])


def repeat(act: Act, last: Attempt, earlier: Sequence[Attempt]) -> After:
    """The same request once more, to the byte: it lands where the first did not, and is refused where it did."""
    return send(act, Request.load(last.body), None, earlier=earlier)


def fence(act: Act, subject: KubeObject | None, request: Request) -> After:
    """A write that ends what was sent at the same version. What it is answered matters little: the object tells."""
    attempt = attempts.commit(act.claim, request, subject, is_fence=True)
    try:
        act.api.send(request)
    except (Transient, Permanent, Ambiguous) as error:
        attempts.file(
            attempt, Outcome.UNCLEAR if isinstance(error, Ambiguous) else Outcome.NO_EFFECT, error.detail, status=_status(error)
        )
        _unclear(act, error.detail)
        return After.LOOK if _status(error) == 409 else After.WAIT
    attempts.file(attempt, Outcome.APPLIED, "", status=200)
    _unclear(act, "No longer wanted; what was sent cannot land any more")
    return After.LOOK


def _is_proven(act: Act, request: Request, answer: KubeObject) -> bool:
    """Whether a good answer shows what was asked for: a proxy may answer well for a cluster that it never asked."""
    if request.subresource == "eviction":
        return answer.kind in ("Eviction", "Status")
    return act.operation.has_landed(answer, answer.uid, act.before, act.mark)


def _as_far_as_known(act: Act, error: Transient | Permanent | Ambiguous) -> Transient | Permanent | Ambiguous:
    """What something on the way sent twice is answered "not found" where the first has ended the uid already."""
    if act.operation.BOUND is Bound.UID and isinstance(error, Permanent) and error.code == "not_found":
        return Ambiguous(error.attempted, "it is gone, by this request or by others", status=404)
    return error


def _refused(act: Act, attempt: Attempt, error: Transient | Permanent | Ambiguous, earlier: Sequence[Attempt]) -> After:
    status = _status(error)
    with transaction.atomic():
        match error:
            case Ambiguous():
                attempts.file(attempt, Outcome.UNCLEAR, error.detail, status=status)
                _unclear(act, error.detail)
                return After.LOOK if status in (404, 409) else After.WAIT
            case Transient():
                attempts.file(attempt, Outcome.NO_EFFECT, error.detail, transient=True)
            case Permanent():
                attempts.file(attempt, Outcome.REFUSED, error.detail)
        if earlier:
            _unclear(act, error.detail)
            return After.WAIT
        if isinstance(error, Transient):
            act.put_back(error)
        else:
            act.fail(error.code, f"{error.detail}. Not tried again, nothing changed")
    return After.OVER


def _unclear(act: Act, detail: str) -> None:
    execution_state.advance(act.claim, S.AMBIGUOUS, detail=detail)
    log.warning("execution.unclear", detail=detail)


def _status(error: Exception) -> int | None:
    return error.status if isinstance(error, Ambiguous) else None
