"""The morning digest: what ran alone since somebody last looked, and the reviews that are owed for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from aiops.access.models import User
from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.live import Context, Fragment
from approvals.models import DigestLook, Execution, Review

FIRST_LOOK = timedelta(hours=24)  # what somebody who never looked is shown
LOOK_BACK = timedelta(days=14)
SHOWN = 100


class Line(NamedTuple):
    """One act that ran alone. `review` is None where none is owed."""

    at: datetime
    words: str
    ref: str
    address: str
    result: str
    css: str
    review: int | None


class Digest(NamedTuple):
    """What one viewer has not seen yet, newest first. `since` is None for who never looked: the last 24 hours."""

    since: datetime | None
    lines: Sequence[Line]
    may_review: bool

    @property
    def until(self) -> datetime | None:
        """Up to when this is everything: what comes later is in the next digest."""
        return self.lines[0].at if self.lines else None

    @property
    def worked(self) -> int:
        return sum(line.css == "ok" for line in self.lines)

    @property
    def failed(self) -> int:
        return sum(line.css == "bad" for line in self.lines)

    @property
    def owed(self) -> int:
        return sum(line.review is not None for line in self.lines)


def facts(key: str) -> Context:
    """The same for everybody: what ran alone lately, up to when each person has looked, and all open reviews."""
    now = timezone.now()
    alone = Execution.objects.filter(
        autonomous=True, direction=Execution.Direction.FORWARD, planned_at__gt=now - LOOK_BACK
    ).select_related("incident", "review")
    return {
        "recent": tuple(map(_line, alone.order_by("-planned_at", "-id")[:SHOWN])),
        "looks": dict(DigestLook.objects.values_list("user", "seen_until")),
        "open_reviews": Review.objects.open().count(),
        "first": now - FIRST_LOOK,
    }


def _line(run: Execution) -> Line:
    review: Review | None = getattr(run, "review", None)
    css = {"success": "ok", "failed": "bad"}.get(run.verification_result, "wait")
    if run.status in (Execution.Status.FAILED, Execution.Status.ROLLED_BACK):
        css = "bad"
    result = run.get_verification_result_display() if run.verified_at else run.get_status_display()
    return Line(
        at=run.planned_at,
        words=run.words,
        ref=run.incident.ref,
        address=run.incident.get_absolute_url(),
        result=result,
        css=css,
        review=review.pk if review is not None and review.answered_at is None else None,
    )


def unseen(facts: Context, viewer: Principal) -> Digest | None:
    """What this viewer has not looked at; None for who is no person."""
    if viewer.user is None:
        return None
    looks: Mapping[int, datetime] = facts["looks"]
    since = looks.get(viewer.user.pk)
    after = since or facts["first"]
    lines = tuple(line for line in facts["recent"] if line.at > after)
    return Digest(since, lines, viewer.may(Act.REVIEW))


@transaction.atomic
def look(user: User, *, until: datetime) -> DigestLook:
    """Everything up to `until` has been looked at; never back, and never ahead of now."""
    row, is_new = DigestLook.objects.get_or_create(user=user, defaults={"seen_until": min(until, timezone.now())})
    if not is_new:
        row.seen_until = max(row.seen_until, min(until, timezone.now()))
        row.save(update_fields=["seen_until"])
    return row


DIGEST = Fragment("digest", "approvals/_digest.html", facts, unseen)
