"""The shapes of the API of trust, playbooks and repair history."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import AwareDatetime, JsonValue

from aiops.core.actions import Action, dump
from aiops.core.commands import render
from aiops.core.reasons import Reason
from learning.judgement import Level
from learning.models import Playbook, TrustEvent, TrustGrant
from learning.ranking import History, Option, Recommendation, Summary
from learning.trust_page import TrustRow


class RepairOut(Schema):
    """A typed action; `command` is what a person would type for the same effect, None where there is no such thing."""

    action_class: str = Field(serialization_alias="class")
    target: dict[str, JsonValue] | None
    parameters: dict[str, JsonValue]
    command: str | None

    @classmethod
    def of(cls, action: Action) -> "RepairOut":
        plain = dump(action)
        return cls(
            action_class=action.action_class.value,
            target=plain["target"],  # type: ignore[arg-type]
            parameters=action.parameters,
            command=render(action),
        )


class GrantOut(Schema):
    id: int
    kind: Literal["grant", "revoke"]
    until: datetime
    reason: str
    by: str

    @classmethod
    def of(cls, grant: TrustGrant) -> "GrantOut":
        return cls(id=grant.pk, kind=grant.kind, until=grant.until, reason=grant.reason, by=grant.by.username)  # type: ignore[arg-type]


class GrantIn(Schema):
    kind: Literal["grant", "revoke"]
    until: AwareDatetime
    reason: str = Field(min_length=1, max_length=500)


class TrustOut(Schema):
    """A trust row. `successes`, `failures` are evidence of `evidence_at`; `mean`, `bound` are of now; `step`, `level`,
    `sentence` and `reasons` are for `tier`, the one of its last decision."""

    id: int
    pattern: str
    environment: str
    namespace: str
    alert_name: str
    successes: float
    failures: float
    evidence_at: datetime | None
    score: int
    mean: float
    bound: float
    need: float | None
    verified_days: int
    people: int
    agreed: int
    disagreed: int
    tier: str
    step: int
    level: Level
    sentence: str
    reasons: list[Reason]
    grants: list[GrantOut]

    @classmethod
    def of(cls, row: TrustRow) -> "TrustOut":
        record, standing = row.record, row.standing
        return cls(
            id=record.pk,
            pattern=record.pattern,
            environment=record.environment,
            namespace=record.namespace,
            alert_name=record.alert_name,
            successes=record.successes,
            failures=record.failures,
            evidence_at=record.evidence_at,
            score=record.score,
            mean=standing.mean,
            bound=standing.bound,
            need=standing.need,
            verified_days=record.verified_days,
            people=record.people,
            agreed=record.agreed,
            disagreed=record.disagreed,
            tier=record.tier,
            step=standing.step,
            level=standing.level,
            sentence=standing.sentence,
            reasons=list(standing.reasons),
            grants=[GrantOut.of(grant) for grant in row.grants],
        )


class TrustList(Schema):
    items: list[TrustOut]
    next_cursor: str | None


class TrustEventOut(Schema):
    """A line of the ledger, with the row that resulted."""

    id: int
    at: datetime
    written_at: datetime
    kind: str
    ds: float
    df: float
    dscore: int
    successes: float
    failures: float
    score: int
    step: int
    actor: str
    reason: str
    execution: UUID | None
    decision: int | None

    @classmethod
    def of(cls, event: TrustEvent) -> "TrustEventOut":
        return cls.model_validate(event, from_attributes=True)


class TrustEventList(Schema):
    items: list[TrustEventOut]
    next_cursor: str | None


class StepOut(Schema):
    """One typed step. `target_kind` and `target_name` are empty where the incident's own target is meant."""

    position: int
    action_class: str = Field(serialization_alias="class")
    target_kind: str
    target_name: str
    parameters: dict[str, JsonValue]
    risk: str
    expected_effect: str
    verify: str
    rollback: str


class SymptomsOut(Schema):
    """When it fits. `needs` is what evidence has to show beside the alert."""

    alert_names: list[str]
    categories: list[str]
    severities: list[str]
    services: list[str]
    labels: dict[str, str]
    needs: list[str]
    target_kind: str


class PlaybookItem(Schema):
    id: int
    name: str
    description: str
    status: str
    is_starter: bool
    symptoms: SymptomsOut
    runs: int
    success_rate: float | None
    trust: float
    confidence: float
    version: int
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def fields_of(cls, playbook: Playbook) -> dict[str, object]:
        plain = ("name", "description", "status", "is_starter", "runs", "success_rate", "trust", "confidence", "version")
        return {
            "id": playbook.pk,
            **{name: getattr(playbook, name) for name in (*plain, "created_at", "last_used_at")},
            "symptoms": SymptomsOut.model_validate(playbook, from_attributes=True),
        }

    @classmethod
    def of(cls, playbook: Playbook) -> "PlaybookItem":
        return cls.model_validate(cls.fields_of(playbook))


class PlaybookList(Schema):
    items: list[PlaybookItem]
    next_cursor: str | None


class PlaybookOut(PlaybookItem):
    steps: list[StepOut]
    source_incidents: list[int]

    @classmethod
    def of(cls, playbook: Playbook) -> "PlaybookOut":
        steps = [StepOut.model_validate(step, from_attributes=True) for step in playbook.steps.all()]
        return cls.model_validate(
            {**cls.fields_of(playbook), "steps": steps, "source_incidents": playbook.source_incidents},
        )


class OptionOut(Schema):
    """A repair with what is known of it for one anomaly; `lower`, `upper` bound its success rate at 80 %."""

    action: RepairOut
    trial: str
    runs: float
    successes: float
    failures: float
    success_rate: float | None
    lower: float
    upper: float
    average_seconds: float | None
    blast_score: int
    tier: str

    @classmethod
    def of(cls, option: Option) -> "OptionOut":
        return cls(
            action=RepairOut.of(option.action),
            trial=option.trial.value,
            runs=option.runs,
            successes=option.successes,
            failures=option.failures,
            success_rate=option.success_rate,
            lower=option.lower,
            upper=option.upper,
            average_seconds=option.average_seconds,
            blast_score=option.blast_score,
            tier=option.tier.value,
        )


class RecommendationOut(Schema):
    """`best_action` is the safe default, `notify_only`, where nothing is proven (tier 3 and 4); `best` is None then."""

    anomaly_key: str
    best_action: RepairOut
    best: OptionOut | None
    alternatives: list[OptionOut]
    tier: int
    average_seconds: float | None
    basis: str

    @classmethod
    def of(cls, anomaly_key: str, found: Recommendation) -> "RecommendationOut":
        return cls(
            anomaly_key=anomaly_key,
            best_action=RepairOut.of(found.action),
            best=OptionOut.of(found.best) if found.best else None,
            alternatives=[OptionOut.of(option) for option in found.alternatives],
            tier=found.tier.value,
            average_seconds=found.best.average_seconds if found.best else None,
            basis=found.basis,
        )


class SummaryOut(Schema):
    anomaly_key: str
    attempts: int
    overall_rate: float | None
    actions_tried: list[OptionOut]
    best_action: RepairOut | None
    status: History

    @classmethod
    def of(cls, anomaly_key: str, found: Summary) -> "SummaryOut":
        return cls(
            anomaly_key=anomaly_key,
            attempts=found.attempts,
            overall_rate=found.overall_rate,
            actions_tried=[OptionOut.of(option) for option in found.actions_tried],
            best_action=RepairOut.of(found.best.action) if found.best else None,
            status=found.status,
        )
