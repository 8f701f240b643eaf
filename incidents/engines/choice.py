"""Which opinion becomes the proposal: one pure function (`domain.md` §3)."""

from collections.abc import Sequence

from aiops.core.scales import Severity
from incidents.proposals import Alternative, EngineAnswer, EngineTiming, Proposal, Source

# P2 and P3 take the first of these that has an answer.
PRECEDENCE = (Source.HISTORY, Source.PLAYBOOK, Source.LLM, Source.EXPERT_SYSTEM)
URGENT = frozenset({Severity.P0, Severity.P1})


def choose(answers: Sequence[EngineAnswer], fallback: Proposal, severity: Severity) -> Proposal:
    """The proposal for people and policy, with the others as its alternatives and every engine's timing.

    P0 and P1 take the consensus where there is one; without it, and for P2 and P3, precedence decides.
    """
    proposals = [answer.proposal for answer in answers if answer.proposal is not None]
    urgent = severity in URGENT
    consensus = [p for p in proposals if p.source is Source.CONSENSUS and urgent]
    ordered = consensus + sorted((p for p in proposals if p.source in PRECEDENCE), key=lambda p: PRECEDENCE.index(p.source))
    chosen = ordered[0] if ordered else fallback
    others = [p for p in [*ordered[1:], fallback] if p.action != chosen.action]
    alternatives = {
        a.action: a for a in [*(Alternative(action=p.action, reasoning=p.reasoning) for p in others), *chosen.alternatives]
    }
    degraded = tuple(dict.fromkeys([*chosen.engine_degraded, *(a.engine for a in answers if a.status in ("failed", "timeout"))]))
    return chosen.model_copy(
        update={
            "alternatives": tuple(alternatives.values())[:4],
            "engines": tuple(EngineTiming(name=a.engine, status=a.status, ms=a.ms) for a in answers),
            "engine_degraded": degraded,
        }
    )
