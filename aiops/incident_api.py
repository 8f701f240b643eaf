"""Incidents over HTTP. An incident is put together from several apps (alerts, decision, approval, executions), which is
why these calls stand here and not in one of them.
"""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from ninja import Field, Query, Router, Schema
from pydantic import StringConstraints

from aiops.access.authentication import ApiRequest
from aiops.core import actions
from aiops.keyset import LIMIT, LIMIT_MAX, PageQuery, page
from aiops.problems import REFUSALS, Problem
from approvals import feedback, proposals
from approvals.models import Approval, Attempt, Execution, Signature
from approvals.schemas import ApprovalOut, ExecutionOut, approval_out, execution_out
from incidents import closing, facts, hold_acts, merging, ownership, postmortem
from incidents.models import Decision, Incident
from incidents.schemas import ActionIn, AlertOut, DecisionOut, TargetOut, Text, decision_out
from incidents.search import matching

router = Router(tags=["incidents"])

ORDER = ("-opened_at", "-id")


class IncidentBrief(Schema):
    """An incident without its longest parts, as lists show it."""

    ref: str
    title: str
    status: Incident.Status
    severity: str
    category: str
    environment: str
    cluster: str | None
    namespace: str | None
    target: TargetOut | None
    owner: dict[str, Any] | None
    services: list[str]
    anomaly_key: str
    frequency: dict[str, int]
    root_alert: int | None
    decision: DecisionOut | None
    approval: ApprovalOut | None
    disposition: str | None
    is_test: bool
    opened_at: datetime
    resolved_at: datetime | None


class OutcomeOut(Schema):
    execution_success: bool | None
    effectiveness_score: int | None
    notes: str


class IncidentOut(IncidentBrief):
    alerts: list[AlertOut]
    executions: list[ExecutionOut]
    outcome: OutcomeOut | None
    holds: list[int] = []
    merged_into: str | None
    split_from: str | None


class IncidentPage(Schema):
    items: list[IncidentBrief]
    next_cursor: str | None


class IncidentFilter(Schema):
    status: str | None = None
    severity: str | None = None
    namespace: str | None = None
    service: str | None = None
    q: str | None = None
    limit: int = Field(LIMIT, ge=1, le=LIMIT_MAX)
    cursor: str | None = None


def with_parts(rows: QuerySet[Incident]) -> QuerySet[Incident]:
    """Everything that a brief incident shows, in a constant number of queries."""
    decisions = Decision.objects.order_by("-id")
    approvals = Approval.objects.order_by("-id").prefetch_related(Prefetch("signatures", Signature.objects.order_by("id")))
    return rows.select_related("owner").prefetch_related(
        Prefetch("decisions", decisions), Prefetch("approvals", approvals.select_related("decision", "incident"))
    )


def brief(incident: Incident, frequency: dict[str, int], *, opinions: bool = False) -> dict[str, Any]:
    target, now = incident.target, timezone.now()
    decision = next(iter(incident.decisions.all()), None)
    approval = next(iter(incident.approvals.all()), None)
    owned = incident.owned_at(now) and incident.owner is not None
    return {
        "ref": incident.ref,
        "title": incident.title,
        "status": incident.status,
        "severity": incident.severity,
        "category": incident.category,
        "environment": incident.environment,
        "cluster": incident.cluster or None,
        "namespace": incident.namespace or None,
        "target": target.model_dump() if target else None,
        "owner": {"by": incident.owner.username, "until": incident.owner_until} if owned and incident.owner else None,
        "services": incident.services,
        "anomaly_key": incident.anomaly_key,
        "frequency": frequency,
        "root_alert": incident.root_alert_id,
        "decision": decision_out(decision, cluster=incident.cluster, opinions=opinions) if decision else None,
        "approval": approval_out(approval) if approval else None,
        "disposition": incident.disposition or None,
        "is_test": incident.is_test,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
    }


def whole(pk: int) -> dict[str, Any]:
    """One incident with all its parts."""
    incident = with_parts(Incident.objects.filter(pk=pk)).get()
    executions = Execution.objects.filter(incident=incident).prefetch_related(Prefetch("attempts", Attempt.objects.order_by("n")))
    rated = incident.execution_success is not None or incident.effectiveness_score is not None or incident.notes
    return {
        **brief(incident, facts.frequency(incident.anomaly_key, timezone.now()), opinions=True),
        "alerts": list(incident.alerts.order_by("first_seen")[:500]),
        "executions": [execution_out(execution) for execution in executions],
        "merged_into": f"INC-{incident.merged_into_id}" if incident.merged_into_id else None,
        "split_from": f"INC-{incident.split_from_id}" if incident.split_from_id else None,
        "outcome": {
            "execution_success": incident.execution_success,
            "effectiveness_score": incident.effectiveness_score,
            "notes": incident.notes,
        }
        if rated
        else None,
    }


def _incident(ref: str) -> Incident:
    return Incident.objects.by_ref(ref)


@router.get("/incidents", response={200: IncidentPage, REFUSALS: Problem})
def incidents(request: ApiRequest, wanted: Annotated[IncidentFilter, Query()]) -> Any:
    """Newest first. `status` may name several, comma-separated; `q` searches title, reference, service and alert name."""
    rows: QuerySet[Incident] = Incident.objects.all()
    if wanted.status:
        rows = rows.filter(status__in=wanted.status.split(","))
    if wanted.severity:
        rows = rows.filter(severity__in=wanted.severity.split(","))
    if wanted.namespace:
        rows = rows.filter(namespace=wanted.namespace)
    if wanted.service:
        rows = rows.filter(services__contains=[wanted.service])
    if wanted.q:
        rows = matching(rows, wanted.q[:200])
    found, cursor = page(with_parts(rows), PageQuery(limit=wanted.limit, cursor=wanted.cursor), order=ORDER)
    counts = facts.frequencies([incident.anomaly_key for incident in found], timezone.now())
    return {"items": [brief(incident, counts[incident.anomaly_key]) for incident in found], "next_cursor": cursor}


@router.get("/incidents/{ref}", response={200: IncidentOut, REFUSALS: Problem})
def incident(request: ApiRequest, ref: str) -> Any:
    return whole(_incident(ref).pk)


class FeedbackIn(Schema):
    score: int = Field(ge=1, le=5)
    notes: Text = ""


@router.post("/incidents/{ref}/feedback", response={200: IncidentOut, REFUSALS: Problem})
def incident_feedback(request: ApiRequest, ref: str, body: FeedbackIn) -> Any:
    """Rate the last execution from 1 to 5."""
    found = _incident(ref)
    feedback.rate(found, request.principal, score=body.score, notes=body.notes)
    return whole(found.pk)


class NoteIn(Schema):
    note: Text = ""


@router.post("/incidents/{ref}/resolve", response={200: IncidentOut, REFUSALS: Problem})
def incident_resolve(request: ApiRequest, ref: str, body: NoteIn) -> Any:
    return whole(closing.resolve(_incident(ref), request.principal, note=body.note).pk)


@router.post("/incidents/{ref}/close", response={200: IncidentOut, REFUSALS: Problem})
def incident_close(request: ApiRequest, ref: str) -> Any:
    return whole(closing.close(_incident(ref), request.principal).pk)


@router.post("/incidents/{ref}/reopen", response={200: IncidentOut, REFUSALS: Problem})
def incident_reopen(request: ApiRequest, ref: str, body: NoteIn) -> Any:
    """It is not over: open again, with a new decision."""
    return whole(closing.open_again(_incident(ref), request.principal, note=body.note).pk)


class OwnIn(Schema):
    until: datetime | None = None


@router.post("/incidents/{ref}/own", response={200: IncidentOut, REFUSALS: Problem})
def incident_own(request: ApiRequest, ref: str, body: OwnIn) -> Any:
    """ "I have it", until a time."""
    return whole(ownership.own(_incident(ref), request.principal, until=body.until).pk)


@router.delete("/incidents/{ref}/own", response={200: IncidentOut, REFUSALS: Problem})
def incident_release(request: ApiRequest, ref: str) -> Any:
    return whole(ownership.release(_incident(ref), request.principal).pk)


class SilenceIn(Schema):
    for_s: int
    comment: Text = ""


@router.post("/incidents/{ref}/silence", response={200: IncidentOut, REFUSALS: Problem})
def incident_silence(request: ApiRequest, ref: str, body: SilenceIn) -> Any:
    """A `notify` hold on the labels of its alerts."""
    found = _incident(ref)
    hold_acts.silence(found, request.principal, for_s=body.for_s, comment=body.comment)
    return whole(found.pk)


Reason = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]


class MergeIn(Schema):
    into: Annotated[str, StringConstraints(max_length=20)]
    reason: Reason


@router.post("/incidents/{ref}/merge", response={200: IncidentOut, REFUSALS: Problem})
def incident_merge(request: ApiRequest, ref: str, body: MergeIn) -> Any:
    """It is what `into` is about: its alerts go there, it is closed and points there. Answers with `into`."""
    return whole(merging.merge(_incident(ref), _incident(body.into), request.principal, reason=body.reason).pk)


class SplitIn(Schema):
    alerts: list[int] = Field(min_length=1, max_length=1000)
    reason: Reason


@router.post("/incidents/{ref}/split", response={200: IncidentOut, REFUSALS: Problem})
def incident_split(request: ApiRequest, ref: str, body: SplitIn) -> Any:
    """These alerts are another problem: they open an incident of their own, with its own decision. Answers with that."""
    return whole(merging.split(_incident(ref), body.alerts, request.principal, reason=body.reason).pk)


class ProposeIn(Schema):
    action: ActionIn
    reason: Reason


@router.post("/incidents/{ref}/propose", response={200: ApprovalOut, REFUSALS: Problem})
def incident_propose(request: ApiRequest, ref: str, body: ProposeIn) -> Any:
    """A typed action of one's own; same policy, somebody else signs."""
    action = actions.load(body.action.model_dump())
    approval = proposals.propose(_incident(ref), request.principal, action=action, reason=body.reason)
    return approval_out(approval)


@router.get("/incidents/{ref}/postmortem")
def incident_postmortem(request: ApiRequest, ref: str) -> HttpResponse:
    """Timeline, evidence, decisions, acts and outcome, as Markdown."""
    return HttpResponse(postmortem.write(_incident(ref)), content_type="text/markdown; charset=utf-8")
