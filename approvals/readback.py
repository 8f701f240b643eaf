"""Find out what became of what was sent: step 7 of `reliability.md` §2."""

from collections.abc import Sequence

import structlog
from django.db import transaction
from django.db.models.functions import Now

from aiops.connectors.errors import Permanent, Transient
from aiops.core.errors import Conflict
from approvals import attempts, execution_state, landing, messages, sending
from approvals.acts import Act, Look
from approvals.attempts import Stopped
from approvals.landing import After
from approvals.leases import Claim, in_seconds
from approvals.models import Attempt, Execution
from approvals.operations import hosts, marks
from approvals.operations.operation import Bound
from approvals.protocol import Next
from incidents.models import TimelineEvent

log = structlog.get_logger(__name__)
S = Execution.Status


def find_out(act: Act, *, at_once: bool) -> None:
    """Read back until it is settled, after 1, 2, 4 and 8 s; what is not settled then is the sweeper's to hand out again.

    `at_once`: time has passed already since it was sent, or the answer said that only the object tells.
    """
    conf = act.claim.conf
    if act.execution.status == S.RUNNING and attempts.unsettled(act.execution):
        execution_state.advance(act.claim, S.AMBIGUOUS, detail="Its worker ended before the answer was recorded; reading back")
    pauses = iter(conf.readback_after_s)
    after = After.LOOK if at_once else After.WAIT
    while after is not After.OVER:
        if after is After.WAIT:
            pause = next(pauses, None)
            if pause is None or act.claim.left_s < pause + conf.read_timeout_s + conf.request_timeout_s:
                act.claim.hand_over(in_s=conf.readback_every_s)
                return
            act.claim.renew()
            act.wait(pause)
        elif act.claim.left_s < conf.read_timeout_s + conf.request_timeout_s:
            act.claim.hand_over(in_s=0)
            return
        act.claim.renew()
        after = _settle(act)


def _settle(act: Act) -> After:
    """One look, and what follows from it."""
    unsettled = attempts.unsettled(act.execution)
    try:
        look = act.look()
    except (Transient, Permanent) as error:
        call_a_person_if_late(act.claim, f"It cannot be read back: {error.detail}")
        return After.WAIT
    match act.next_step(look.seen, unsettled):
        case Next.LANDED:
            return landing.landed(act, look.proof, unsettled)
        case Next.OVERTAKEN:
            _overtaken(act, look, unsettled)
            return After.OVER
        case Next.REPEAT:
            after = _repeat(act, look, unsettled)
        case Next.HELD:
            after = _held(act, look, unsettled)
        case Next.FRESH:
            after = _anew(act, look, unsettled)
    if after is not After.OVER:
        call_a_person_if_late(act.claim, "It is unclear whether it was done")
    return after


@transaction.atomic
def _overtaken(act: Act, look: Look, unsettled: Sequence[Attempt]) -> None:
    attempts.bury(unsettled, f"dead: the object is at version {look.seen.version or 'none'} now")
    refusal, others = act.unwanted(), "Somebody else changed the target meanwhile; nothing that was sent can land any more"
    if refusal is not None and refusal.reason == "stopped":
        act.cancel(refusal.reason, f"{refusal.detail}. {others}")
    else:
        act.cancel("superseded", others)


def _repeat(act: Act, look: Look, unsettled: Sequence[Attempt]) -> After:
    """It may still land: the same again or, if nobody wants it any more, something that keeps it from landing."""
    if act.unwanted() is None:
        try:
            return sending.repeat(act, unsettled[-1], unsettled)
        except Stopped:
            return After.LOOK
    if act.operation.BOUND is Bound.VERSION and look.subject is not None:
        return sending.fence(act, look.subject, marks.fence(look.subject, act.mark))
    return After.WAIT  # a uid or a name cannot be fenced: it lands, or a person settles it


def _held(act: Act, look: Look, unsettled: Sequence[Attempt]) -> After:
    """It is never sent again. What has not begun on a machine is kept from beginning; what has is waited for."""
    if act.operation.BOUND is not Bound.MARKER:
        return After.WAIT
    if look.proof is None:
        return sending.fence(act, look.subject, hosts.fence(act.operation.proof(act.action, act.mark), act.mark))
    if not hosts.is_fenced(look.proof):
        return After.WAIT
    _never_began(act, unsettled)
    return After.OVER


@transaction.atomic
def _never_began(act: Act, unsettled: Sequence[Attempt]) -> None:
    attempts.bury(unsettled, "dead: its marker was taken before it began")
    act.fail("not_begun", "The connection broke before it began, and it cannot begin any more. Nothing changed")


def _anew(act: Act, look: Look, unsettled: Sequence[Attempt]) -> After:
    """Nothing that was sent can land any more and the target is as it was: begin again at the version it has now."""
    attempts.bury(unsettled, f"dead: the object is at version {look.seen.version} now")
    if (refusal := act.unwanted()) is not None:
        act.cancel(refusal.reason, refusal.detail)
        return After.OVER
    assert look.subject is not None
    try:
        act.refuse(look.subject)
        request = act.body(look.subject)
    except Transient as error:
        act.put_back(error)
        return After.OVER
    except (Permanent, Conflict) as error:
        act.fail(error.code, error.detail)
        return After.OVER
    try:
        return sending.send(act, request, look.subject)
    except Stopped:
        act.stopped()
        return After.OVER


def call_a_person_if_late(claim: Claim, what: str) -> None:
    late = in_seconds(-claim.conf.unreadable_s)
    if Execution.objects.filter(pk=claim.execution.pk, escalated_at=None, unclear_since__lte=late).exists():
        call_a_person(claim, what)


@transaction.atomic
def call_a_person(held: execution_state.Fenced, what: str) -> None:
    """It stays unclear and its target locked; somebody who can look has to say whether it was done. Told once."""
    execution = held.execution
    last = execution.attempts.order_by("-n").first()
    sent = f" Request {last.n} went to {execution.action.target} at {last.started_at:%H:%M:%S} UTC." if last else ""
    detail = f"{what}.{sent} {whom_to_ask(execution)}: look at the object, then settle it as done or not done"
    execution_state.advance(held, S.AMBIGUOUS, detail=detail, escalated_at=Now())
    TimelineEvent.record(
        execution.incident_id, "execution.unclear", "A person has to look", detail=detail, actor="system", status="bad"
    )
    messages.execution_over(execution, detail)
    execution_state.execution_unclear.announce(str(execution.pk))
    log.error("execution.unclear_for_long", detail=detail)


def whom_to_ask(execution: Execution) -> str:
    """Who signed it, else who has the incident, else any lead."""
    if signers := [s.by for s in execution.approval.signatures.all() if s.user_id]:
        return ", ".join(signers)
    return execution.incident.owner.username if execution.incident.owner else "A lead"
