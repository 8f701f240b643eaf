"""From a READY decision to its approval: plan against the live object, judge, and start or ask (`domain.md` §3–4).

What changes nothing, is blocked, is a test, or cannot be carried out here has no approval: people are told and the
decision stays READY until its incident ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from pydantic import JsonValue

from aiops import events
from aiops.access.models import User
from aiops.access.principals import AUTONOMY, SYSTEM
from aiops.core.actions import Action, dump
from aiops.core.errors import Conflict, DomainError, Unavailable
from aiops.core.scales import Tier
from aiops.live import publish
from approvals import approval_state, execution, messages, planning, policy_in_force, surveys
from approvals.approval_state import approval_opened
from approvals.models import Approval, Signature
from approvals.plans import Plan
from approvals.policy import Inputs, Verdict, assessment_of, judge, together
from approvals.policy_in_force import Policy
from approvals.reach import has_executor
from incidents import decision_state, incident_state
from incidents.models import Decision, Incident, TimelineEvent
from learning import ledger

log = structlog.get_logger(__name__)

TRY_AGAIN_S = 15  # the cluster did not answer: people are told, policy looks again


@dataclass(frozen=True, slots=True)
class NotHere:
    """Why nothing here can carry the action out."""

    code: str
    words: str


def assess(decision_id: int) -> None:
    """Assess a READY decision once; a second call finds it assessed and does nothing."""
    decision = Decision.objects.select_related("incident").get(pk=decision_id)
    action = decision.action
    if decision.state != Decision.State.READY or decision.assessed_at is not None or action is None:
        return
    steps = steps_of(decision, action)
    if reason := next(filter(None, (not_here(decision.incident, step) for step in steps)), None):
        _tell_only(decision, reason)
        return
    cluster = surveys.cluster_named(decision.incident.cluster)
    assert cluster is not None
    try:
        plan = planning.plan_all(steps, cluster, conf=policy_in_force.now().approvals)
    except Unavailable as error:
        _look_again(decision, error.detail)
    except DomainError as error:
        _tell_only(decision, NotHere("plan", error.detail))
    else:
        settle(decision, plan, broker_up=events.broker_answers())


def steps_of(decision: Decision, action: Action) -> list[Action]:
    """What the proposal would change, in its order. What changes nothing is no step: people are told anyway."""
    proposal = decision.proposal
    return [action, *(step for step in (proposal.steps[1:] if proposal else ()) if step.is_change)]


def not_here(incident: Incident, action: Action) -> NotHere | None:
    """Why there can be no approval for this action, whoever would sign; None if there can."""
    cluster = surveys.cluster_named(incident.cluster)
    if not action.is_change:
        return NotHere("harmless", "Nothing is changed: people are told")
    if incident.is_test:
        return NotHere("test_alert", "A test alert is shown and never acted on")
    if cluster is None:
        return NotHere("cluster_unknown", "No configured cluster fits this alert; people act by their own means")
    if cluster.read_only:
        return NotHere("read_only", f"{cluster.name} is connected read-only; people act by their own means")
    if not has_executor(action, cluster.name):
        return NotHere("executor", f"Nothing here can carry out {action.action_class}; people act by their own means")
    return None


@transaction.atomic
def _tell_only(decision: Decision, reason: NotHere) -> None:
    assessment: dict[str, JsonValue] = {"not_here": reason.code, "sentence": reason.words, "reasons": []}
    if _store(decision, assessment, expires=False):
        TimelineEvent.record(decision.incident_id, "decision.told", reason.words, status="wait")


@transaction.atomic
def _look_again(decision: Decision, why: str) -> None:
    """Whatever would be acted on does not answer: nothing can be signed yet, and the page says so."""
    words = f"It cannot be looked at; nothing can be signed until it can ({why})"
    Decision.objects.filter(pk=decision.pk, state=Decision.State.READY, assessed_at=None).update(
        assessment={"unreadable": why, "sentence": words, "reasons": []}, assess_due_at=Now() + timedelta(seconds=TRY_AGAIN_S)
    )
    publish("approvals", f"incident.{decision.incident_id}")
    log.warning("decision.not_assessed", decision=decision.token, error=why)


def _store(decision: Decision, assessment: dict[str, JsonValue], *, expires: bool, **fields: object) -> bool:
    """Write the assessment if the decision still waits for it; without an approval it does not expire."""
    waiting = Decision.objects.filter(pk=decision.pk, state=Decision.State.READY, assessed_at=None)
    ends = {} if expires else {"expires_at": None}
    if not waiting.update(assessment=assessment, assessed_at=Now(), assess_due_at=None, **ends, **fields):
        return False
    decision.refresh_from_db()
    publish("overview", "approvals", f"incident.{decision.incident_id}")
    return True


@transaction.atomic
def settle(
    decision: Decision,
    plan: Plan,
    *,
    broker_up: bool,
    author: User | None = None,
    supersedes: Approval | None = None,
) -> Approval | None:
    """Judge and act on the verdict: start it, ask for signatures, or none if it is blocked here.

    Under the budget's lock, because counting autonomous acts and starting one has to be one step.
    """
    surveys.take_budget_lock()
    incident = Incident.objects.select_for_update(no_key=True).get(pk=decision.incident_id)
    policy = policy_in_force.now()
    judged = judge_steps(decision, plan.steps, policy=policy, broker_up=broker_up)
    verdict = judged.verdict
    alone = verdict.alone and author is None
    for inputs, each in zip(judged.inputs, judged.verdicts, strict=True):
        ledger.decided(inputs.scope, tier=each.tier_before, cluster=incident.cluster, at=inputs.at)
    blocked = verdict.tier is Tier.BLOCKED
    assessment = _stored(judged, plan, author=author)
    if not _store(decision, assessment, expires=not blocked, auto_approved=alone and not blocked):
        return None
    if blocked:
        TimelineEvent.record(incident, "decision.blocked", verdict.standing.sentence, status="bad")
        return None
    approval = _open(decision, plan, verdict, author=author, supersedes=supersedes)
    if alone:
        _start_alone(approval)
    return approval


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on all steps, with what each of them was judged by and came to."""

    inputs: Sequence[Inputs]
    verdicts: Sequence[Verdict]

    @property
    def verdict(self) -> Verdict:
        return together(self.verdicts)


def judge_steps(decision: Decision, plans: Sequence[Plan], *, policy: Policy, broker_up: bool) -> Judged:
    """Judge every step by what is known now. Under the budget's lock where something may start because of it."""
    at = timezone.now()
    inputs = [surveys.inputs_for(decision, plan, policy=policy, at=at, broker_up=broker_up) for plan in plans]
    return Judged(inputs, [judge(given, policy.approvals, policy.trust) for given in inputs])


def _stored(judged: Judged, plan: Plan, *, author: User | None) -> dict[str, JsonValue]:
    verdict, around = judged.verdict, plan.surroundings
    following: dict[str, JsonValue] = {}
    if plan.following:
        following["steps"] = [assessment_of(each) for each in judged.verdicts]
        following["following_inputs"] = [inputs.model_dump(mode="json") for inputs in judged.inputs[1:]]
    return {
        **following,
        **assessment_of(verdict),
        "action": dump(plan.action),
        "author": author.username if author else None,
        "blast_radius": {
            "score": verdict.blast.score,
            "tier": verdict.tier.value,
            "affected_pods": around.pods_affected,
            "estimated_downtime_s": around.downtime_s,
            "related_services": list(around.dependants),
            "data_impact": plan.action.data_impact.value,
            "factors": [factor.model_dump() for factor in verdict.blast.factors],
        },
        "plan": {
            "digest": plan.digest,
            "target_uid": plan.target_uid,
            "dry_run": {
                "clean": plan.dry_run.clean,
                "ms": plan.dry_run.ms,
                "changes": [list(change) for change in plan.dry_run.changes],
                "error": plan.dry_run.error,
            },
        },
        "inputs": judged.inputs[0].model_dump(mode="json"),
    }


def _open(decision: Decision, plan: Plan, verdict: Verdict, *, author: User | None, supersedes: Approval | None) -> Approval:
    watch = verdict.watches and author is None
    ends_at = decision.expires_at or timezone.now() + timedelta(seconds=settings.AIOPS.incidents.expires_after_s)
    approval = Approval.objects.create(
        incident=decision.incident,
        decision=decision,
        action_data=dump(plan.action),
        cluster=plan.cluster,
        target_key=surveys.plan_key(decision.incident, plan.action),
        target_uid=plan.target_uid,
        digest=plan.digest,
        steps=[_step(step) for step in plan.steps] if plan.following else [],
        risk=verdict.risk,
        tier=verdict.tier,
        blast_score=verdict.blast.score,
        required_signatures=verdict.required_signatures if not verdict.alone or author is None else 1,
        supersedes=supersedes,
        author=author,
        expires_at=ends_at,
        auto_at=timezone.now() + timedelta(seconds=settings.AIOPS.approvals.heal_watch_s) if watch else None,
    )
    if not watch and (not verdict.alone or author is not None):
        Approval.objects.filter(pk=approval.pk).update(escalate_at=Now())
    if not verdict.alone or author is not None:
        people = "two signatures" if approval.required_signatures > 1 else "one signature"
        TimelineEvent.record(decision.incident_id, "approval.opened", f"Waits for {people}", status="wait")
        messages.approval_opened(approval, sentence=verdict.standing.sentence)
    approval_opened.announce(approval.pk)
    return approval


def _step(plan: Plan) -> dict[str, JsonValue]:
    return {"action": dump(plan.action), "uid": plan.target_uid, "touched": plan.touched}


def _start_alone(approval: Approval) -> None:
    """Policy signs as `autonomy`. If another act holds the target, people are asked instead."""
    try:
        sign_alone(approval)
    except Conflict as error:
        Decision.objects.filter(pk=approval.decision_id).update(auto_approved=False)
        Approval.objects.filter(pk=approval.pk).update(required_signatures=1, escalate_at=Now())
        TimelineEvent.record(approval.incident_id, "approval.opened", f"Does not run alone: {error.detail}", status="wait")


@transaction.atomic
def sign_alone(approval: Approval) -> None:
    """Policy signs as `autonomy`, no person has to, and it starts. Conflict: nothing of that happened."""
    Approval.objects.filter(pk=approval.pk).update(required_signatures=0)
    Signature.objects.create(approval=approval, by=AUTONOMY.name, via=AUTONOMY.via, digest=approval.digest)
    start(approval, autonomous=True)


def start(approval: Approval, *, autonomous: bool) -> None:
    """All signatures are there: approved, planned, EXECUTING, in the caller's transaction. Conflict rolls all of it back."""
    actor = AUTONOMY if autonomous else SYSTEM
    detail = "By policy, alone" if autonomous else "Enough signatures"
    if not approval_state.advance(approval, Approval.Status.APPROVED, actor=actor, detail=detail):
        raise Conflict(f"this approval is {approval.status} already", code="not_pending", state=approval.status)
    execution.plan_execution(approval, autonomous=autonomous, at=timezone.now())
    decision = Decision.objects.select_related("incident").get(pk=approval.decision_id)
    if not decision_state.advance(decision, Decision.State.EXECUTING, actor=actor, auto_approved=autonomous):
        raise Conflict(f"the decision is {decision.state} already", code="not_ready", state=decision.state)
    incident_state.advance(decision.incident, Incident.Status.MITIGATING, actor=actor)
