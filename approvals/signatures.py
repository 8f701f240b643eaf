"""What people do with an approval: sign and reject. The same rules whatever the way in.

Counting signatures needs the approval's row lock: two transactions that each count without it both see one.
"""

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.commands import render
from aiops.core.errors import Conflict, Invalid, NotAllowed
from aiops.core.scales import Risk, Tier
from approvals import approval_state, assessment
from approvals.models import Approval, Signature
from incidents import decision_state, holds
from incidents.models import Decision, Hold, Incident
from learning.answers import Answer, human_answer
from learning.policy import conf_in_force
from learning.scopes import Scope

S = Approval.Status
REJECT_KINDS = ("wrong_cause", "wrong_action", "not_now", "other")


def lock(approval: Approval) -> Approval:
    """The approval with its incident and decision, in the order in which everybody locks them."""
    Incident.objects.select_for_update(no_key=True).only("pk").get(pk=approval.incident_id)
    locked = Approval.objects.select_for_update(of=("self",)).select_related("incident", "decision", "author")
    return locked.get(pk=approval.pk)


@transaction.atomic
def sign(approval: Approval, by: Principal, *, digest: str, comment: str = "") -> Approval:
    """Add a signature under the digest that was seen; the one that completes the set starts the act.

    Signing twice changes nothing. NotAllowed for whom policy forbids, Conflict for an approval that is over, with
    another digest (`digest_changed`), held (`hold`) or whose target is busy (`target_busy`).
    """
    approval = lock(approval)
    if approval.signatures.filter(by=by.name).exists():
        return approval
    check_may_sign(approval, by, digest=digest)
    fresh = by.is_fresh
    Signature.objects.create(
        approval=approval, user=by.user, by=by.name, via=by.via, was_fresh=fresh, digest=digest, comment=comment[:1000]
    )
    record(
        by,
        Act.SIGN,
        "approval",
        approval.pk,
        incident=approval.incident.ref,
        digest=digest,
        command=render(approval.action) or approval.action.action_class.value,
        tier=approval.tier,
        comment=comment[:1000],
    )
    approval_state.announce_signature(approval, by, comment)
    signatures = list(approval.signatures.all())
    if len(signatures) >= approval.required_signatures:
        if approval.required_signatures > 1 and not any(signature.was_fresh for signature in signatures):
            raise NotAllowed(
                "one of two signatures is given in the dashboard with a login not older than 15 min; log in again and sign there",
                code="step_up",
            )
        assessment.start(approval, autonomous=False)
        for signature in signatures:
            answer(approval, Answer.APPROVE, signature.by)
    approval.refresh_from_db()
    return approval


def check_may_sign(approval: Approval, by: Principal, *, digest: str) -> None:
    """Raise for whatever stands against this person's signature now."""
    require(by, Act.SIGN, risk=Risk(approval.risk), tier=Tier(approval.tier))
    check_pending(approval)
    own = approval.author_id is not None and by.user is not None and approval.author_id == by.user.pk
    if own and conf_in_force().people_min > 1:
        raise NotAllowed("nobody signs their own proposal; somebody else has to")
    if digest != approval.digest:
        raise Conflict("what you saw is not what stands now; read it again", code="digest_changed", state=approval.status)
    words = holds.words_of_incident(approval.incident)
    if hold := holds.first_fitting(holds.in_force(timezone.now(), Hold.Stops.ACT), words):
        raise Conflict(f"acting is on hold: {hold.reason}", code="hold", state=approval.status)


def check_pending(approval: Approval) -> None:
    """Conflict unless it can still be answered, by the database's clock."""
    if not approval.is_pending:
        raise Conflict(f"this approval is {approval.status} already", code="not_pending", state=approval.status)
    if not Approval.objects.filter(pk=approval.pk, expires_at__gt=Now()).exists():
        raise Conflict("its time is over; analyse again for a new proposal", code="expired", state=S.EXPIRED)
    if approval.decision.state != Decision.State.READY or not approval.incident.is_live:
        state = approval.decision.state
        raise Conflict(f"its decision is {state.lower()}; nothing is left to sign", code="not_ready", state=state)


@transaction.atomic
def reject(approval: Approval, by: Principal, *, kind: str, reason: str) -> Approval:
    """End it with the reason. It teaches: why is what moves trust (`trust-model.md` §2)."""
    if kind not in REJECT_KINDS:
        raise Invalid(f"kind is one of {', '.join(REJECT_KINDS)}", loc=("kind",))
    approval = lock(approval)
    require(by, Act.REJECT, risk=Risk(approval.risk), tier=Tier(approval.tier))
    check_pending(approval)
    approval_state.advance(approval, S.REJECTED, actor=by, detail=reason, reject_kind=kind)
    decision_state.withdraw(approval.decision, Decision.Reason.REJECTED, actor=by, detail=reason)
    Incident.objects.filter(pk=approval.incident_id).update(disposition=Incident.Disposition.REJECTED)
    answer(approval, Answer.REJECT, by.name, reject_kind=kind, reason=reason)
    record(
        by, Act.REJECT, "approval", approval.pk, incident=approval.incident.ref, why=kind, reason=reason, digest=approval.digest
    )
    approval.refresh_from_db()
    return approval


def answer(approval: Approval, answer: Answer, actor: str, *, reject_kind: str = "", reason: str = "") -> None:
    """What people say of a proposal goes into the ledger of what was proposed."""
    if approval.incident.is_test:
        return
    scope = Scope.of(approval.action, environment=approval.incident.environment, alert_name=approval.incident.alert_name)
    human_answer(
        scope,
        answer,
        decision=approval.decision_id,
        actor=actor,
        at=timezone.now(),
        reject_kind=reject_kind,
        reason=reason,
        own=approval.author_id is not None,
    )
