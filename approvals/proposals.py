"""What people propose themselves: instead of a proposal (override) or beside one. Same policy, source `human`.

The target is read before anything is written: whoever proposes learns at once why it cannot be done.
"""

from django.db import transaction

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.actions import Action, ScaleDown, ScaleUp
from aiops.core.clusters import Cluster
from aiops.core.commands import render
from aiops.core.errors import Conflict, Invalid
from approvals import approval_state, assessment, planning, policy_in_force, signatures, surveys
from approvals.models import Approval
from approvals.plans import Plan
from incidents import decision_state, decisions
from incidents.models import Decision, Incident
from incidents.proposals import Proposal, Source
from learning.answers import Answer

S = Decision.State


def override(approval: Approval, by: Principal, *, action: Action, reason: str) -> Approval:
    """Replace a pending proposal by another typed action: a new decision and approval, the old ones end."""
    require(by, Act.OVERRIDE)
    signatures.check_pending(Approval.objects.select_related("incident", "decision").get(pk=approval.pk))
    plan = _planned(approval.incident, action, reason)
    with transaction.atomic():
        old = signatures.lock(approval)
        signatures.check_pending(old)
        approval_state.advance(old, Approval.Status.OVERRIDDEN, actor=by, detail=reason)
        decision_state.withdraw(old.decision, Decision.Reason.OVERRIDDEN, actor=by, detail=reason)
        Incident.objects.filter(pk=old.incident_id).update(disposition=Incident.Disposition.HUMAN_OVERRIDDEN)
        signatures.answer(old, Answer.OVERRIDE, by.name, reason=reason)
        return _open(old.incident, by, plan, reason=reason, act=Act.OVERRIDE, supersedes=old)


def propose(incident: Incident, by: Principal, *, action: Action, reason: str) -> Approval:
    """A person's own proposal for an incident. What was proposed and not signed yet is overridden by it."""
    require(by, Act.PROPOSE)
    pending = Approval.objects.filter(incident=incident, status=Approval.Status.PENDING).first()
    if pending is not None:
        return override(pending, by, action=action, reason=reason)
    plan = _planned(incident, action, reason)
    with transaction.atomic():
        incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
        live = Decision.objects.filter(incident=incident, state__in=Decision.LIVE).first()
        if live is not None:
            if live.state == S.EXECUTING:
                raise Conflict("an act is under way; it is verified first", code="executing", state=live.state)
            decision_state.withdraw(live, Decision.Reason.OVERRIDDEN, actor=by, detail=reason)
        return _open(incident, by, plan, reason=reason, act=Act.PROPOSE, supersedes=None)


def _planned(incident: Incident, action: Action, reason: str) -> Plan:
    if not reason.strip():
        raise Invalid("say why, for those who sign", loc=("reason",))
    if not incident.is_live:
        raise Conflict(f"{incident.ref} is {incident.status}", code="not_live", state=incident.status)
    if refused := assessment.not_here(incident, action):
        raise Conflict(refused.words, code=refused.code, state=incident.status)
    cluster = surveys.cluster_named(incident.cluster)
    assert cluster is not None
    return _plan(action, cluster)


def _plan(action: Action, cluster: Cluster) -> Plan:
    """A command says how many replicas, not whether these are more or fewer: the live object does."""
    conf = policy_in_force.now().approvals
    try:
        return planning.plan(action, cluster, conf=conf)
    except Conflict as refused:
        if not isinstance(action, ScaleUp) or action.replicas is None or refused.code != "nothing_to_do":
            raise
        return planning.plan(ScaleDown(target=action.target, replicas=action.replicas), cluster, conf=conf)


def _open(incident: Incident, by: Principal, plan: Plan, *, reason: str, act: Act, supersedes: Approval | None) -> Approval:
    proposal = Proposal(
        source=Source.HUMAN,
        action=plan.action,
        description=f"{plan.action.spec.words} {plan.action.target.name if plan.action.target else ''}".strip(),
        reasoning=reason,
    )
    decision = decisions.propose_ready(incident, proposal, by=by)
    approval = assessment.settle(decision, plan, broker_up=True, author=by.user, supersedes=supersedes)
    record(by, act, "incident", incident.ref, incident=incident.ref, command=render(plan.action), reason=reason)
    if approval is None:
        decision.refresh_from_db()
        raise Conflict(
            f"it cannot be done here: {(decision.assessment or {}).get('sentence', 'blocked')}", code="blocked", state="blocked"
        )
    return approval
