"""One analysis: claim the decision, ask the engines under one deadline, choose, and be READY in time.

The rules' proposal is stored with the claim and every better one as soon as it is known, so there is always something to fall
back to: the sweeper makes it READY when this process does not come back (`reliability.md` §3).
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from aiops.access.principals import SYSTEM
from aiops.connectors import llm
from incidents import (
    decision_state,
    decisions,
    evidence,
    facts,
    incident_state,
    llm_budget,
    local_engines,
    messages,
    opinions,
)
from incidents.collectors.finding import Finding
from incidents.conf import IncidentsConf
from incidents.consultation import Consultation, consult, why_not
from incidents.engines.choice import Choice, choose
from incidents.engines.guard import guarded
from incidents.evidence import Collect
from incidents.knowledge import Knowledge, KnowledgeEntry, NoKnowledge
from incidents.models import Decision, Evidence, Incident
from incidents.proposals import EngineAnswer, Facts, Proposal

log = structlog.get_logger(__name__)

NO_KNOWLEDGE = NoKnowledge()
EVIDENCE, KNOWLEDGE = "evidence", "knowledge"


class Notes(NamedTuple):
    """What earlier incidents tell; what is missing of it; and the answer of looking for it, where that broke."""

    entries: Sequence[KnowledgeEntry]
    degraded: tuple[str, ...] = ()
    unread: tuple[EngineAnswer, ...] = ()


def decide(decision_id: int, *, collect: Collect = evidence.collect, knowledge: Knowledge = NO_KNOWLEDGE) -> None:
    """Bring one decision from INIT to READY. A second call, or one that comes too late, changes nothing."""
    age = ExpressionWrapper(Now() - F("received_at"), output_field=DurationField())
    decision = Decision.objects.select_related("incident").annotate(age=age).get(pk=decision_id)
    if decision.state != Decision.State.INIT:
        return
    begun, conf, known = time.monotonic(), settings.AIOPS.incidents, facts.of(decision)
    fallback, _ = local_engines.ask_rules(known)
    if not _claim(decision, fallback, about=known.root.id if known.alerts else None):
        return
    until = begun + left_s(conf, decision.age.total_seconds())  # type: ignore[attr-defined]  # annotated above
    with asyncio.Runner() as runner:
        seen, degraded = _look(decision, collect, conf, until=until, runner=runner)
        known = facts.of(decision) if seen else known
        choice = _asked(decision, known, knowledge, conf, until=until, runner=runner)
    missing = (*choice.proposal.engine_degraded, *degraded)
    ready(decision, choice.proposal.model_copy(update={"engine_degraded": missing}), choice.answers)


def left_s(conf: IncidentsConf, age_s: float) -> float:
    """Seconds for the engines: their own deadline, or what the sweeper leaves of a decision that has waited `age_s`."""
    return max(0.0, min(conf.analysis_deadline_s, conf.sweep_ready_after_s - conf.ready_margin_s - age_s))


@transaction.atomic
def _claim(decision: Decision, fallback: Proposal, *, about: int | None) -> bool:
    claimed = decision_state.advance(
        decision, Decision.State.ANALYZING, actor=SYSTEM, proposal_data=fallback.to_json(), about_alert=about
    )
    if claimed:
        incident_state.advance(decision.incident, Incident.Status.INVESTIGATING, actor=SYSTEM)
    return claimed


def _look(
    decision: Decision, collect: Collect, conf: IncidentsConf, *, until: float, runner: asyncio.Runner
) -> tuple[bool, tuple[str, ...]]:
    """Store what is true now, for as long as looking may take: whether anything was seen, and what was missing."""
    within_s = min(conf.evidence_deadline_s, until - time.monotonic())

    def work() -> list[Evidence]:
        try:
            return runner.run(_within(collect(decision, within_s), within_s))
        except (TimeoutError, DatabaseError) as error:
            log.warning("evidence.not_in_time", decision=decision.token, error=type(error).__name__)
            return []

    found = guarded(EVIDENCE, decision.incident.ref, work)
    if isinstance(found, EngineAnswer):  # said where its evidence would stand
        found = [Finding.missing(EVIDENCE, evidence.COLLECTOR_BROKE).row(most=conf.evidence_item_bytes)]
    for row in found:
        row.decision, row.incident_id = decision, decision.incident_id
    Evidence.objects.bulk_create(found)
    seen = any(not row.error for row in found)
    return seen, () if seen else (EVIDENCE,)


async def _within(found: Awaitable[list[Evidence]], within_s: float) -> list[Evidence]:
    async with asyncio.timeout(within_s):
        return await found


def _asked(
    decision: Decision, known: Facts, knowledge: Knowledge, conf: IncidentsConf, *, until: float, runner: asyncio.Runner
) -> Choice:
    """Ask the local engines, then the models where they may be asked, and choose."""
    fallback, answers = local_engines.ask(known)

    def best() -> Choice:
        return choose(answers, fallback, known.severity, needs=conf.consensus_needs)

    def arrived(new: Sequence[EngineAnswer]) -> None:
        answers.extend(new)
        _hold(decision, best(), new)

    providers = settings.AIOPS.llm_providers
    if reason := why_not(known, providers, conf):
        answers.append(EngineAnswer("llm", "skipped", 0, error=reason))
        return best()
    llm.warm(providers)
    arrived(())
    notes, degraded, unread = _notes(known, knowledge, conf, until=until)
    answers.extend(unread)
    about = Consultation(decision, known, tuple(answers), providers, conf, notes, until, runner, arrived)
    consult(about)
    choice = best()
    tokens, cost = llm_budget.total(decision)
    missing = (*choice.proposal.engine_degraded, *degraded)
    spent = {"tokens": tokens, "cost": cost, "engine_degraded": missing}
    return Choice(choice.proposal.model_copy(update=spent), choice.answers)


def _notes(known: Facts, knowledge: Knowledge, conf: IncidentsConf, *, until: float) -> Notes:
    """Notes of earlier incidents, within their cap; without them the models are asked all the same."""
    within_ms = int(min(conf.knowledge_deadline_s, until - time.monotonic()) * 1000)
    if within_ms <= 0:
        return Notes((), (KNOWLEDGE,))

    def work() -> Notes:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{within_ms}ms"])
                found = knowledge.find(known, top=conf.knowledge_top, similarity=conf.knowledge_similarity)
                cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
                return Notes(found)
        except DatabaseError as error:  # too slow, or away
            log.warning("knowledge.not_found", incident=known.ref, error=type(error).__name__)
            return Notes((), (KNOWLEDGE,))

    found = guarded(KNOWLEDGE, known.ref, work)
    return Notes((), (KNOWLEDGE,), (found,)) if isinstance(found, EngineAnswer) else found


def _hold(decision: Decision, choice: Choice, new: Sequence[EngineAnswer]) -> None:
    """Store the best so far with everybody's vote. Where somebody else was READY first, `new` is only kept as late."""
    waiting = Decision.objects.filter(pk=decision.pk, state=Decision.State.ANALYZING)
    if waiting.update(proposal_data=choice.proposal.to_json()):
        opinions.keep(decision, choice.answers)
    else:
        opinions.keep_late(decision, new)


@transaction.atomic
def ready(decision: Decision, proposal: Proposal, answers: Sequence[EngineAnswer]) -> bool:
    """Store the proposal and be READY. False: somebody else was, and these answers are kept as late opinions."""
    conf = settings.AIOPS.incidents
    won = decision_state.advance(
        decision,
        Decision.State.READY,
        actor=SYSTEM,
        detail=proposal.description,
        proposal_data=proposal.to_json(),
        ready_at=Now(),
        assess_due_at=Now(),
        expires_at=Now() + timedelta(seconds=conf.expires_after_s),
    )
    if won:
        messages.decision_ready(decision)
        opinions.keep(decision, answers)
        decisions.follow_root(decision)
    else:
        opinions.keep_late(decision, answers)
    return won
