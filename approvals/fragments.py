"""The live parts that show a proposal, its signatures and what was done. On an incident's page their key is its id."""

from dataclasses import dataclass
from typing import Any

from aiops.access.principals import Principal
from aiops.access.roles import Act, role_needed
from aiops.core.scales import Risk, Tier
from aiops.live import Context, Fragment
from approvals import page, queue, switch
from approvals.models import Approval, Execution
from approvals.rollbacks import inverse_of
from approvals.waiting import Waiting


@dataclass(frozen=True, slots=True)
class MaySign:
    """What this viewer may do about a proposal now; `hint` says why not where a signature is wanted of others."""

    sign: bool = False
    reject: bool = False
    override: bool = False
    propose: bool = False
    has_signed: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class MayAct:
    """What this viewer may do about an act under way or done."""

    stop: bool = False
    settle: bool = False
    roll_back: bool = False


def may_sign(approval: Approval, waits: Waiting, viewer: Principal) -> MaySign:
    """What the form offers. Whether it counts is judged again, by the same rules, when it is sent."""
    if not approval.is_pending or viewer.user is None:
        return MaySign()
    risk, tier = waits.risk, waits.tier
    wanted = waits.for_person(viewer)
    return MaySign(
        sign=wanted,
        reject=viewer.may(Act.REJECT, risk=risk, tier=tier),
        override=viewer.may(Act.OVERRIDE, risk=risk, tier=tier),
        has_signed=viewer.name in waits.signers,
        hint="" if wanted else _why_not(waits, viewer, risk, tier),
    )


def _why_not(waits: Waiting, viewer: Principal, risk: Risk, tier: Tier) -> str:
    if viewer.name in waits.signers:
        return "You have signed. Another person has to as well."
    if waits.is_own(viewer):
        return "You proposed this. Somebody else has to sign it."
    if tier is Tier.BLOCKED:
        return "No number of signatures runs this. Propose a smaller action, or act by hand."
    needed = role_needed(Act.SIGN, risk=risk, tier=tier)
    return f"Signing {risk} risk for {tier} needs the role {needed}. You are {viewer.role}."


def may_decide(facts: Context, viewer: Principal) -> MaySign:
    approval: Approval | None = facts["approval"]
    if approval is None or not approval.is_pending:
        decision = facts["decision"]
        stands = decision is not None and decision.state == "READY" and approval is None
        return MaySign(propose=stands and facts["incident"].is_live and viewer.may(Act.PROPOSE))
    return may_sign(approval, Waiting.of(approval, facts["signatures"]), viewer)


def may_act(facts: Context, viewer: Principal) -> MayAct:
    run: Execution | None = facts["run"]
    if run is None or viewer.user is None:
        return MayAct()
    applied = run.status == Execution.Status.SUCCEEDED
    done = applied and run.verified_at is not None and facts["rollback"] is None and inverse_of(run) is not None
    going_on = run.is_active or (applied and run.verified_at is None)
    return MayAct(
        stop=going_on and not run.stop_requested and viewer.may(Act.STOP),
        settle=run.status == Execution.Status.AMBIGUOUS and viewer.may(Act.SETTLE),
        roll_back=done and viewer.may(Act.ROLL_BACK),
    )


def may_both(facts: Context, viewer: Principal) -> tuple[MaySign, MayAct]:
    return may_decide(facts, viewer), may_act(facts, viewer)


def may_rate(facts: Context, viewer: Principal) -> bool:
    return facts["rated_run"] is not None and viewer.user is not None and viewer.may(Act.RATE)


def everybody(facts: Context, viewer: Principal) -> tuple[()]:
    return ()


def may_queue(facts: Context, viewer: Principal) -> tuple[MaySign, ...]:
    """One answer for each card, in its order."""
    return tuple(may_sign(card.approval, card.waits, viewer) for card in facts["cards"])


def _of_incident(name: str, template: str, may: Any = everybody) -> Fragment:
    return Fragment(name, template, page.facts, may)


RAIL = _of_incident("decision-rail", "incidents/_decision_rail.html")
PROPOSAL = _of_incident("proposal", "incidents/_proposal.html")
APPROVAL = _of_incident("approval", "approvals/_approval.html", may_both)
OUTCOME = _of_incident("outcome", "approvals/_outcome.html", may_act)
BLAST_RADIUS = _of_incident("blast", "approvals/_blast_radius.html")
ACT_BAR = _of_incident("actbar", "approvals/_actbar.html", may_decide)
DIALOGS = _of_incident("dialogs", "approvals/_dialogs.html", may_both)
FEEDBACK = _of_incident("feedback", "incidents/_feedback.html", may_rate)
INCIDENT = (RAIL, PROPOSAL, APPROVAL, OUTCOME, BLAST_RADIUS, ACT_BAR, DIALOGS, FEEDBACK)

NEEDS_YOU = Fragment("needs-you", "approvals/_needs_you.html", queue.waiting_cards, may_queue)
ACTED_ALONE = Fragment("acted-alone", "approvals/_acted_alone.html", queue.acted_alone, everybody)
SAFETY = Fragment("safety", "approvals/_safety.html", queue.safety, everybody)
HOURS = Fragment("hours", "approvals/_hours.html", queue.hours, everybody)
QUEUE = Fragment("queue", "approvals/_queue.html", queue.waiting_cards, may_queue)
AUTONOMY_CONTROL = Fragment("autonomy-control", "learning/_autonomy_control.html", switch.facts, switch.may_turn)
AUTONOMY_SWITCH = Fragment("switch-dialog", "learning/_autonomy_switch.html", switch.facts, switch.may_turn)
QUEUE_HEAD = Fragment("queue-head", "approvals/_queue_head.html", queue.waiting_cards, everybody)
RECENT = Fragment("recent", "approvals/_recent.html", queue.recent, everybody)
