"""The life of a decision. Nothing else writes `Decision.state`.

    INIT → ANALYZING → READY → EXECUTING → COMPLETED

beside it ERROR (the act failed without an effect), EXPIRED (READY and unanswered) and WITHDRAWN with its reason.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from pydantic import JsonValue

from aiops.access.principals import Principal
from aiops.events import Fact
from aiops.live import publish
from aiops.states import Machine
from incidents.models import Decision, Incident, TimelineEvent

S = Decision.State
MACHINE = Machine(
    "state",
    {
        S.INIT: frozenset({S.ANALYZING, S.WITHDRAWN}),
        S.ANALYZING: frozenset({S.READY, S.WITHDRAWN}),  # never ERROR: the rules always have an answer
        S.READY: frozenset({S.EXECUTING, S.COMPLETED, S.EXPIRED, S.WITHDRAWN}),
        S.EXECUTING: frozenset({S.COMPLETED, S.WITHDRAWN, S.ERROR}),
    },
)

decision_opened = Fact("decision.opened")
decision_ready = Fact("decision.ready")
decision_withdrawn = Fact("decision.withdrawn")
decision_over = Fact("decision.over")
FACTS = {
    S.READY: (decision_ready,),
    S.WITHDRAWN: (decision_withdrawn, decision_over),
    S.COMPLETED: (decision_over,),
    S.ERROR: (decision_over,),
    S.EXPIRED: (decision_over,),
}

TITLES = {
    S.ANALYZING: ("Analysis began", "work"),
    S.READY: ("Decision is ready", "wait"),
    S.EXECUTING: ("Acting", "work"),
    S.COMPLETED: ("Decision completed", "ok"),
    S.ERROR: ("The act failed, nothing changed", "bad"),
    S.EXPIRED: ("Decision expired unanswered", ""),
    S.WITHDRAWN: ("Decision withdrawn", ""),
}


@transaction.atomic
def advance(decision: Decision, to: Decision.State, *, actor: Principal, detail: str = "", **fields: object) -> bool:
    """Move `decision` to `to`, with its timeline row and live pages; True for the one caller that did it.

    `fields` are written with the state, in the same UPDATE. False: it has moved on, see `decision`. The incident's row
    is locked first: alerts, incident, decision is the one order in which rows are locked, so nobody waits in a circle.
    """
    Incident.objects.select_for_update(no_key=True).only("pk").get(pk=decision.incident_id)
    if not MACHINE.move(decision, to, state_since=timezone.now(), **fields):
        return False
    _tell([decision], to, actor=actor, details={decision.pk: detail})
    return True


def lock(rows: Q, *, skip_locked: bool) -> list[Decision]:
    """The decisions of `rows`, with their incidents, locked until the end of the transaction.

    With `skip_locked` those whose incident somebody else holds are left out: who locks many waits for nobody.
    """
    wanted = Decision.objects.filter(rows)
    # The root is read after the lock: joined to a row that changes meanwhile it would be missing.
    incidents = Incident.objects.filter(pk__in=wanted.values("incident")).prefetch_related("root_alert")
    held = {one.pk: one for one in incidents.select_for_update(no_key=True, skip_locked=skip_locked)}
    found = list(wanted.filter(incident__in=held).select_for_update(no_key=True))
    for decision in found:
        decision.incident = held[decision.incident_id]
    return found


def advance_all(
    decisions: Sequence[Decision],
    to: Decision.State,
    *,
    actor: Principal,
    details: Mapping[int, str] = MappingProxyType({}),
    each: Mapping[str, Mapping[int, JsonValue]] | None = None,
    **fields: object,
) -> None:
    """`advance` for many that `lock` has given, in as many statements as for one. `each`: as in `Machine.move_all`."""
    MACHINE.move_all(decisions, to, each=each, state_since=timezone.now(), **fields)
    _tell(decisions, to, actor=actor, details=details)


def _tell(decisions: Sequence[Decision], to: Decision.State, *, actor: Principal, details: Mapping[int, str]) -> None:
    TimelineEvent.objects.bulk_create(_line(one, to, actor, details.get(one.pk, "")) for one in decisions)
    publish("overview", "approvals", *(f"incident.{one.incident_id}" for one in decisions))
    for fact in FACTS.get(to, ()):
        fact.announce_all([one.pk for one in decisions])


def _line(decision: Decision, to: Decision.State, actor: Principal, detail: str) -> TimelineEvent:
    title, status = TITLES[to]
    if to is S.WITHDRAWN and decision.reason:
        title = f"{title}: {decision.get_reason_display().lower()}"
    kind = f"decision.{to.lower()}"
    return TimelineEvent.row(decision.incident_id, kind, title, detail=detail, actor=actor.name, status=status)


def withdraw(decision: Decision, reason: Decision.Reason, *, actor: Principal, detail: str = "") -> bool:
    """End a live decision for `reason`; False if it was over, or already with an act under way that finishes first."""
    return advance(decision, S.WITHDRAWN, actor=actor, detail=detail, reason=reason)
