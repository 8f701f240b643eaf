"""What people answered to a proposal, in the ledger of what was proposed (`trust-model.md` §2 and §5, shadow mode)."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from aiops.access.principals import AUTONOMY, SYSTEM
from learning import ledger
from learning.evidence import ANSWERS
from learning.models import TrustEvent
from learning.scopes import Scope


class Answer(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    OVERRIDE = "override"


NOT_NOW = "not_now"


@transaction.atomic
def human_answer(
    scope: Scope,
    answer: Answer,
    *,
    decision: int,
    actor: str,
    at: datetime,
    reject_kind: str = "",
    reason: str = "",
    own: bool = False,
) -> TrustEvent:
    """Write down what `actor` answered; the same answer to the same decision is written once.

    Called for each signer when their signatures have approved, and for who rejected or overrode. `reject_kind` is
    `wrong_cause`, `wrong_action`, `not_now` or `other`. `own`: a person proposed it, so it is no case for shadow mode:
    nobody agreed or disagreed with the system.
    """
    if actor in {AUTONOMY.name, SYSTEM.name}:
        raise ValueError(f"{actor} is nobody: only people answer")
    ledger.lock(scope)
    kind = TrustEvent.Kind(answer)
    said = TrustEvent.objects.filter(decision=decision, execution=None, kind=kind, actor=actor).first()
    if said is not None:
        return said
    moves = ANSWERS.get(f"{answer}:{reject_kind}", ANSWERS[answer])
    return ledger.append(
        scope,
        kind,
        ds=moves.ds,
        df=moves.df,
        dscore=moves.dscore,
        at=at,
        actor=actor,
        reason=": ".join(part for part in (reject_kind.replace("_", " "), reason) if part),
        decision=decision,
        agrees=None if own or reject_kind == NOT_NOW else answer is Answer.APPROVE,
    )
