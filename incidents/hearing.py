"""What was said about a decision, as its page shows it: opinions side by side, their agreement, challenges and prompts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from incidents.models import Decision, Opinion
from incidents.proposals import Point, Proposal, Source

ENGINES: Mapping[str, tuple[str, str]] = {
    "playbook": ("Playbook", "playbook"),
    "llm": ("Language model", "llm"),
    "llm_diagnostician": ("LLM diagnostician", "llm"),
    "llm_operator": ("LLM operator", "llm"),
    "llm_critic": ("LLM critic", "warning"),
    "coordinator": ("Coordinator", "consensus"),
    "consensus": ("Consensus", "consensus"),
    "expert_system": ("Expert rules", "rules"),
    "history": ("History", "history"),
    "knowledge": ("Earlier notes", "history"),
    "human": ("Person", "user"),
}
# What a proposal had to do without, by its code; an engine's name stands for that engine.
MISSING: Mapping[str, str] = {
    "llm": "No language model answered",
    "llm_budget": "The budget for language models is spent",
    "llm_resting": "A language model rests after failures",
    "no_consensus": "Too little agreement",
    "evidence": "Without live evidence",
    "knowledge": "Without earlier notes",
    "late": "The analysis was cut short",
    "storm": "Decided by rules amid a storm",
    "broker_down": "Decided by rules, the queue is down",
}
AGREES = frozenset({Opinion.Vote.CHOSEN.value, Opinion.Vote.FOR.value})


@dataclass(frozen=True, slots=True)
class Voice:
    """One engine's opinion as it stands beside the others."""

    words: str
    icon: str
    proposal: Proposal | None
    opinion: Opinion

    @property
    def vote(self) -> str:
        return self.opinion.vote


@dataclass(frozen=True, slots=True)
class Hearing:
    """Everything that was said about one decision, who leads first and who differs last."""

    decision: Decision
    proposal: Proposal | None
    voices: tuple[Voice, ...]

    @property
    def votes(self) -> tuple[str, ...]:
        """One tick each for those who propose something: ok where they agree."""
        return tuple("ok" if voice.vote in AGREES else "none" for voice in self.voices if voice.vote)

    @property
    def agreement(self) -> str:
        return f"{self.votes.count('ok')} of {len(self.votes)} agree"

    @property
    def is_consensus(self) -> bool:
        return self.proposal is not None and self.proposal.source is Source.CONSENSUS

    @property
    def points(self) -> tuple[Point, ...]:
        """The critic's challenges; with the coordinator's answers where it gave some."""
        said = {voice.opinion.engine: voice.opinion.points for voice in self.voices}
        return tuple(Point.model_validate(point) for point in said.get("coordinator") or said.get("llm_critic") or ())

    @property
    def prompts(self) -> tuple[Voice, ...]:
        return tuple(voice for voice in self.voices if voice.opinion.prompt)


def hearing_of(decision: Decision) -> Hearing:
    order = {Opinion.Vote.CHOSEN.value: 0, Opinion.Vote.FOR.value: 1, Opinion.Vote.AGAINST.value: 2}
    opinions = sorted(decision.opinions.all(), key=lambda o: (order.get(o.vote, 3), -o.weight, o.pk))
    return Hearing(decision, decision.proposal, tuple(Voice(*engine_words(o.engine), o.proposal, o) for o in opinions))


def engine_words(name: str) -> tuple[str, str]:
    """How an engine is called on screen, and its symbol."""
    return ENGINES.get(name, (name.replace("_", " ").capitalize(), "rules"))


def missing_words(codes: Iterable[str]) -> list[str]:
    """What a proposal had to do without, for people."""
    return [MISSING.get(code) or f"Without the {engine_words(code)[0]}" for code in codes]
