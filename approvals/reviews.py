"""Was this right? Some of what ran alone is looked at by a person afterwards (`trust-model.md` §5).

One in so many acts, drawn by the act's own random id, and the first of each trust row. An answer corrects what the run
counts; one that is missing for too long takes its trust row's step away until it is there.
"""

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Invalid
from aiops.live import publish
from approvals import messages, policy_in_force
from approvals.models import Execution, Review
from incidents.models import TimelineEvent
from learning import hindsight

BATCH = 50


def ask(execution: Execution) -> Review | None:
    """Ask about an autonomous act that has just been verified, if it is one of those; in the transaction of its verdict."""
    if not execution.autonomous or execution.direction == Execution.Direction.ROLLBACK:
        return None
    if is_first(execution):
        why = Review.Why.FIRST
    elif execution.pk.int % policy_in_force.now().approvals.review_one_in == 0:
        why = Review.Why.SAMPLED
    else:
        return None
    review, _ = Review.objects.get_or_create(execution=execution, defaults={"why": why})
    return review


def is_first(execution: Execution) -> bool:
    """Whether nobody was asked yet about an act of this trust row."""
    asked = Review.objects.filter(
        execution__pattern=execution.pattern,
        execution__environment=execution.environment,
        execution__namespace=execution.namespace,
        execution__alert_name=execution.alert_name,
    )
    return not asked.exists()


@transaction.atomic
def answer(review: Review, by: Principal, *, right: bool, note: str = "") -> Review:
    """Say whether the act was right; "no" needs a reason and makes a success a failure. The latest answer counts.

    Raises NotAllowed below responder and for services, Invalid for a "no" without a reason.
    """
    require(by, Act.REVIEW)
    note = note.strip()[:1000]
    if not right and not note:
        raise Invalid("say what was wrong with it, for those who decide next time", loc=("note",))
    review = Review.objects.select_for_update(of=("self",)).select_related("execution__incident").get(pk=review.pk)
    execution = review.execution
    hindsight.review(execution.pk, right=right, actor=by.name, at=timezone.now(), note=note)
    review.right, review.note, review.by, review.answered_at = right, note, by.name, timezone.now()
    review.save(update_fields=["right", "note", "by", "answered_at"])
    word = "right" if right else "wrong"
    TimelineEvent.record(
        execution.incident_id,
        "review.answered",
        f"{execution.words}: reviewed as {word}",
        detail=note,
        actor=by.name,
        status="ok" if right else "bad",
    )
    record(by, Act.REVIEW, "execution", execution.pk, incident=execution.incident.ref, right=right, note=note)
    publish("overview", "approvals", execution.incident.topic)
    return review


def tell_overdue() -> int:
    """Reviews that have just become overdue: people are told once, and pages show the level that follows."""
    after_s = policy_in_force.now().approvals.review_overdue_s
    with transaction.atomic():
        late = Review.objects.overdue(timezone.now(), after_s).filter(overdue_told_at=None).order_by("asked_at")
        rows = list(late.select_for_update(skip_locked=True, of=("self",)).select_related("execution__incident")[:BATCH])
        Review.objects.filter(pk__in=[row.pk for row in rows]).update(overdue_told_at=Now())
        for review in rows:
            pattern = review.execution.pattern
            words = f"Nobody has said whether it was right: {pattern} asks a person again until somebody does"
            TimelineEvent.record(review.execution.incident_id, "review.overdue", words, status="wait")
            messages.review_overdue(review, words)
        if rows:
            publish("overview", "approvals")
    return len(rows)
