"""Which opinion becomes the proposal: one pure function (`domain.md` §3).

P2 and P3 take the first in precedence that leads. P0 and P1 take the consensus of all where there is one. Whatever is chosen is
compared with what would have been chosen without the models: where that is another act, a person agrees first, so no text that
a model reads can make anything run alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from aiops.core.actions import Action
from aiops.core.scales import Severity
from incidents.engines.consensus import Expert, Result, Vote, combine, same_act, weight
from incidents.proposals import Alternative, EngineAnswer, EngineTiming, Proposal, Source

# P2 and P3 take the first of these that has an answer and leads.
PRECEDENCE = (Source.HISTORY, Source.PLAYBOOK, Source.LLM, Source.EXPERT_SYSTEM)
URGENT = frozenset({Severity.P0, Severity.P1})
ALTERNATIVES_MAX = 4
NO_CONSENSUS = "no_consensus"


@dataclass(frozen=True, slots=True)
class Choice:
    """The proposal, and the answers with the weight and the vote of each."""

    proposal: Proposal
    answers: tuple[EngineAnswer, ...]


@dataclass(frozen=True, slots=True)
class _Lead:
    """A proposal, the engine that it is from, and what each engine counted, 0..1 in all."""

    proposal: Proposal
    engine: str
    shares: Mapping[str, float] = field(default_factory=dict)


def choose(answers: Sequence[EngineAnswer], fallback: Proposal, severity: Severity, *, needs: float) -> Choice:
    """The proposal for people and policy, with the others as its alternatives and every engine's timing.

    `fallback` is the rules' own answer; `needs` the share of the weight, 0..1, that makes a consensus.
    """
    lead = _lead(answers, fallback, severity, needs)
    without = _lead([answer for answer in answers if not answer.is_model], fallback, severity, needs)
    chosen = lead.proposal
    proposal = chosen.model_copy(
        update={
            "alternatives": _alternatives(chosen, answers, fallback),
            "engines": tuple(EngineTiming(name=a.engine, status=a.status, ms=a.ms) for a in answers),
            "engine_degraded": _degraded(chosen, answers),
            "model_led": chosen.action.is_change and _acts(chosen) != _acts(without.proposal),
        }
    )
    weighed = (replace(a, weight=round(lead.shares.get(a.engine, 0.0), 3), vote=_vote(a, lead)) for a in answers)
    return Choice(proposal, tuple(weighed))


def _lead(answers: Sequence[EngineAnswer], fallback: Proposal, severity: Severity, needs: float) -> _Lead:
    if severity in URGENT and len(votes := _votes(answers)) > 1 and (result := combine(votes)) is not None:
        return _agreed(result, votes, answers, fallback, needs)
    return _first(answers, fallback)


def _first(answers: Sequence[EngineAnswer], fallback: Proposal) -> _Lead:
    """The first in precedence that leads."""
    leads = [_Lead(answer.proposal, answer.engine) for answer in answers if answer.proposal is not None and answer.leads]
    return min(leads, key=lambda lead: PRECEDENCE.index(lead.proposal.source), default=_Lead(fallback, fallback.source.value))


def _votes(answers: Sequence[EngineAnswer]) -> list[Vote]:
    experts = set(Expert)
    return [
        Vote(
            expert=Expert(answer.engine),
            action=answer.proposal.action,
            weight=weight(Expert(answer.engine), right=answer.right, asked=answer.asked),
            proven=answer.leads and answer.engine in (Expert.PLAYBOOK, Expert.HISTORY),
        )
        for answer in answers
        if answer.proposal is not None and answer.engine in experts
    ]


def _agreed(result: Result, votes: Sequence[Vote], answers: Sequence[EngineAnswer], fallback: Proposal, needs: float) -> _Lead:
    """The consensus; where the agreement is too small, the first in precedence of those who ask no model."""
    total = sum(vote.weight for vote in votes)
    shares = {vote.expert.value: vote.weight / total for vote in votes}
    said = f"{len(result.agreeing)} of {len(votes)} agree, by weight {result.score:.2f}; {needs:.2f} is needed."
    score = round(result.score, 3)
    if result.score < needs and not result.kept_by_proof:
        first = _first([answer for answer in answers if not answer.is_model], fallback)
        degraded = (*first.proposal.engine_degraded, NO_CONSENSUS)
        update = {"reasoning": f"{first.proposal.reasoning} {said}", "consensus_score": score, "engine_degraded": degraded}
        return _Lead(first.proposal.model_copy(update=update), first.engine, shares)
    winner = result.winner.expert.value
    proposal = next(answer.proposal for answer in answers if answer.engine == winner and answer.proposal is not None)
    proof = " It is proven, and only models would do something else." if result.kept_by_proof else ""
    update = {"source": Source.CONSENSUS, "reasoning": f"{proposal.reasoning} {said}{proof}", "consensus_score": score}
    return _Lead(proposal.model_copy(update=update), winner, shares)


def _acts(proposal: Proposal) -> tuple[Action, ...]:
    return (proposal.action, *proposal.steps)


def _vote(answer: EngineAnswer, lead: _Lead) -> str:
    if answer.proposal is None:
        return ""
    if answer.engine == lead.engine:
        return "chosen"
    return "for" if same_act(answer.proposal.action) == same_act(lead.proposal.action) else "against"


def _alternatives(chosen: Proposal, answers: Sequence[EngineAnswer], fallback: Proposal) -> tuple[Alternative, ...]:
    """What else was proposed, once each, then what the chosen one names itself."""
    others = [answer.proposal for answer in answers if answer.proposal is not None]
    offered = [Alternative(action=p.action, reasoning=p.reasoning) for p in [*others, fallback] if p.action != chosen.action]
    once: dict[Action, Alternative] = {}
    for alternative in [*offered, *chosen.alternatives]:
        once.setdefault(alternative.action, alternative)
    return tuple(once.values())[:ALTERNATIVES_MAX]


def _degraded(chosen: Proposal, answers: Sequence[EngineAnswer]) -> tuple[str, ...]:
    """What was missing: engines that gave no answer, and what else was cut short. If no model that was asked answered: `llm`."""
    models = [answer for answer in answers if answer.is_model and answer.status != "skipped"]
    silent = [answer for answer in answers if answer.status in ("failed", "timeout")]
    if models and all(answer in silent for answer in models):
        names = [answer.engine for answer in silent if not answer.is_model] + ["llm"]
    else:
        names = [answer.engine for answer in silent]
    flags = [flag for answer in answers for flag in answer.degraded]
    return tuple(dict.fromkeys([*chosen.engine_degraded, *names, *flags]))
