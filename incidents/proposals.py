"""What engines are given and what they answer: plain values that travel, are stored and shown unchanged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, PlainValidator

from aiops.core.actions import Action, NotifyOnly, dump, load
from aiops.core.categories import Category
from aiops.core.scales import Risk, Severity
from aiops.core.targets import Target


def _action(value: Any) -> Action:
    return value if isinstance(value, Action) else load(value)


# An action inside another model: typed in memory, `dump`ed in JSON.
ActionField = Annotated[Action, PlainValidator(_action), PlainSerializer(dump, return_type=dict)]


class Source(StrEnum):
    """Who proposes."""

    PLAYBOOK = "playbook"
    LLM = "llm"
    CONSENSUS = "consensus"
    EXPERT_SYSTEM = "expert_system"
    HISTORY = "history"
    HUMAN = "human"


class EngineTiming(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    status: str
    ms: int


class Alternative(BaseModel):
    """Something else that could be done, with what speaks for and against it."""

    model_config = ConfigDict(frozen=True)

    action: ActionField
    reasoning: str = ""
    on_trial: bool = False


class Proposal(BaseModel):
    """One typed remediation with its reasons. `confidence` is 0.0 except from a calibrated model or an LLM."""

    model_config = ConfigDict(frozen=True)

    source: Source
    action: ActionField
    description: str
    reasoning: str
    category: Category = Category.OTHER
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    matched_playbook: int | None = None
    steps: tuple[ActionField, ...] = ()  # of a playbook with several steps, the first is `action`
    similarity: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    evidence_ids: tuple[int, ...] = ()
    engines: tuple[EngineTiming, ...] = ()
    engine_degraded: tuple[str, ...] = ()
    consensus_score: float | None = None
    model: str = ""
    provider: str = ""
    tokens: int = 0
    cost: float = 0.0
    model_led: bool = False  # without the models something else would be proposed, so a person agrees first

    @property
    def risk(self) -> Risk:
        return self.action.risk

    def to_json(self) -> dict[str, JsonValue]:
        data: dict[str, JsonValue] = self.model_dump(mode="json")
        return data


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """One alert as an engine sees it."""

    id: int
    name: str
    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    target: Target | None
    category: Category
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """One evidence item as an engine sees it; `facts` are the collector's typed values."""

    id: int
    kind: str
    title: str
    content: str
    facts: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that an engine may know about an incident. Engines are pure functions of this."""

    ref: str
    severity: Severity
    category: Category
    environment: str
    cluster: str
    namespace: str
    target: Target | None
    alert_name: str
    alerts: Sequence[AlertFacts]
    services: Sequence[str]
    anomaly_key: str
    frequency: Mapping[str, int]
    is_test: bool
    now: datetime
    evidence: Sequence[EvidenceFacts] = field(default_factory=tuple)
    in_vain: frozenset[str] = frozenset()  # patterns of acts that did not help lately; no engine proposes them again

    @property
    def root(self) -> AlertFacts:
        return self.alerts[0]


@dataclass(frozen=True, slots=True)
class View:
    """What an engine thinks of an incident.

    `leads`: it may become the proposal by itself; otherwise it informs, and `because` says why it does not lead or why there
    is no proposal. `right` of `asked` are the verified cases behind it, `record` the same for people.
    """

    proposal: Proposal | None = None
    leads: bool = True
    because: str = ""
    record: str = ""
    right: float = 0.0
    asked: float = 0.0


class Engine(Protocol):
    """One way of finding a proposal: a pure function of the facts."""

    @property
    def name(self) -> str: ...

    def view(self, facts: Facts) -> View: ...


class Point(BaseModel):
    """A challenge of the critic, with what the coordinator answered to it."""

    model_config = ConfigDict(frozen=True)

    challenge: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What asking one engine gave: a proposal, nothing, or the reason why there is none. Stored as an `Opinion`."""

    engine: str
    status: str
    ms: int
    proposal: Proposal | None = None
    error: str = ""
    leads: bool = True
    record: str = ""
    right: float = 0.0
    asked: float = 0.0
    prompt: str = ""
    points: tuple[Point, ...] = ()
    degraded: tuple[str, ...] = ()
    weight: float = 0.0  # its share of the consensus, 0..1
    vote: str = ""  # chosen, for, against, or nothing where it proposes nothing

    @property
    def is_model(self) -> bool:
        return self.engine in MODELS

    @property
    def reasoning(self) -> str:
        """What people read: its reasons, and why it does not lead."""
        said = self.proposal.reasoning if self.proposal else ""
        return f"{said} {self.error}".strip()


# The engines that ask a language model: alone for P2 and P3, as experts with different instructions for P0 and P1.
MODELS = frozenset({"llm", "llm_diagnostician", "llm_operator", "llm_critic", "coordinator"})


def tell_people(
    description: str, reasoning: str, *, target: Target | None = None, category: Category = Category.OTHER
) -> Proposal:
    """The safe answer: nothing changes, people look."""
    return Proposal(
        source=Source.EXPERT_SYSTEM,
        action=NotifyOnly(target=target),
        description=description,
        reasoning=reasoning,
        category=category,
    )
