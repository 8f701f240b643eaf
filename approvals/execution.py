"""Carry out what was agreed to, at most once, whatever is killed, repeated, late or answered wrongly.

`execute` follows `reliability.md` §2: claim, authorise again, observe, rehearse, send; what is unclear is read back.
Each of these ends in a row that says how far it came, so that whoever comes next goes on from there.
"""

import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from pydantic import JsonValue

from aiops.access import roles as access
from aiops.access.principals import Principal, record, require
from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes import Api, Request
from aiops.core.clusters import Cluster
from aiops.core.errors import Conflict
from aiops.live import publish
from approvals import attempts, baseline, execution_state, landing, leases, policy_in_force, readback, sending, steps, surveys
from approvals.acts import Act, Look, done
from approvals.attempts import Stopped
from approvals.changes import changes_between
from approvals.conf import ApprovalsConf
from approvals.execution_state import Fenced, LostLease, execution_planned, words_of
from approvals.landing import After
from approvals.leases import Claim
from approvals.models import Approval, Execution
from approvals.operations import operation_for
from approvals.protocol import Next
from approvals.reach import Reach
from incidents.models import TimelineEvent
from learning.scopes import Scope

log = structlog.get_logger(__name__)
S = Execution.Status
Connect = Callable[[Cluster], Api]
REHEARSALS = 5  # a version that moves under a rehearsal is read again this often


def execute(execution_id: UUID, *, who: str, connect: Connect | None = None, wait: Callable[[float], None] = time.sleep) -> None:
    """Go on with an execution from wherever it stands. Does nothing where it is not due, over, or somebody else's."""
    conf = policy_in_force.now().approvals
    claim = leases.claim(execution_id, who=who, conf=conf)
    if claim is None:
        return
    row = claim.execution
    with structlog.contextvars.bound_contextvars(
        execution_id=str(row.pk), decision=row.decision.token, incident=row.incident.ref
    ):
        log.info("execution.claimed", found=claim.found, claims=row.claims, who=who)
        try:
            _go_on(claim, connect or connector(conf), wait)
        except LostLease:
            log.warning("execution.lease_lost", fence=claim.fence)


def _go_on(claim: Claim, connect: Connect, wait: Callable[[float], None]) -> None:
    was_sent = claim.found in (S.RUNNING, S.AMBIGUOUS)
    if claim.execution.claims > claim.conf.max_claims:
        _give_up(claim, was_sent=was_sent)
        return
    try:
        cluster = cluster_of(claim.execution)
        operation = operation_for(claim.execution.action)
        act = Act(claim, connect(cluster), operation, wait)
    except (Permanent, Conflict) as error:
        if was_sent:  # it cannot be asked, which says nothing about what was done
            readback.call_a_person_if_late(claim, error.detail)
            claim.hand_over(in_s=claim.conf.readback_every_s)
        else:
            execution_state.advance(claim, S.FAILED, reason=error.code, detail=error.detail)
        return
    if was_sent:
        readback.find_out(act, at_once=True)
    else:
        _begin(act)


def _begin(act: Act) -> None:
    """Nothing was sent so far, or what was sent surely had no effect."""
    if (refusal := act.unwanted()) is not None:
        act.cancel(refusal.reason, refusal.detail)
        return
    execution_state.advance(act.claim, S.DRY_RUN)
    try:
        after = _rehearse_and_send(act)
    except Transient as error:
        act.put_back(error)
    except Ambiguous as error:  # of a rehearsal or a read: neither has an effect
        act.put_back(Transient(error.attempted, error.why))
    except (Permanent, Conflict) as error:
        act.fail(error.code, error.detail)
    except Stopped:
        act.stopped()
    else:
        if after is not After.OVER:
            readback.find_out(act, at_once=after is After.LOOK)


def _rehearse_and_send(act: Act) -> After:
    for _ in range(REHEARSALS):
        act.claim.renew()
        look = act.look()
        match act.next_step(look.seen, ()):
            case Next.LANDED:
                return landing.landed(act, look.proof, ())
            case Next.OVERTAKEN | Next.REPEAT:
                act.cancel("drifted", _drift(act, look))
                return After.OVER
            case Next.FRESH:
                request = _rehearsed(act, look)
                if request is not None:
                    return sending.send(act, request, look.subject)
    raise Transient(f"read {act.action.target}", "it changes faster than it can be read")


def _drift(act: Act, look: Look) -> str:
    if look.subject is None:
        return f"{act.action.target} is gone"
    if not look.seen.is_same:
        return f"{act.action.target} was deleted and made again since it was agreed to"
    return f"{act.action.target} was changed since it was agreed to"


def _rehearsed(act: Act, look: Look) -> Request | None:
    """The body that the server accepted with `dryRun=All`; None if the version moved meanwhile, so look again."""
    subject = look.subject
    assert subject is not None
    act.refuse(subject)
    request = act.body(subject)
    began = time.monotonic()
    try:
        promised = act.api.send(request, dry_run=True)
    except Ambiguous as error:
        if error.status == 409:
            return None
        raise
    except Permanent as error:
        act.claim.write(dry_run={"clean": False, "ms": _ms_since(began), "changes": [], "error": error.detail})
        code = error.code if error.code in ("forbidden", "unauthorised") else "dry_run_refused"
        raise Permanent(error.attempted, f"refused in a dry run: {error.why}", code=code) from None
    touched = act.operation.touched(promised) if request.patch and not request.subresource else None
    before, after = act.operation.touched(subject), touched
    shown: list[JsonValue] = [list(change) for change in changes_between(before, after)] if after is not None else []
    act.claim.write(
        before=baseline.taken(act.api, act.operation, subject),
        dry_run={"clean": True, "ms": _ms_since(began), "changes": shown, "touched": touched},
    )
    act.execution.refresh_from_db()
    return request


def _ms_since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def _give_up(claim: Claim, *, was_sent: bool) -> None:
    """It ended its worker too often. What was never sent fails; what was sent is a person's to settle."""
    detail = f"It was begun {claim.conf.max_claims} times and each time ended without a word"
    if not was_sent:
        execution_state.advance(claim, S.FAILED, reason="poison", detail=f"{detail}; nothing was sent")
        return
    if claim.execution.escalated_at is None:
        readback.call_a_person(claim, detail)
    # Nobody reads back what ends whoever reads it back: the count stays above the limit.
    claim.write(lease_until=None, due_at=leases.in_seconds(claim.conf.unreadable_s))


def cluster_of(execution: Execution) -> Cluster:
    """The configured cluster; Conflict `cluster_unknown` or, before anything was sent, `read_only`."""
    cluster = next((c for c in settings.CLUSTERS if c.name == execution.cluster), None)
    if cluster is None:
        raise Conflict(f"no cluster {execution.cluster or 'at all'} is configured here", code="cluster_unknown")
    if cluster.read_only and not execution.attempts.exists():
        raise Conflict(f"cluster {cluster.name} is connected read-only", code="read_only")
    return cluster


def connector(conf: ApprovalsConf) -> Connect:
    return lambda cluster: Reach(cluster, conf)


# What others ask of an execution


def plan_execution(approval: Approval, *, autonomous: bool, at: datetime) -> Execution:
    """The execution of an approval that has just been given, in the transaction that gives it.

    Raises Conflict `target_busy`, naming the other act, while another one has the same target, and `already_planned`.
    """
    action, incident = approval.action, approval.incident
    if not action.is_change:
        raise Conflict(f"{action.action_class} changes nothing", code="executor")
    scope = Scope.of(action, environment=incident.environment, alert_name=incident.alert_name)
    execution = Execution(
        approval=approval,
        incident=incident,
        decision=approval.decision,
        action_data=approval.action_data,
        agreed=steps.agreed(approval, 1, done=()),
        cluster=approval.cluster,
        target_key=surveys.plan_key(incident, action),
        autonomous=autonomous,
        pattern=scope.pattern,
        environment=scope.environment,
        namespace=scope.namespace,
        alert_name=scope.alert_name,
        planned_at=at,
    )
    return plan(execution)


def plan(execution: Execution) -> Execution:
    """Insert a planned execution, due now by the database's clock; Conflict where its target is taken."""
    execution.due_at = execution.authorised_at = Now()
    try:
        with transaction.atomic():
            execution.save(force_insert=True)
    except IntegrityError:
        raise _taken(execution) from None
    execution.refresh_from_db()
    TimelineEvent.record(
        execution.incident_id, "execution.planned", f"{words_of(execution)}: planned", actor="system", status="work"
    )
    publish("overview", "approvals", execution.incident.topic)
    execution_planned.announce(str(execution.pk))
    return execution


def _taken(execution: Execution) -> Conflict:
    other = Execution.objects.active().select_related("incident").filter(target_key=execution.target_key).first()
    if other is None:
        return Conflict("it is planned already", code="already_planned")
    return Conflict(
        f"{words_of(other)} of {other.incident.ref} is under way on the same target; wait until it is verified",
        code="target_busy",
        state=other.status,
    )


@transaction.atomic
def request_stop(execution: Execution, principal: Principal, *, reason: str = "") -> Execution:
    """Stop an act: before it is sent it is cancelled at once; after that nothing more is sent, and it counts as failed.

    Raises NotAllowed below lead, Conflict `over` where nothing is left to stop.
    """
    require(principal, access.Act.STOP)
    row = Execution.objects.select_for_update().get(pk=execution.pk)
    why = reason or f"Stopped by {principal.name}"
    if not row.is_active and (row.status != S.SUCCEEDED or row.verified_at is not None):
        raise Conflict(f"it is {row.status} and over; roll it back instead", code="over", state=row.status)
    record(principal, access.Act.STOP, "execution", row.pk, incident=row.incident.ref, reason=reason, found=row.status)
    if row.status in (S.PLANNED, S.DRY_RUN):
        execution_state.advance(_taken_over(row), S.CANCELLED, actor=principal, detail=why, reason="stopped")
        return row
    Execution.objects.filter(pk=row.pk).update(stop_requested=True, stop_reason=why[:500], verify_due_at=Now())
    row.refresh_from_db()
    publish("overview", row.incident.topic)
    return row


@transaction.atomic
def settle(execution: Execution, principal: Principal, *, effect: bool, reason: str) -> Execution:
    """A lead who has looked at the object says whether an unclear act was done.

    Raises NotAllowed below lead, Conflict `not_ambiguous` where there is nothing to settle.
    """
    require(principal, access.Act.SETTLE)
    row = Execution.objects.select_for_update().get(pk=execution.pk)
    if row.status != S.AMBIGUOUS:
        raise Conflict(f"it is {row.status}; only what is unclear is settled", code="not_ambiguous", state=row.status)
    record(principal, access.Act.SETTLE, "execution", row.pk, incident=row.incident.ref, effect=effect, reason=reason)
    held = _taken_over(row)
    unsettled = attempts.unsettled(row)
    if effect:
        done(held, settings.AIOPS.approvals, shown=None, attempts=unsettled, actor=principal, detail=reason)
    else:
        attempts.bury(unsettled, f"settled by {principal.name}")
        execution_state.advance(held, S.FAILED, actor=principal, detail=reason, reason="settled")
    return row


def _taken_over(row: Execution) -> Fenced:
    """The locked row with a new fence: whoever worked on it writes nothing any more."""
    row.fence += 1
    row.save(update_fields=["fence"])
    return Fenced(row, row.fence)
