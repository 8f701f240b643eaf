"""What the API says of approvals and executions."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import StringConstraints

from aiops.core.actions import load
from approvals.models import Approval, Execution
from incidents.schemas import ActionIn, ActionOut, Text, action_out

Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]


class SignatureOut(Schema):
    by: str
    via: str
    at: datetime
    comment: str


class ApprovalOut(Schema):
    id: int
    incident: str
    decision: str
    status: Approval.Status
    reason: str | None
    action: ActionOut
    digest: str
    tier: str
    risk: str
    supersedes: int | None
    required_signatures: int
    signatures: list[SignatureOut]
    author: str | None
    created_at: datetime
    expires_at: datetime
    auto_at: datetime | None
    steps: list[ActionOut]


class ApprovalPage(Schema):
    items: list[ApprovalOut]
    next_cursor: str | None


def approval_out(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.pk,
        "incident": f"INC-{approval.incident_id}",
        "decision": approval.decision.token,
        "status": approval.status,
        "reason": approval.reason or None,
        "action": action_out(approval.action),
        "digest": approval.digest,
        "tier": approval.tier,
        "risk": approval.risk,
        "supersedes": approval.supersedes_id,
        "required_signatures": approval.required_signatures,
        "signatures": list(approval.signatures.all()),
        "author": approval.author.username if approval.author else None,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "auto_at": approval.auto_at,
        "steps": [action_out(load(step["action"])) for step in approval.steps],
    }


class AttemptOut(Schema):
    n: int
    started_at: datetime
    finished_at: datetime | None
    outcome: str
    error: str | None
    transient: bool


class VerificationOut(Schema):
    result: Literal["success", "degraded", "failed", "timeout"] | None
    reason: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    checks: list[Any] = []


class ExecutionOut(Schema):
    """`id` is the mark that the change leaves on its target."""

    id: UUID
    incident: str
    approval: int
    step: int
    direction: Execution.Direction
    action: ActionOut
    status: Execution.Status
    reason: str | None
    detail: str
    autonomous: bool
    attempts: list[AttemptOut]
    dry_run: dict[str, Any]
    duration_ms: int | None
    verification: VerificationOut
    rollback_triggered: bool
    reverses: UUID | None
    planned_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ExecutionPage(Schema):
    items: list[ExecutionOut]
    next_cursor: str | None


def execution_out(execution: Execution) -> dict[str, Any]:
    verification = execution.verification
    return {
        "id": execution.pk,
        "incident": f"INC-{execution.incident_id}",
        "approval": execution.approval_id,
        "step": execution.step,
        "direction": execution.direction,
        "action": action_out(execution.action),
        "status": execution.status,
        "reason": execution.reason or None,
        "detail": execution.detail,
        "autonomous": execution.autonomous,
        "attempts": [
            {
                "n": attempt.n,
                "started_at": attempt.started_at,
                "finished_at": attempt.finished_at,
                "outcome": attempt.outcome,
                "error": attempt.error or None,
                "transient": attempt.transient,
            }
            for attempt in execution.attempts.all()
        ],
        "dry_run": execution.dry_run,
        "duration_ms": execution.duration_ms(),
        "verification": {
            "result": execution.verification_result or None,
            "reason": execution.verification_reason or None,
            "before": verification.get("before", {}),
            "after": verification.get("after", {}),
            "checks": verification.get("checks", []),
        },
        "rollback_triggered": execution.rollback_triggered,
        "reverses": execution.reverses_id,
        "planned_at": execution.planned_at,
        "started_at": execution.started_at,
        "finished_at": execution.finished_at,
    }


class ApproveIn(Schema):
    digest: Annotated[str, StringConstraints(max_length=64)]
    comment: Text = ""


class RejectIn(Schema):
    kind: Literal["wrong_cause", "wrong_action", "not_now", "other"]
    reason: Text = ""


class OverrideIn(Schema):
    action: ActionIn
    reason: Reason


class ReasonIn(Schema):
    reason: Reason


class SettleIn(Schema):
    """What a lead saw at the target: whether the change is there."""

    effect: bool
    reason: Reason


class ParseIn(Schema):
    command: Annotated[str, StringConstraints(max_length=2000)]


class AutonomyIn(Schema):
    enabled: bool
    reason: Reason


class AutonomyOut(Schema):
    enabled: bool
    reason: str | None
    by: str | None
    at: datetime | None
