"""Reviews of autonomous acts over HTTP."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from ninja import Router, Schema
from pydantic import StringConstraints

from aiops.access.authentication import ApiRequest
from aiops.access.principals import require
from aiops.access.roles import Act
from aiops.keyset import PageIn, page
from aiops.problems import REFUSALS, Problem
from approvals import reviews
from approvals.models import Review
from incidents.schemas import ActionOut, action_out

router = Router(tags=["approvals"])


class ReviewOut(Schema):
    """`right` is None while nobody has answered."""

    id: int
    incident: str
    execution: str
    action: ActionOut
    pattern: str
    why: Review.Why
    verification: str | None
    asked_at: datetime
    right: bool | None
    by: str | None
    note: str
    answered_at: datetime | None


class ReviewPage(Schema):
    items: list[ReviewOut]
    next_cursor: str | None


class ReviewIn(Schema):
    right: bool
    note: Annotated[str, StringConstraints(max_length=1000)] = ""


@router.get("/reviews", response={200: ReviewPage, REFUSALS: Problem})
def review_list(request: ApiRequest, query: PageIn, open: bool | None = None) -> Any:
    """Reviews, newest first; with `open`, those without an answer, or those with one."""
    require(request.principal, Act.READ)
    rows = _rows() if open is None else _rows().filter(answered_at__isnull=open)
    items, cursor = page(rows, query)
    return {"items": [_out(review) for review in items], "next_cursor": cursor}


@router.post("/reviews/{int:pk}", response={200: ReviewOut, REFUSALS: Problem})
def review_answer(request: ApiRequest, pk: int, body: ReviewIn) -> Any:
    """Was the act right? "No" needs a note. Answering again replaces the answer."""
    reviews.answer(_rows().get(pk=pk), request.principal, right=body.right, note=body.note)
    return _out(_rows().get(pk=pk))


def _rows() -> QuerySet[Review]:
    return Review.objects.select_related("execution__incident")


def _out(review: Review) -> dict[str, Any]:
    run = review.execution
    return {
        "id": review.pk,
        "incident": run.incident.ref,
        "execution": str(run.pk),
        "action": action_out(run.action),
        "pattern": run.pattern,
        "why": review.why,
        "verification": run.verification_result or None,
        "asked_at": review.asked_at,
        "right": review.right,
        "by": review.by or None,
        "note": review.note,
        "answered_at": review.answered_at,
    }
