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

    @property
    def root(self) -> AlertFacts:
        return self.alerts[0]


class Engine(Protocol):
    """One way of finding a proposal. None: nothing to say about this incident."""

    @property
    def name(self) -> str: ...

    def propose(self, facts: Facts) -> Proposal | None: ...


@dataclass(frozen=True, slots=True)
class EngineAnswer:
    """What asking one engine gave: a proposal, nothing, or the reason why there is none."""

    engine: str
    status: str
    ms: int
    proposal: Proposal | None = None
    error: str = ""


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
