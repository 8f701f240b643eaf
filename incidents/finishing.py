"""READY at once, with what is there: for the sweeper, which needs PostgreSQL alone, and many at a time.

In a storm the rules are to make 200 decisions a second (`reliability.md` §3): nothing here asks the database for each of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable
from pydantic import ValidationError

from aiops.access.principals import SYSTEM
from aiops.core.categories import Category
from aiops.core.errors import Invalid
from incidents import decision_state, decisions, facts, incident_state, local_engines, messages, opinions
from incidents.models import Decision, Incident, Opinion
from incidents.proposals import EngineAnswer, Facts, Proposal

log = structlog.get_logger(__name__)

S = Decision.State
UNREADY = Q(state__in=(S.INIT, S.ANALYZING))
UNBEGUN = Q(state=S.INIT)
SLICE = 100  # incidents that intake may have to wait for, for some tenths of a second
WAIT_AT_MOST_S = 1.0  # for all that somebody else holds


def finish(waiting: Sequence[Decision], *, reason: str, among: Q = UNREADY) -> int:
    """READY now: the best so far, or the rules' own proposal where no analysis began. How many this call made READY.

    `among`: which states may be cut off, read again under the lock. Slice by slice, then those whose incident somebody else
    held meanwhile, one after the other.
    """
    wanted, done = [decision.pk for decision in waiting], set[int]()
    for begin in range(0, len(wanted), SLICE):
        done |= _finish(wanted[begin : begin + SLICE], reason, among, skip_locked=True)
    until = time.monotonic() + WAIT_AT_MOST_S
    for pk in wanted:
        if pk not in done and time.monotonic() < until:
            done |= _waited_for(pk, reason, among)
    return len(done)


def _waited_for(pk: int, reason: str, among: Q) -> set[int]:
    """Of what is held longer than the lock timeout the sweeper's next round has the next try."""
    try:
        return _finish([pk], reason, among, skip_locked=False)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        log.warning("decision.held_by_somebody_else", decision=pk)
        return set()


@transaction.atomic
def _finish(wanted: Sequence[int], reason: str, among: Q, *, skip_locked: bool) -> set[int]:
    rows = decision_state.lock(Q(pk__in=wanted) & among, skip_locked=skip_locked)
    if not rows:
        return set()
    unheard = _unheard(rows)
    load = facts.load_all(unheard)
    rules = {row.pk: _asked_rules(row.incident, load[row.pk]) for row in unheard}
    proposals = {row.pk: _degraded(_so_far(row) or rules[row.pk][0], reason) for row in rows}
    fresh = [row for row in rows if row.state == S.INIT]
    about = {row.pk: row.incident.root_alert_id for row in fresh}
    conf = settings.AIOPS.incidents
    decision_state.advance_all(fresh, S.ANALYZING, actor=SYSTEM, each={"about_alert": about})
    incident_state.begin_investigating([row.incident for row in fresh], actor=SYSTEM)
    decision_state.advance_all(
        rows,
        S.READY,
        actor=SYSTEM,
        details={pk: proposal.description for pk, proposal in proposals.items()},
        each={"proposal_data": {pk: proposal.to_json() for pk, proposal in proposals.items()}},
        ready_at=Now(),
        assess_due_at=Now(),
        expires_at=Now() + timedelta(seconds=conf.expires_after_s),
    )
    messages.decisions_ready([(row, proposals[row.pk]) for row in rows])
    opinions.keep_all([(row, [_said(rules[row.pk][1], proposals[row.pk])]) for row in rows if row.pk in rules])
    for row in rows:
        if row.pk not in about and row.about_alert not in (None, row.incident.root_alert_id):
            decisions.follow_root(row)
    log.warning("decisions.finished_late", decisions=[row.token for row in rows], reason=reason)
    return {row.pk for row in rows}


def _asked_rules(incident: Incident, load: Callable[[], Facts]) -> tuple[Proposal, EngineAnswer]:
    """One whose facts break this software is told to people, and keeps no other waiting."""
    return local_engines.ask_rules_of(incident.ref, load, target=incident.target, category=Category.OTHER)


def _unheard(rows: Sequence[Decision]) -> list[Decision]:
    """Those about which nobody has said anything yet, or nothing that can be read."""
    heard = set(Opinion.objects.filter(decision__in=rows).order_by().values_list("decision_id", flat=True).distinct())
    return [row for row in rows if row.state == S.INIT or row.pk not in heard or _so_far(row) is None]


def _so_far(decision: Decision) -> Proposal | None:
    """None also for what was stored under older rules and would not be accepted as a proposal now."""
    try:
        return decision.proposal
    except (ValidationError, Invalid):
        return None


def _degraded(proposal: Proposal, reason: str) -> Proposal:
    return proposal.model_copy(update={"engine_degraded": (*proposal.engine_degraded, reason)})


def _said(answer: EngineAnswer, proposal: Proposal) -> EngineAnswer:
    """The rules' opinion, where nobody came to write one down: a failed one if they break on this incident."""
    return answer if answer.proposal is None else replace(answer, proposal=proposal, vote="chosen")
