"""Has it helped? Looked at again and again until there is a verdict, which is written once and learned from once.

It never waits: each look either ends in a verdict or in the time of the next look.
"""

from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from pydantic import JsonValue

from aiops.access.principals import SYSTEM
from aiops.connectors.errors import Permanent
from aiops.connectors.kubernetes import Api
from aiops.connectors.prometheus import Prometheus
from aiops.core.errors import Conflict
from aiops.live import publish
from approvals import execution_state, lessons, messages, reviews, rollbacks, signals, stepping
from approvals.conf import ApprovalsConf
from approvals.execution import Connect, cluster_of, connector
from approvals.execution_state import Fenced, execution_verified, words_of
from approvals.judgement import NotYet, Verdict, judge
from approvals.leases import database_now, in_seconds
from approvals.models import Execution
from approvals.signals import Sight
from incidents import decision_state, incident_state
from incidents.models import Alert, Decision, Evidence, Incident, TimelineEvent

log = structlog.get_logger(__name__)
S = Execution.Status
Result = Execution.Verdict
STATUS = {Result.SUCCESS: "ok", Result.DEGRADED: "wait", Result.TIMEOUT: "wait", Result.FAILED: "bad"}


def verify(execution_id: UUID, *, connect: Connect | None = None) -> None:
    """Look at what was done, and write the verdict if there is one. Does nothing where that is not due or written."""
    conf = settings.AIOPS.approvals
    # Whoever looks has the lease for it: a look that is never finished is begun again.
    due = Execution.objects.to_verify().filter(pk=execution_id)
    if due.update(verify_due_at=in_seconds(conf.lease_s)) != 1:
        return
    execution = Execution.objects.select_related("approval", "decision", "incident", "reverses").get(pk=execution_id)
    now = database_now()
    with structlog.contextvars.bound_contextvars(execution_id=str(execution_id), incident=execution.incident.ref):
        sight = signals.look(execution, _api(execution, connect or connector(conf)), _prometheus(), now=now, conf=conf)
        verdict = judge(sight.signals, conf, now)
        if isinstance(verdict, NotYet):
            _look_again(execution, sight, verdict, conf)
        else:
            _write(execution, sight, verdict, now)


def _api(execution: Execution, connect: Connect) -> Api | None:
    """None where the cluster is not to be had; what cannot be read is no pass."""
    try:
        return connect(cluster_of(execution))
    except (Permanent, Conflict):
        return None


def _prometheus() -> Prometheus | None:
    conf = settings.AIOPS
    return Prometheus(conf.prometheus_url, conf.prometheus_token.get_secret_value()) if conf.prometheus_url else None


def _look_again(execution: Execution, sight: Sight, verdict: NotYet, conf: ApprovalsConf) -> None:
    seen: dict[str, JsonValue] = {**_kept(execution, sight), "waiting_for": verdict.words}
    unwritten = Execution.objects.filter(pk=execution.pk, status=S.SUCCEEDED, verified_at=None)
    unwritten.update(verification=seen, verify_due_at=in_seconds(conf.verify_every_s))
    if execution.verification.get("waiting_for") != verdict.words:
        publish(execution.incident.topic)


def _kept(execution: Execution, sight: Sight) -> dict[str, JsonValue]:
    before: JsonValue = execution.verification.get("before") or signals.before_of(execution)
    return {
        "memory": sight.memory.dump(),
        "before": before,
        "after": dict(sight.after),
        "checks": signals.checks_of(sight.signals),
        "metric": signals.metric_of(sight.signals) or execution.verification.get("metric"),
    }


@transaction.atomic
def _write(execution: Execution, sight: Sight, verdict: Verdict, now: datetime) -> None:
    """The verdict with all that follows from it. Of two that come to one at the same time, one writes."""
    unwritten = Execution.objects.filter(pk=execution.pk, status=S.SUCCEEDED, verified_at=None)
    written = unwritten.update(
        verified_at=Now(),
        verify_due_at=None,
        verification_result=verdict.result,
        verification_reason=verdict.reason,
        verification=_kept(execution, sight) | {"words": verdict.words, "needless": verdict.is_needless},
    )
    if written != 1:
        return
    execution.refresh_from_db()
    TimelineEvent.record(
        execution.incident_id,
        "execution.verified",
        f"{words_of(execution)}: verified as {verdict.result}" + (f" ({verdict.reason})" if verdict.reason else ""),
        detail=verdict.words,
        status=STATUS[verdict.result],
    )
    if execution.direction == Execution.Direction.ROLLBACK:
        _undone(execution, verdict, now)
    else:
        _follow(execution, sight, verdict, now)
    publish("overview", "approvals", execution.incident.topic)
    messages.execution_verified(execution, verdict.words)
    execution_verified.announce(str(execution.pk))
    log.info("execution.verified", result=verdict.result, reason=verdict.reason, needless=verdict.is_needless)


def _undone(execution: Execution, verdict: Verdict, now: datetime) -> None:
    """A rollback that is verified makes the act that it undid `rolled_back`; another one is a person's."""
    first = execution.reverses
    assert first is not None
    if verdict.result == Result.SUCCESS:
        execution_state.advance(Fenced(first, first.fence), S.ROLLED_BACK, detail=execution.detail)
        lessons.rolled_back(first, at=now, reason=execution.detail)
    else:
        _ask_a_person(execution, f"The rollback was verified as {verdict.result}: {verdict.words}")


def _follow(execution: Execution, sight: Sight, verdict: Verdict, now: datetime) -> None:
    is_undoing = verdict.result == Result.FAILED and sight.signals.is_ours and _roll_back(execution, verdict)
    if verdict.result == Result.FAILED and not is_undoing:
        _ask_a_person(execution, verdict.words)
    lessons.verified(execution, verdict, at=now)
    reviews.ask(execution)
    goes_on = verdict.result == Result.SUCCESS and stepping.begin_next(execution)
    Evidence.objects.create(
        incident=execution.incident,
        decision=execution.decision,
        kind="verification",
        title=f"After: {words_of(execution)}",
        phase=Evidence.Phase.AFTER,
        content=verdict.words,
        facts=dict(sight.after),
    )
    if not goes_on:
        decision_state.advance(execution.decision, Decision.State.COMPLETED, actor=SYSTEM, detail=verdict.words)
        _tell_the_incident(execution, verdict)


def _roll_back(execution: Execution, verdict: Verdict) -> bool:
    """Begin to undo it; False where nothing undoes it, or something else is under way on the target."""
    if rollbacks.inverse_of(execution) is None:
        return False
    try:
        rollbacks.roll_back(execution, None, f"Verification failed: {verdict.words}")
    except Conflict as refused:
        log.warning("execution.not_rolled_back", code=refused.code, detail=refused.detail)
        return False
    return True


def _ask_a_person(execution: Execution, words: str) -> None:
    tried = f"{words_of(execution)} was done and has not helped. {words}"
    TimelineEvent.record(execution.incident_id, "execution.failed_verification", "A person is asked", detail=tried, status="bad")


def _tell_the_incident(execution: Execution, verdict: Verdict) -> None:
    """Success resolves the incident, unless something else of it still fires; it may have resolved by its alerts already."""
    incident, is_success = execution.incident, verdict.result == Result.SUCCESS
    if is_success and not incident.alerts.filter(status=Alert.Status.FIRING).exists():
        incident_state.advance(incident, Incident.Status.RESOLVED, actor=SYSTEM, detail=verdict.words)
    ended: dict[str, object] = {"execution_success": is_success}
    if is_success:
        ended["disposition"] = _disposition(execution)
    Incident.objects.filter(pk=incident.pk).update(**ended)


def _disposition(execution: Execution) -> Incident.Disposition:
    if execution.autonomous:
        return Incident.Disposition.AUTO_EXECUTED
    if execution.approval.supersedes_id is not None:
        return Incident.Disposition.HUMAN_OVERRIDDEN
    return Incident.Disposition.HUMAN_APPROVED
