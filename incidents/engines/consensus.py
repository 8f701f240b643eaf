"""Several experts, one answer: weighted agreement, with rules that weights cannot break (`domain.md` §3).

Each expert that proposes something votes for it. The share of the weight behind the winner is the consensus score.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiops.core.actions import Action, ActionClass
from aiops.core.targets import Target


class Expert(StrEnum):
    """Who is asked about a P0 or P1."""

    RULES = "expert_system"
    HISTORY = "history"
    PLAYBOOK = "playbook"
    DIAGNOSTICIAN = "llm_diagnostician"
    OPERATOR = "llm_operator"
    CRITIC = "llm_critic"
    COORDINATOR = "coordinator"

    @property
    def is_model(self) -> bool:
        return self not in (Expert.RULES, Expert.HISTORY, Expert.PLAYBOOK)


# How often an expert is taken to be right before anything is measured. A playbook that people approved and history that was
# verified know this very case; models read the evidence, and the coordinator has heard the others; rules know the field but not
# the case; the critic is asked to differ. It follows that all models together outvote the rules, and divided ones do not.
PRIOR: Mapping[Expert, float] = {
    Expert.PLAYBOOK: 0.85,
    Expert.HISTORY: 0.85,
    Expert.COORDINATOR: 0.80,
    Expert.DIAGNOSTICIAN: 0.75,
    Expert.OPERATOR: 0.75,
    Expert.RULES: 0.70,
    Expert.CRITIC: 0.60,
}
PRIOR_CASES = 20  # the prior counts like this many cases, so about as many are needed to move it
LEAST, MOST = 0.52, 0.95  # nobody is worth nothing, nobody is always right
# The roles are played by one model: its errors come together, so each voice counts half.
SHARED = 0.5


def weight(expert: Expert, *, right: float = 0.0, asked: float = 0.0) -> float:
    """What a vote of `expert` counts, given that it was right in `right` of `asked` measured cases. Always above 0.

    The log-odds of being right, which is the optimal weight of independent voters (Nitzan and Paroush, 1982), of the prior
    mixed with the measured cases.
    """
    share = (PRIOR[expert] * PRIOR_CASES + right) / (PRIOR_CASES + asked)
    bounded = min(MOST, max(LEAST, share))
    return math.log(bounded / (1 - bounded)) * (SHARED if expert.is_model else 1.0)


@dataclass(frozen=True, slots=True)
class Vote:
    """`proven`: a playbook that fits clearly, or history sure enough to lead; models alone never outvote it."""

    expert: Expert
    action: Action
    weight: float
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """`winner` is the vote that stands for those who agree; `kept_by_proof`: weights alone would have said otherwise."""

    winner: Vote
    score: float
    agreeing: tuple[Expert, ...]
    dissenting: tuple[Expert, ...]
    kept_by_proof: bool = False


def combine(votes: Sequence[Vote]) -> Result | None:
    """The act with the most weight behind it; None without votes. Order does not matter."""
    if not votes:
        return None
    groups: dict[tuple[str, Target | None], list[Vote]] = {}
    for vote in sorted(votes, key=_standing):
        groups.setdefault(same_act(vote.action), []).append(vote)
    ranked = sorted(groups.values(), key=lambda group: (-_weight(group), _standing(group[0])))
    first = ranked[0]
    proven = next((group for group in ranked if any(vote.proven for vote in group)), None)
    kept = proven is not None and proven is not first and all(vote.expert.is_model for vote in first)
    winning = proven if kept and proven is not None else first
    return Result(
        winner=winning[0],
        score=_weight(winning) / _weight(votes),
        agreeing=tuple(vote.expert for vote in winning),
        dissenting=tuple(vote.expert for group in ranked if group is not winning for vote in group),
        kept_by_proof=kept,
    )


def same_act(action: Action) -> tuple[str, Target | None]:
    """Two votes agree when they would do the same to the same; who only tells people agrees with who opens a ticket."""
    if action.action_class in (ActionClass.NOTIFY_ONLY, ActionClass.CREATE_TICKET):
        return "tell people", None
    return action.action_class.value, action.target


def _weight(votes: Iterable[Vote]) -> float:
    return math.fsum(vote.weight for vote in votes)


def _standing(vote: Vote) -> tuple[bool, bool, bool, float, str]:
    """Who speaks for those who agree, and who leads at equal weight: the proven, the local, who changes nothing, the heavier."""
    return not vote.proven, vote.expert.is_model, vote.action.is_change, -vote.weight, vote.expert.value
