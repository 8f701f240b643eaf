"""The decision rail: where a decision stands, as five stops that a person reads in a second. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiops.core.wording import counted, duration
from approvals.models import Approval, Execution
from incidents.hearing import engine_words
from incidents.models import Decision

S = Decision.State

WITHDRAWN = {
    Decision.Reason.REJECTED: "Rejected",
    Decision.Reason.RESOLVED: "The incident resolved first",
    Decision.Reason.MERGED: "Merged into another incident",
    Decision.Reason.REANALYSED: "Analyzed again, see the newer decision",
    Decision.Reason.OVERRIDDEN: "Overridden by another action",
    Decision.Reason.DRIFTED: "The target changed, a new analysis begins",
    Decision.Reason.FROZEN: "Held: a maintenance window or change freeze",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop. `at` is done, work, wait, next, fault or void; `since` ticks, `until` counts down after the detail."""

    name: str
    at: str
    detail: str
    icon: str = ""
    took: str = ""
    since: datetime | None = None
    until: datetime | None = None
    is_current: bool = False


def rail(
    decision: Decision, alerts: int, approval: Approval | None, signed_by: Sequence[str], runs: Sequence[Execution]
) -> tuple[Stop, ...]:
    """The five stops of `decision`. `runs` are its executions, newest first, without rollbacks."""
    reached = _reached(decision, approval, runs)
    stops = [
        Stop("Init", "next", f"{counted(alerts, 'alert')}, 1 incident"),
        _analyzing(decision),
        _ready(decision, approval, signed_by),
        _executing(decision, runs),
        _completed(decision, runs),
    ]
    rows = [_done(stop) if index < reached else stop for index, stop in enumerate(stops)]
    rows[reached] = _current(decision, rows[reached], approval, signed_by, runs)
    return tuple(rows)


def _reached(decision: Decision, approval: Approval | None, runs: Sequence[Execution]) -> int:
    """Which stop it stands at, or broke at."""
    match decision.state:
        case S.INIT:
            return 0
        case S.ANALYZING:
            return 1
        case S.READY | S.EXPIRED:
            return 2
        case S.EXECUTING | S.ERROR:
            return 3
        case S.COMPLETED:
            return 4
    if runs:
        return 3
    return 2 if decision.ready_at else 1


def _done(stop: Stop) -> Stop:
    return replace(stop, at="done", icon="check", since=None, until=None)


def _analyzing(decision: Decision) -> Stop:
    proposal = decision.proposal
    if decision.ready_at is None or proposal is None:
        return Stop("Analyzing", "next", "The rules answer at once, the others within 16 s")
    took = duration((decision.ready_at - decision.received_at).total_seconds())
    if proposal.consensus_score is not None:
        return Stop("Analyzing", "next", f"Consensus {proposal.consensus_score:.2f}", took=took)
    return Stop("Analyzing", "next", f"By {engine_words(proposal.source)[0].lower()}", took=took)


def _ready(decision: Decision, approval: Approval | None, signed_by: Sequence[str]) -> Stop:
    took = ""
    if approval is not None and approval.decided_at and decision.ready_at:
        took = duration((approval.decided_at - decision.ready_at).total_seconds())
    names = "Approved by autonomy" if decision.auto_approved else ", ".join(signed_by) or "A proposal"
    return Stop("Ready", "next", names, took=took)


def _executing(decision: Decision, runs: Sequence[Execution]) -> Stop:
    if not runs:
        return Stop("Executing", "next", "Starts with the last signature" if decision.is_live else "Not reached")
    run = runs[0]
    took = ""
    if run.started_at and run.finished_at:
        took = duration((run.finished_at - run.started_at).total_seconds())
    return Stop("Executing", "next", _progress(run), took=took)


def _progress(run: Execution) -> str:
    """What an execution is at, for people."""
    attempts = len(run.attempts.all())
    match run.status:
        case Execution.Status.PLANNED:
            return "Waits to be tried again" if attempts else "Starts at once"
        case Execution.Status.DRY_RUN:
            return "Rehearsing on the server"
        case Execution.Status.RUNNING:
            return f"Attempt {max(attempts, 1)} sent"
        case Execution.Status.AMBIGUOUS:
            return "Unclear whether it landed. It is being read back"
        case Execution.Status.SUCCEEDED if run.verified_at is None:
            return "Applied, being verified"
    return f"{counted(attempts, 'attempt')}"


def _completed(decision: Decision, runs: Sequence[Execution]) -> Stop:
    if not runs or runs[0].verified_at is None:
        return Stop("Completed", "next", "Verified on the cluster and the alert")
    run = runs[0]
    took = duration((run.verified_at - run.finished_at).total_seconds()) if run.verified_at and run.finished_at else ""
    return Stop("Completed", "next", f"Verified: {run.verification_result}", took=took)


def _current(
    decision: Decision, stop: Stop, approval: Approval | None, signed_by: Sequence[str], runs: Sequence[Execution]
) -> Stop:
    stop = replace(stop, is_current=True)
    since = decision.state_since
    match decision.state:
        case S.INIT | S.ANALYZING:
            detail = "A decision is ready within 30 s"
            return replace(stop, at="work", icon="search", since=decision.received_at, detail=detail)
        case S.READY:
            return _waiting(replace(stop, at="wait", since=since, took=""), approval, len(signed_by))
        case S.EXECUTING:
            detail = _progress(runs[0]) if runs else stop.detail
            return replace(stop, at="work", icon="play", since=since, took="", detail=detail)
        case S.COMPLETED:
            return _end(stop, runs)
        case S.ERROR:
            detail = (runs[0].detail if runs else "") or decision.error or "It failed, nothing changed"
            return replace(stop, name="Error", at="fault", icon="x", took="", detail=detail)
        case S.EXPIRED:
            detail = "Nobody signed in time. Analyze again for a fresh proposal"
            return replace(stop, name="Expired", at="void", icon="clock", took="", detail=detail)
    reason = WITHDRAWN.get(Decision.Reason(decision.reason)) if decision.reason else None
    return replace(stop, name="Withdrawn", at="void", icon="minus", took="", detail=reason or "No longer wanted")


def _waiting(stop: Stop, approval: Approval | None, signed: int) -> Stop:
    if approval is None:
        return replace(stop, icon="users", detail="People are told. Nothing runs from here")
    if not approval.is_pending:
        return replace(stop, at="work", icon="clock", detail="Signed, it starts at once")
    if approval.auto_at is not None:
        return replace(stop, icon="clock", detail="Runs alone if the alert still fires, in", until=approval.auto_at)
    wanted = approval.required_signatures
    detail = "Waits for one signature" if wanted == 1 else f"{signed} of {wanted} signatures"
    return replace(stop, icon="clock", detail=f"{detail}. Expires in", until=approval.expires_at)


def _end(stop: Stop, runs: Sequence[Execution]) -> Stop:
    if not runs:
        return replace(stop, at="done", icon="check", detail="People were told")
    result = runs[0].verification_result
    if result == Execution.Verdict.SUCCESS:
        return replace(stop, at="done", icon="check")
    fault = result == Execution.Verdict.FAILED
    return replace(stop, at="fault" if fault else "wait", icon="x" if fault else "warning")
