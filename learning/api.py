"""Trust rows, their ledger and grants; playbooks; what history recommends for an anomaly."""

from typing import Annotated

from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Path, Router

from aiops.access import principals
from aiops.access.authentication import ApiRequest
from aiops.access.roles import Act
from aiops.keyset import PageIn, page
from aiops.problems import REFUSALS, Problem
from learning import grants, repairs, trust_page
from learning.models import Playbook, TrustGrant, TrustRecord
from learning.policy import conf_in_force
from learning.schemas import (
    GrantIn,
    PlaybookItem,
    PlaybookList,
    PlaybookOut,
    RecommendationOut,
    SummaryOut,
    TrustEventList,
    TrustEventOut,
    TrustList,
    TrustOut,
)

router = Router(by_alias=True, tags=["learning"])

AnomalyKey = Annotated[str, Path(max_length=16)]


@router.get("/trust", response={200: TrustList, REFUSALS: Problem})
def list_trust(request: ApiRequest, query: PageIn, pattern: str = "", environment: str = "", namespace: str = "") -> TrustList:
    principals.require(request.principal, Act.READ)
    found = trust_page.filtered(pattern=pattern, environment=environment, namespace=namespace)
    records, cursor = page(found, query)
    rows = trust_page.rows(records, conf=conf_in_force(), at=timezone.now())
    return TrustList(items=[TrustOut.of(row) for row in rows], next_cursor=cursor)


@router.get("/trust/{int:pk}", response={200: TrustOut, REFUSALS: Problem})
def get_trust(request: ApiRequest, pk: int) -> TrustOut:
    principals.require(request.principal, Act.READ)
    return _trust(get_object_or_404(TrustRecord, pk=pk))


@router.get("/trust/{int:pk}/events", response={200: TrustEventList, REFUSALS: Problem})
def list_trust_events(request: ApiRequest, pk: int, query: PageIn) -> TrustEventList:
    """The ledger of a row, newest first."""
    principals.require(request.principal, Act.READ)
    events, cursor = page(trust_page.ledger(get_object_or_404(TrustRecord, pk=pk)), query)
    return TrustEventList(items=[TrustEventOut.of(event) for event in events], next_cursor=cursor)


@router.post("/trust/{int:pk}/grants", response={200: TrustOut, REFUSALS: Problem})
def grant_trust(request: ApiRequest, pk: int, body: GrantIn) -> TrustOut:
    """Grant or revoke the step for a while; a grant needs a fresh dashboard login."""
    record = get_object_or_404(TrustRecord, pk=pk)
    grants.give(
        record,
        TrustGrant.Kind(body.kind),
        by=request.principal,
        until=body.until,
        reason=body.reason,
        conf=conf_in_force(),
        at=timezone.now(),
    )
    return _trust(record)


@router.delete("/trust/{int:pk}/grants/{int:grant_id}", response={200: TrustOut, REFUSALS: Problem})
def end_trust_grant(request: ApiRequest, pk: int, grant_id: int) -> TrustOut:
    """End a grant or a revoke before its time; one that has ended stays as it is."""
    grant = get_object_or_404(TrustGrant.objects.select_related("record"), pk=grant_id, record=pk)
    grants.end(grant, by=request.principal, at=timezone.now())
    return _trust(grant.record)


@router.get("/playbooks", response={200: PlaybookList, REFUSALS: Problem})
def list_playbooks(request: ApiRequest, query: PageIn, status: Playbook.Status | None = None) -> PlaybookList:
    principals.require(request.principal, Act.READ)
    found = Playbook.objects.filter(status=status) if status else Playbook.objects.all()
    playbooks, cursor = page(found, query)
    return PlaybookList(items=[PlaybookItem.of(playbook) for playbook in playbooks], next_cursor=cursor)


@router.get("/playbooks/{int:pk}", response={200: PlaybookOut, REFUSALS: Problem})
def get_playbook(request: ApiRequest, pk: int) -> PlaybookOut:
    principals.require(request.principal, Act.READ)
    return PlaybookOut.of(get_object_or_404(Playbook.objects.prefetch_related("steps"), pk=pk))


@router.get("/learning/recommendation/{anomaly_key}", response={200: RecommendationOut, REFUSALS: Problem})
def get_recommendation(request: ApiRequest, anomaly_key: AnomalyKey) -> RecommendationOut:
    """What history recommends for an anomaly; one that was never repaired gets the safe default."""
    principals.require(request.principal, Act.READ)
    found = repairs.recommendation(anomaly_key, None, conf=conf_in_force(), at=timezone.now())
    return RecommendationOut.of(anomaly_key, found)


@router.get("/learning/summary/{anomaly_key}", response={200: SummaryOut, REFUSALS: Problem})
def get_learning_summary(request: ApiRequest, anomaly_key: AnomalyKey) -> SummaryOut:
    """What was tried for an anomaly, and how it went."""
    principals.require(request.principal, Act.READ)
    found = repairs.summary(anomaly_key, conf=conf_in_force(), at=timezone.now())
    return SummaryOut.of(anomaly_key, found)


def _trust(record: TrustRecord) -> TrustOut:
    return TrustOut.of(trust_page.row(record, conf=conf_in_force(), at=timezone.now()))
