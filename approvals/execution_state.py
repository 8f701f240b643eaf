"""The life of an execution. Nothing else writes `Execution.status`, and only who holds its fence does.

    planned → dry_run → running → succeeded → rolled_back

beside it ambiguous (something was sent and nobody knows yet), failed (surely no effect) and cancelled (not wanted any
more, or overtaken by others).
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from aiops.access.principals import SYSTEM, Principal
from aiops.events import Fact
from aiops.live import publish
from aiops.states import Machine
from approvals import messages
from approvals.models import Execution
from incidents import decision_state, incident_state
from incidents.models import Decision, Incident, TimelineEvent

S = Execution.Status
MACHINE = Machine(
    "status",
    {
        S.PLANNED: frozenset({S.DRY_RUN, S.FAILED, S.CANCELLED}),
        S.DRY_RUN: frozenset({S.PLANNED, S.DRY_RUN, S.RUNNING, S.SUCCEEDED, S.FAILED, S.CANCELLED}),
        S.RUNNING: frozenset({S.PLANNED, S.RUNNING, S.AMBIGUOUS, S.SUCCEEDED, S.FAILED, S.CANCELLED}),
        S.AMBIGUOUS: frozenset({S.RUNNING, S.AMBIGUOUS, S.SUCCEEDED, S.FAILED, S.CANCELLED}),
        S.SUCCEEDED: frozenset({S.ROLLED_BACK}),
    },
)
TERMINAL = frozenset({S.SUCCEEDED, S.FAILED, S.CANCELLED, S.ROLLED_BACK})

execution_planned = Fact("execution.planned")
execution_succeeded = Fact("execution.succeeded")
execution_over = Fact("execution.over")  # it holds its target no longer
execution_unclear = Fact("execution.unclear")  # a person has to look
execution_verified = Fact("execution.verified")

TITLES = {
    S.RUNNING: ("sent", "work"),
    S.AMBIGUOUS: ("unclear whether it was done, reading back", "wait"),
    S.SUCCEEDED: ("done, verification follows", "work"),
    S.FAILED: ("failed, nothing changed", "bad"),
    S.CANCELLED: ("not carried out", ""),
    S.ROLLED_BACK: ("rolled back", "ok"),
}
# Why an execution was cancelled → why its decision ends. Whatever else happened to the target is a drift.
WITHDRAWN_AS = {
    "resolved": Decision.Reason.RESOLVED,
    "withdrawn": Decision.Reason.RESOLVED,
    "frozen": Decision.Reason.FROZEN,
    "stopped": Decision.Reason.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Fenced:
    """The right to write one execution row: it ends as soon as anybody else claims the row."""

    execution: Execution
    fence: int


class LostLease(Exception):
    """Somebody else holds the row now. Whoever gets this stops, and touches nothing any more."""


@transaction.atomic
def advance(held: Fenced, to: Execution.Status, *, actor: Principal = SYSTEM, detail: str = "", **fields: object) -> None:
    """Move the execution to `to`, with what follows for its decision and incident, timeline row and live pages.

    Raises LostLease if the row has another fence by now, or has moved to where `to` cannot follow. A lease ends with a
    final state; `fields` are written in the same UPDATE.
    """
    execution, was = held.execution, held.execution.status
    if to in TERMINAL:
        fields = {"finished_at": Now(), "lease_until": None, "unclear_since": None} | fields
    if detail:
        fields = {"detail": detail} | fields
    mine = Execution.objects.filter(pk=execution.pk, fence=held.fence, status__in=MACHINE.sources(to))
    if mine.update(status=to, **fields) != 1:
        raise LostLease(str(execution.pk))
    execution.refresh_from_db()
    if to != was:
        _tell(execution, to, actor=actor, detail=detail)
        _carry_over(execution, to, actor=actor, detail=detail)


def _tell(execution: Execution, to: Execution.Status, *, actor: Principal, detail: str) -> None:
    publish("overview", "approvals", execution.incident.topic)
    if to in TITLES:
        title, status = TITLES[to]
        TimelineEvent.record(
            execution.incident_id,
            f"execution.{to}",
            f"{words_of(execution)}: {title}",
            detail=detail,
            actor=actor.name,
            status=status,
        )
    if to == S.SUCCEEDED:
        execution_succeeded.announce(str(execution.pk))
    if to == S.FAILED:
        messages.execution_over(execution, detail)
    if to in TERMINAL:
        execution_over.announce(str(execution.pk))


def _carry_over(execution: Execution, to: Execution.Status, *, actor: Principal, detail: str) -> None:
    """What the act means for its decision and incident. Undoing something changes neither."""
    if execution.direction == Execution.Direction.ROLLBACK:
        return
    decision, incident = execution.decision, execution.incident
    match to:
        case S.RUNNING:
            decision_state.advance(decision, Decision.State.EXECUTING, actor=actor)
            incident_state.advance(incident, Incident.Status.MITIGATING, actor=actor)
        case S.FAILED:
            # A decision that never began to act ends here all the same: an act failed without an effect.
            decision_state.advance(decision, Decision.State.EXECUTING, actor=actor)
            # An earlier step had its effect: then the decision is over, and no act without an effect.
            end = Decision.State.ERROR if execution.step == 1 else Decision.State.COMPLETED
            decision_state.advance(decision, end, actor=actor, detail=detail, error=detail)
        case S.CANCELLED:
            reason = WITHDRAWN_AS.get(execution.reason, Decision.Reason.DRIFTED)
            decision_state.withdraw(decision, reason, actor=actor, detail=detail)


def words_of(execution: Execution) -> str:
    return execution.words
