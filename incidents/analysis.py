"""One analysis: claim the decision, ask the engines under one deadline, choose, and be READY in time.

The expert proposal is stored with the claim, so from then on there is always something to fall back to: the sweeper
makes it READY when this process does not come back (`reliability.md` §3).
"""

import time
from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from aiops.access.principals import SYSTEM
from incidents import decision_state, facts, incident_state, messages
from incidents.engines import choice
from incidents.engines.expert import ExpertEngine, safe_propose
from incidents.engines.playbook import PlaybookEngine, Step, Symptoms
from incidents.models import Decision, Incident, Opinion
from incidents.proposals import Engine, EngineAnswer, Facts, Proposal
from learning.models import Playbook

log = structlog.get_logger(__name__)


def decide(decision_id: int) -> None:
    """Bring one decision from INIT to READY. A second call, or one that comes too late, changes nothing."""
    decision = Decision.objects.select_related("incident").get(pk=decision_id)
    if decision.state != Decision.State.INIT:
        return
    known = facts.of(decision)
    fallback = safe_propose(ExpertEngine(), known)
    if not _claim(decision, fallback):
        return
    answers = [_ask(engine, known) for engine in engines()]
    ready(decision, choice.choose(answers, fallback, known.severity), answers)


@transaction.atomic
def _claim(decision: Decision, fallback: Proposal) -> bool:
    claimed = decision_state.advance(decision, Decision.State.ANALYZING, actor=SYSTEM, proposal_data=fallback.to_json())
    if claimed:
        incident_state.advance(decision.incident, Incident.Status.INVESTIGATING, actor=SYSTEM)
    return claimed


def engines() -> Sequence[Engine]:
    """The engines to ask beside the rules, in order of precedence."""
    return (PlaybookEngine(approved_playbooks(), settings.AIOPS.incidents),)


def approved_playbooks() -> list[Symptoms]:
    rows = Playbook.objects.filter(status=Playbook.Status.APPROVED).prefetch_related("steps")
    return [
        Symptoms(
            id=row.pk,
            name=row.name,
            description=row.description,
            target_kind=row.target_kind,
            alert_names=frozenset(row.alert_names),
            categories=frozenset(row.categories),
            severities=frozenset(row.severities),
            services=frozenset(row.services),
            labels=dict(row.labels),
            steps=tuple(
                Step(step.action_class, dict(step.parameters), step.target_kind, step.target_name) for step in row.steps.all()
            ),
            runs=row.runs,
            rate=row.success_rate,
            needs=frozenset(row.needs),
        )
        for row in rows
    ]


def _ask(engine: Engine, known: Facts) -> EngineAnswer:
    begun = time.perf_counter()
    proposal = engine.propose(known)
    ms = int((time.perf_counter() - begun) * 1000)
    return EngineAnswer(engine.name, "answered" if proposal else "nothing", ms, proposal)


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
    _keep_opinions(decision, answers, late=not won)
    return won


def _keep_opinions(decision: Decision, answers: Sequence[EngineAnswer], *, late: bool) -> None:
    Opinion.objects.bulk_create(
        [
            Opinion(
                decision=decision,
                engine=answer.engine,
                status=Opinion.Status.LATE if late and answer.proposal else answer.status,
                ms=answer.ms,
                proposal_data=answer.proposal.to_json() if answer.proposal else None,
                reasoning=answer.proposal.reasoning if answer.proposal else answer.error,
            )
            for answer in answers
        ],
        ignore_conflicts=True,
    )


def finish(decision: Decision, *, reason: str) -> bool:
    """READY now, with what is there: the stored proposal, or the rules' own if the analysis never began.

    For the sweeper: needs PostgreSQL alone. From INIT both steps are one transaction.
    """
    with transaction.atomic():
        if decision.state == Decision.State.INIT:
            fallback = safe_propose(ExpertEngine(), facts.of(decision))
            if not _claim(decision, fallback):
                return False
        proposal = decision.proposal
        if proposal is None:
            return False
        degraded = proposal.model_copy(update={"engine_degraded": (*proposal.engine_degraded, reason)})
        won = ready(decision, degraded, [EngineAnswer("expert_system", "answered", 0, proposal)])
    if won:
        log.warning("decision.finished_late", decision=decision.token, reason=reason)
    return won
