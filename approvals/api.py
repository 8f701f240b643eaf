"""Approvals, executions, the parser of commands and the autonomy switch over HTTP."""

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from ninja import Router

from aiops.access.authentication import ApiRequest
from aiops.core import actions, commands
from aiops.keyset import PageIn, page
from aiops.problems import REFUSALS, Problem
from approvals import autonomy, execution, proposals, rollbacks, signatures
from approvals.models import Approval, Attempt, Execution, Signature
from approvals.schemas import (
    ApprovalOut,
    ApprovalPage,
    ApproveIn,
    AutonomyIn,
    AutonomyOut,
    ExecutionOut,
    ExecutionPage,
    OverrideIn,
    ParseIn,
    ReasonIn,
    RejectIn,
    SettleIn,
    approval_out,
    execution_out,
)
from incidents.models import Incident
from incidents.schemas import ActionOut, action_out

router = Router(tags=["approvals"])


def approvals() -> QuerySet[Approval]:
    return Approval.objects.select_related("decision", "incident", "author").prefetch_related(
        Prefetch("signatures", Signature.objects.order_by("id"))
    )


def executions() -> QuerySet[Execution]:
    return Execution.objects.prefetch_related(Prefetch("attempts", Attempt.objects.order_by("n")))


@router.get("/approvals", response={200: ApprovalPage, REFUSALS: Problem})
def approval_list(request: ApiRequest, query: PageIn, status: Approval.Status | None = None) -> Any:
    rows = approvals() if status is None else approvals().filter(status=status)
    items, cursor = page(rows, query)
    return {"items": [approval_out(approval) for approval in items], "next_cursor": cursor}


@router.get("/approvals/{int:pk}", response={200: ApprovalOut, REFUSALS: Problem})
def approval(request: ApiRequest, pk: int) -> Any:
    return approval_out(approvals().get(pk=pk))


@router.post("/approvals/{int:pk}/approve", response={200: ApprovalOut, REFUSALS: Problem})
def approval_approve(request: ApiRequest, pk: int, body: ApproveIn) -> Any:
    """Sign what carries this digest; 409 `digest_changed` if something else stands now."""
    signatures.sign(approvals().get(pk=pk), request.principal, digest=body.digest, comment=body.comment)
    return approval_out(approvals().get(pk=pk))


@router.post("/approvals/{int:pk}/reject", response={200: ApprovalOut, REFUSALS: Problem})
def approval_reject(request: ApiRequest, pk: int, body: RejectIn) -> Any:
    signatures.reject(approvals().get(pk=pk), request.principal, kind=body.kind, reason=body.reason)
    return approval_out(approvals().get(pk=pk))


@router.post("/approvals/{int:pk}/override", response={200: ApprovalOut, REFUSALS: Problem})
def approval_override(request: ApiRequest, pk: int, body: OverrideIn) -> Any:
    """Another typed action instead: the new approval, `supersedes` names this one."""
    action = actions.load(body.action.model_dump())
    made = proposals.override(approvals().get(pk=pk), request.principal, action=action, reason=body.reason)
    return approval_out(approvals().get(pk=made.pk))


@router.get("/executions", response={200: ExecutionPage, REFUSALS: Problem})
def execution_list(request: ApiRequest, query: PageIn, incident: str | None = None) -> Any:
    rows = executions()
    if incident is not None:
        rows = rows.filter(incident=Incident.objects.by_ref(incident))
    items, cursor = page(rows, query, order=("-planned_at", "-id"))
    return {"items": [execution_out(found) for found in items], "next_cursor": cursor}


@router.get("/executions/{uuid:pk}", response={200: ExecutionOut, REFUSALS: Problem})
def execution_detail(request: ApiRequest, pk: UUID) -> Any:
    return execution_out(executions().get(pk=pk))


@router.post("/executions/{uuid:pk}/stop", response={200: ExecutionOut, REFUSALS: Problem})
def execution_stop(request: ApiRequest, pk: UUID, body: ReasonIn) -> Any:
    """Before the change is sent it is cancelled; after it no further step follows."""
    execution.request_stop(executions().get(pk=pk), request.principal, reason=body.reason)
    return execution_out(executions().get(pk=pk))


@router.post("/executions/{uuid:pk}/rollback", response={200: ExecutionOut, REFUSALS: Problem})
def execution_rollback(request: ApiRequest, pk: UUID, body: ReasonIn) -> Any:
    """Put back what this one changed, while it is as we made it: the execution that does so."""
    made = rollbacks.roll_back(executions().get(pk=pk), request.principal, reason=body.reason)
    return execution_out(executions().get(pk=made.pk))


@router.post("/executions/{uuid:pk}/settle", response={200: ExecutionOut, REFUSALS: Problem})
def execution_settle(request: ApiRequest, pk: UUID, body: SettleIn) -> Any:
    """A lead has looked at the target of an `ambiguous` one: is the change there?"""
    execution.settle(executions().get(pk=pk), request.principal, effect=body.effect, reason=body.reason)
    return execution_out(executions().get(pk=pk))


@router.post("/actions/parse", response={200: ActionOut, REFUSALS: Problem})
def action_parse(request: ApiRequest, body: ParseIn) -> Any:
    """The typed action of a kubectl, systemctl or docker command; 422 with the reason for anything else."""
    return action_out(commands.parse(body.command))


@router.get("/autonomy", response={200: AutonomyOut, REFUSALS: Problem})
def autonomy_state(request: ApiRequest) -> Any:
    return _autonomy()


@router.put("/autonomy", response={200: AutonomyOut, REFUSALS: Problem})
def autonomy_turn(request: ApiRequest, body: AutonomyIn) -> Any:
    """Off at any time; on again only in the dashboard with a fresh login (403 `step_up` here)."""
    autonomy.turn(body.enabled, request.principal, reason=body.reason)
    return _autonomy()


def _autonomy() -> dict[str, Any]:
    change = autonomy.current()
    if change is None:
        return {"enabled": True, "reason": None, "by": None, "at": None}
    return {"enabled": change.enabled, "reason": change.reason, "by": change.by, "at": change.at}
