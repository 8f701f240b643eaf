"""The judgement on what a model answered: pure, and harder than any prompt.

A model gives the id of a candidate, reasons, a confidence and the evidence that it relies on. The action, its target and its
parameters are the candidate's; risk, blast radius and trust are computed from them elsewhere. An id that nobody offered is a
hallucination: the answer is discarded whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from incidents.engines.candidates import Candidate, named
from incidents.engines.prompts import clean
from incidents.proposals import Facts, Point, Proposal, Source

REASONING_CHARS = 1_200
POINTS_MAX = 3
POINT_CHARS = 400
NONE = "none"

EvidenceId = Annotated[str, BeforeValidator(str)]


class Judgement(BaseModel):
    """The choice of one candidate, with reasons."""

    candidate: str = Field(description='Id of the chosen candidate, such as "c2", or "none"')
    reasoning: str = Field(description="Why, in at most 80 words")
    confidence: float = Field(ge=0, le=1, description="Share of such cases in which it would end the incident without harm")
    evidence: list[EvidenceId] = Field(default_factory=list, description='Ids of the evidence relied on, such as "e1"')


class Critique(Judgement):
    """The choice after looking for what speaks against the proposals."""

    challenges: list[str] = Field(default_factory=list, description="Up to three questions, one sentence each")


class Coordination(Judgement):
    """The choice after answering the challenges."""

    answers: list[str] = Field(default_factory=list, description="One sentence for each challenge, in their order")


OUTPUTS: Mapping[str, type[Judgement]] = {
    "llm": Judgement,
    "llm_diagnostician": Judgement,
    "llm_operator": Judgement,
    "llm_critic": Critique,
    "coordinator": Coordination,
}


class Hallucinated(Exception):
    """The model named something that does not exist. The text says what."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Which model said it, and what that cost. `cost` is in US dollars."""

    provider: str
    model: str
    tokens: int
    cost: float


def judged(
    said: Judgement, found: Sequence[Candidate], evidence: Mapping[str, int], facts: Facts, by: Speaker
) -> Proposal | None:
    """The proposal that the model chose, None where it chose none; Hallucinated for what nobody offered."""
    unknown = [id for id in said.evidence if _known(id) not in evidence]
    if unknown:
        raise Hallucinated(f"it cites evidence {clean(unknown[0], most=60)!r}, which does not exist")
    if said.candidate.strip().lower() == NONE:
        return None
    chosen = named(found, said.candidate)
    if chosen is None:
        raise Hallucinated(f"it chose {clean(said.candidate, most=120)!r}, which is no candidate")
    target = chosen.action.target
    return Proposal(
        source=Source.LLM,
        action=chosen.action,
        steps=chosen.steps,
        description=f"{chosen.action.spec.words} {target.unit or target.name if target else facts.alert_name or 'this alert'}",
        reasoning=clean(said.reasoning, most=REASONING_CHARS),
        category=facts.category,
        confidence=said.confidence,
        matched_playbook=chosen.playbook,
        evidence_ids=tuple(dict.fromkeys(evidence[_known(id)] for id in said.evidence)),
        model=by.model,
        provider=by.provider,
        tokens=by.tokens,
        cost=by.cost,
    )


def _known(id: str) -> str:
    id = id.strip().lower()
    return f"e{id}" if id.isdecimal() else id


def challenges(said: Judgement) -> tuple[Point, ...]:
    """What the critic asks."""
    asked = said.challenges if isinstance(said, Critique) else []
    return tuple(Point(challenge=clean(text, most=POINT_CHARS)) for text in asked[:POINTS_MAX] if text.strip())


def answered(said: Judgement, points: Sequence[Point]) -> tuple[Point, ...]:
    """The challenges with the coordinator's answers; what it left out stays unanswered."""
    given = said.answers if isinstance(said, Coordination) else []
    texts = [clean(text, most=POINT_CHARS) for text in given] + [""] * len(points)
    return tuple(point.model_copy(update={"answer": text}) for point, text in zip(points, texts, strict=False))
