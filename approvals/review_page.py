"""The reviews that people owe, as the approvals page and the digest show them."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.live import Context, Fragment
from approvals import policy_in_force
from approvals.models import Review

SHOWN = 10


class Owed(NamedTuple):
    """One open review; after `until` its trust row asks a person."""

    review: Review
    until: datetime
    is_overdue: bool


def owed(limit: int = SHOWN) -> list[Owed]:
    """The open reviews, longest asked first."""
    now = timezone.now()
    after = timedelta(seconds=policy_in_force.now().approvals.review_overdue_s)
    rows = Review.objects.filter(answered_at=None).select_related("execution__incident", "execution__decision")
    return [Owed(row, row.asked_at + after, row.asked_at + after <= now) for row in rows.order_by("asked_at")[:limit]]


def facts(key: str) -> Context:
    conf = policy_in_force.now().approvals
    return {"owed": owed(), "one_in": conf.review_one_in, "hours": conf.review_overdue_s // 3600}


def may_answer(facts: Context, viewer: Principal) -> bool:
    return viewer.user is not None and viewer.may(Act.REVIEW)


REVIEWS = Fragment("reviews", "approvals/_reviews.html", facts, may_answer)
