"""Decisions, timelines, evidence, holds, dependencies and quarantine over HTTP.

What answers with a whole incident is put together from several apps: `aiops/incident_api.py`.
"""

from typing import Any

from ninja import Router

from aiops.access.authentication import ApiRequest
from aiops.keyset import PageIn, page
from aiops.problems import REFUSALS, Problem
from incidents import decisions, dependencies, hold_acts, playbook_matches
from incidents.intake import quarantine, retrying
from incidents.models import Decision, Hold, Incident, QuarantinedAlert
from incidents.schemas import (
    DecisionOut,
    DependenciesIn,
    EvidenceOut,
    HoldIn,
    HoldOut,
    PlaybookMatchIn,
    PlaybookMatchOut,
    QuarantinedOut,
    TimelinePage,
    decision_out,
    hold_out,
    match_out,
)

router = Router(tags=["incidents"])


def _incident(ref: str) -> Incident:
    return Incident.objects.by_ref(ref)


def _decision(token: str) -> Decision:
    return Decision.objects.select_related("incident").prefetch_related("opinions").get(token=token)


@router.get("/incidents/{ref}/timeline", response={200: TimelinePage, REFUSALS: Problem})
def incident_timeline(request: ApiRequest, ref: str, query: PageIn) -> Any:
    """Newest first."""
    items, cursor = page(_incident(ref).timeline.all(), query)
    return {"items": items, "next_cursor": cursor}


@router.get("/incidents/{ref}/evidence", response={200: list[EvidenceOut], REFUSALS: Problem})
def incident_evidence(request: ApiRequest, ref: str) -> Any:
    """What was true when deciding and after acting."""
    return _incident(ref).evidence.order_by("-id")[:200]


@router.post("/incidents/{ref}/decision", response={200: DecisionOut, REFUSALS: Problem})
def incident_decision(request: ApiRequest, ref: str) -> Any:
    """The live decision, made if there is none."""
    incident = _incident(ref)
    decision = decisions.ask(incident, request.principal)
    return decision_out(_decision(decision.token), cluster=incident.cluster)


@router.get("/decisions/{token}", response={200: DecisionOut, REFUSALS: Problem})
def decision(request: ApiRequest, token: str) -> Any:
    found = _decision(token)
    return decision_out(found, cluster=found.incident.cluster)


@router.post("/decisions/{token}/reanalyze", response={200: DecisionOut, REFUSALS: Problem})
def decision_reanalyze(request: ApiRequest, token: str) -> Any:
    """Another look: a new decision; the old one stays readable."""
    found = _decision(token)
    again = decisions.reanalyse(found, request.principal)
    return decision_out(_decision(again.token), cluster=found.incident.cluster)


@router.post("/playbooks/match", response={200: list[PlaybookMatchOut], REFUSALS: Problem})
def match_playbooks(request: ApiRequest, body: PlaybookMatchIn) -> Any:
    """Every approved playbook for this kind of target, most alike first, with what matched and what keeps it from leading."""
    return [match_out(match, steps) for match, steps in playbook_matches.of(_incident(body.incident))]


@router.get("/holds", response={200: dict[str, Any], REFUSALS: Problem})
def hold_list(request: ApiRequest, query: PageIn) -> Any:
    items, cursor = page(Hold.objects.all(), query)
    return {"items": [hold_out(hold) for hold in items], "next_cursor": cursor}


@router.post("/holds", response={200: HoldOut, REFUSALS: Problem})
def hold_create(request: ApiRequest, body: HoldIn) -> Any:
    """A time in which deciding, acting or telling stops for what the matchers fit."""
    return hold_out(
        hold_acts.create(
            request.principal,
            matchers=[matcher.model_dump() for matcher in body.matchers],
            starts_at=body.starts_at,
            ends_at=body.until,
            rrule=body.rrule,
            stops=body.stops,
            reason=body.reason,
        )
    )


@router.delete("/holds/{int:pk}", response={200: HoldOut, REFUSALS: Problem})
def hold_end(request: ApiRequest, pk: int) -> Any:
    """End it now; what still fires is decided again."""
    return hold_out(hold_acts.end(Hold.objects.get(pk=pk), request.principal))


@router.get("/dependencies", response={200: dict[str, Any], REFUSALS: Problem})
def dependency_list(request: ApiRequest) -> Any:
    """`[from, to]`: `from` needs `to`."""
    return {"edges": dependencies.edges()}


@router.put("/dependencies", response={200: dict[str, Any], REFUSALS: Problem})
def dependency_replace(request: ApiRequest, body: DependenciesIn) -> Any:
    """Replace all declared edges."""
    return {"edges": dependencies.replace(body.edges, request.principal)}


@router.get("/quarantine", response={200: dict[str, Any], REFUSALS: Problem})
def quarantine_list(request: ApiRequest, query: PageIn, status: QuarantinedAlert.Status | None = None) -> Any:
    rows = QuarantinedAlert.objects.all()
    if status is not None:
        rows = rows.filter(status=status)
    items, cursor = page(rows, query, order=("-received_at", "-id"))
    return {"items": [QuarantinedOut.from_orm(row) for row in items], "next_cursor": cursor}


@router.post("/quarantine/{int:pk}/retry", response={200: QuarantinedOut, REFUSALS: Problem})
def quarantine_retry(request: ApiRequest, pk: int) -> Any:
    """Read it again, as after an update that understands it."""
    return retrying.retry(QuarantinedAlert.objects.get(pk=pk), request.principal)


@router.post("/quarantine/{int:pk}/discard", response={200: QuarantinedOut, REFUSALS: Problem})
def quarantine_discard(request: ApiRequest, pk: int) -> Any:
    return quarantine.discard(QuarantinedAlert.objects.get(pk=pk), request.principal)
