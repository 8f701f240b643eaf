"""What people are told about approvals and acts."""

from aiops.access.models import User
from aiops.outbox.models import Channel
from approvals.models import Approval, Execution, Review
from incidents.messages import tell


def approval_opened(approval: Approval, *, sentence: str) -> int:
    """Somebody has to sign."""
    return tell(
        approval.incident,
        f"approval.opened:{approval.pk}",
        "approval.opened",
        approval=approval.pk,
        signatures=approval.required_signatures,
        tier=approval.tier,
        risk=approval.risk,
        digest=approval.digest[:8],
        expires_at=approval.expires_at.isoformat(),
        sentence=sentence,
    )


def execution_over(execution: Execution, words: str) -> int:
    """An act failed without an effect, or is unclear: a person has to look. What was tried is named."""
    return tell(
        execution.incident,
        f"execution.{execution.status}:{execution.pk}",
        f"execution.{execution.status}",
        execution=str(execution.pk),
        act=execution.words,
        reason=execution.reason,
        detail=words,
    )


def execution_verified(execution: Execution, words: str) -> int:
    """What it came to."""
    return tell(
        execution.incident,
        f"execution.verified:{execution.pk}",
        "execution.verified",
        execution=str(execution.pk),
        act=execution.words,
        result=execution.verification_result,
        detail=words,
        alone=execution.autonomous,
    )


def review_overdue(review: Review, words: str) -> int:
    """Nobody answered whether an act that ran alone was right."""
    execution = review.execution
    return tell(
        execution.incident,
        f"review.overdue:{review.pk}",
        "review.overdue",
        review=review.pk,
        act=execution.words,
        pattern=execution.pattern,
        detail=words,
    )


def asked_to_sign(approval: Approval, user: User, *, step: int, channel: Channel | None) -> int:
    """One person is asked, by their channel or by all of them. `step` is their place in the order of asking."""
    return _escalated(approval, step, asked=str(user), recipient=user.username, channel=channel)


def page_on_call(approval: Approval, channel: Channel, *, step: int) -> int:
    """Whoever is on call there is woken."""
    return _escalated(approval, step, asked="on call", recipient="on-call", channel=channel)


def _escalated(approval: Approval, step: int, *, asked: str, recipient: str, channel: Channel | None) -> int:
    return tell(
        approval.incident,
        f"approval.escalated:{approval.pk}:{step}",
        "approval.escalated",
        recipient=recipient,
        channel=channel,
        approval=approval.pk,
        asked=asked,
        step=step,
        signatures=approval.required_signatures,
        tier=approval.tier,
        risk=approval.risk,
        digest=approval.digest[:8],
        expires_at=approval.expires_at.isoformat(),
    )
