"""What the API says of incidents and decisions. Written out: a model's columns are not an API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import Field, StringConstraints, create_model

from aiops.core.actions import Action, dump, load
from aiops.core.commands import render
from aiops.core.redaction import redact
from incidents.engines.playbook import Match
from incidents.models import Alert, Decision, Evidence, Hold, Opinion, QuarantinedAlert
from incidents.proposals import Proposal

ServiceName = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Text = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]


class TargetOut(Schema):
    kind: str
    namespace: str | None
    name: str


# `class` is no identifier in Python, hence the functional form.
ActionOut = create_model(
    "ActionOut",
    __base__=Schema,
    __doc__="A typed action; `command` is how a person would type it.",
    **{
        "class": (str, ...),
        "target": (TargetOut | None, ...),
        "parameters": (dict[str, Any], ...),
        "command": (str | None, ...),
    },  # type: ignore[call-overload]
)
ActionIn = create_model(
    "ActionIn",
    __base__=Schema,
    __doc__="A typed action to propose.",
    **{
        "class": (Annotated[str, StringConstraints(max_length=40)], ...),
        "target": (dict[str, Any] | None, None),
        "parameters": (dict[str, Any], Field(default_factory=dict)),
    },  # type: ignore[call-overload]
)


def action_out(action: Action) -> dict[str, Any]:
    return {**dump(action), "command": render(action)}


class AlertOut(Schema):
    id: int
    source: str
    fingerprint: str
    name: str
    status: Literal["firing", "resolved", "stale"]
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    labels: dict[str, str]
    annotations: dict[str, str]

    @staticmethod
    def resolve_labels(alert: Alert) -> dict[str, str]:
        return {name: redact(value) for name, value in alert.labels.items()}

    @staticmethod
    def resolve_annotations(alert: Alert) -> dict[str, str]:
        return {name: redact(value) for name, value in alert.annotations.items()}


class TimelineOut(Schema):
    at: datetime
    kind: str
    status: str
    title: str
    detail: str
    actor: str


class TimelinePage(Schema):
    items: list[TimelineOut]
    next_cursor: str | None


class EvidenceOut(Schema):
    id: int
    kind: str
    title: str
    at: datetime
    phase: Literal["before", "after"]
    content: str
    truncated: bool
    error: str | None

    @staticmethod
    def resolve_error(evidence: Evidence) -> str | None:
        return evidence.error or None


class BlastRadiusOut(Schema):
    score: int
    tier: str
    affected_pods: int | None
    estimated_downtime_s: float
    related_services: list[str]
    data_impact: str
    factors: list[dict[str, Any]] = []


class ReasonOut(Schema):
    code: str
    met: bool
    detail: str


class OpinionOut(Schema):
    engine: str
    status: str
    ms: int
    weight: float
    vote: str
    record: str
    action: Any = None
    reasoning: str
    points: list[dict[str, str]]
    prompt: str

    @staticmethod
    def of(opinion: Opinion) -> dict[str, Any]:
        proposal = opinion.proposal
        return {
            "engine": opinion.engine,
            "status": opinion.status,
            "ms": opinion.ms,
            "weight": opinion.weight,
            "vote": opinion.vote,
            "record": opinion.record,
            "action": action_out(proposal.action) if proposal else None,
            "reasoning": opinion.reasoning,
            "points": opinion.points,
            "prompt": opinion.prompt,
        }


class ProposalOut(Schema):
    source: str
    action: ActionOut
    description: str
    reasoning: str
    risk_level: str
    confidence: float
    blast_radius: BlastRadiusOut | None
    matched_playbook: int | None
    similarity: float | None
    alternatives: list[dict[str, Any]]
    opinions: list[OpinionOut] | None = None
    evidence: list[int]
    consensus_score: float | None
    engines: list[dict[str, Any]]
    engine_degraded: list[str]
    cluster: str | None
    model: str | None
    provider: str | None
    tokens: int
    cost: float


class DecisionOut(Schema):
    token: str
    state: Decision.State
    reason: str | None
    cause: str
    incident: str
    proposal: ProposalOut | None
    auto_approved: bool
    auto_approve_reasons: list[ReasonOut]
    sentence: str | None
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    error: str | None


def decision_out(decision: Decision, *, cluster: str, opinions: bool = True) -> dict[str, Any]:
    """A decision as clients see it; in lists its opinions are left out."""
    proposal, assessment = decision.proposal, decision.assessment or {}
    return {
        "token": decision.token,
        "state": decision.state,
        "reason": decision.reason or None,
        "cause": decision.cause,
        "incident": f"INC-{decision.incident_id}",
        "proposal": _proposal_out(decision, proposal, cluster=cluster, opinions=opinions) if proposal else None,
        "auto_approved": decision.auto_approved,
        "auto_approve_reasons": assessment.get("reasons", []),
        "sentence": assessment.get("sentence"),
        "created_at": decision.created_at,
        "ready_at": decision.ready_at,
        "expires_at": decision.expires_at,
        "error": decision.error or None,
    }


def _proposal_out(decision: Decision, proposal: Proposal, *, cluster: str, opinions: bool) -> dict[str, Any]:
    assessment = decision.assessment or {}
    # What was signed or will be: policy fills in absolute values that the engines left open.
    action = load(assessment["action"]) if "action" in assessment else proposal.action
    return {
        "source": proposal.source,
        "action": action_out(action),
        "description": proposal.description,
        "reasoning": proposal.reasoning,
        "risk_level": assessment.get("risk", proposal.risk),
        "confidence": proposal.confidence,
        "blast_radius": assessment.get("blast_radius"),
        "matched_playbook": proposal.matched_playbook,
        "similarity": proposal.similarity,
        "alternatives": [
            {"action": action_out(a.action), "reasoning": a.reasoning, "on_trial": a.on_trial} for a in proposal.alternatives
        ],
        "opinions": [OpinionOut.of(opinion) for opinion in decision.opinions.all()] if opinions else None,
        "evidence": list(proposal.evidence_ids),
        "consensus_score": proposal.consensus_score,
        "engines": [timing.model_dump() for timing in proposal.engines],
        "engine_degraded": list(proposal.engine_degraded),
        "cluster": cluster or None,
        "model": proposal.model or None,
        "provider": proposal.provider or None,
        "tokens": proposal.tokens,
        "cost": proposal.cost,
    }


class PlaybookMatchIn(Schema):
    incident: Annotated[str, StringConstraints(max_length=24)]


class PlaybookMatchOut(Schema):
    """`fields` are the scores, 0..1, of what the playbook states; `reason` says why it does not lead."""

    playbook: int
    name: str
    similarity: float
    fields: dict[str, float]
    explanation: str
    leads: bool
    reason: str | None
    success_rate: float | None
    runs: int
    steps: list[ActionOut]


def match_out(match: Match, steps: Sequence[Action]) -> dict[str, Any]:
    playbook = match.playbook
    return {
        "playbook": playbook.id,
        "name": playbook.name,
        "similarity": match.similarity,
        "fields": match.fields,
        "explanation": match.explanation,
        "leads": not match.reason and bool(steps),
        "reason": match.reason or (None if steps else "its steps cannot be aimed at this target"),
        "success_rate": playbook.rate,
        "runs": playbook.runs,
        "steps": [action_out(action) for action in steps],
    }


class MatcherIn(Schema):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    op: Literal["=", "!=", "=~", "!~"] = "="
    value: Annotated[str, StringConstraints(max_length=1000)] = ""


class HoldIn(Schema):
    """`until` ends the first occurrence; with `rrule` each one lasts as long as the first."""

    matchers: list[MatcherIn] = Field(default_factory=list, max_length=50)
    starts_at: datetime | None = Field(None, alias="from")
    until: datetime
    rrule: Annotated[str, StringConstraints(max_length=500)] = ""
    stops: list[Hold.Stops] = Field(min_length=1)
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]


# `from` is no identifier either.
HoldOut = create_model(
    "HoldOut",
    __base__=Schema,
    **{
        "id": (int, ...),
        "matchers": (list[MatcherIn], ...),
        "from": (datetime, ...),
        "until": (datetime, ...),
        "rrule": (str | None, ...),
        "stops": (list[Hold.Stops], ...),
        "reason": (str, ...),
        "incident": (str | None, ...),
        "by": (str, ...),
        "ended_at": (datetime | None, ...),
    },  # type: ignore[call-overload]
)


def hold_out(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.pk,
        "matchers": hold.matchers,
        "from": hold.starts_at,
        "until": hold.ends_at,
        "rrule": hold.rrule or None,
        "stops": hold.stops,
        "reason": hold.reason,
        "incident": f"INC-{hold.incident_id}" if hold.incident_id else None,
        "by": hold.created_by,
        "ended_at": hold.ended_at,
    }


class DependenciesIn(Schema):
    """All declared edges: `[from, to]` says that `from` needs `to`."""

    edges: list[tuple[ServiceName, ServiceName]] = Field(max_length=10_000)


class QuarantinedOut(Schema):
    id: int
    source: str
    received_at: datetime
    reason: str
    raw: str
    occurrences: int
    status: str

    @staticmethod
    def resolve_raw(row: QuarantinedAlert) -> str:
        return redact(row.raw)
