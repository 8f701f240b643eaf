"""Roles and the one function that answers whether a person may do something, for page, API, socket and chat alike."""

from enum import StrEnum

from aiops.core.errors import NotAllowed
from aiops.core.scales import Risk, Tier


class Role(StrEnum):
    """Each role may do all that the ones before may (`domain.md` §10)."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    LEAD = "lead"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def covers(self, other: "Role") -> bool:
        return self.rank >= other.rank


class Act(StrEnum):
    """Everything that can be asked of the product, in the words of the audit log."""

    READ = "read"
    OWN = "incident.own"
    RATE = "incident.rate"
    REVIEW = "review.answer"
    REANALYZE = "decision.reanalyze"
    RESOLVE = "incident.resolve"
    CLOSE = "incident.close"
    SILENCE = "incident.silence"
    QUARANTINE = "quarantine.decide"
    KNOWLEDGE = "knowledge.edit"
    SIGN = "approval.sign"
    REJECT = "approval.reject"
    PROPOSE = "incident.propose"
    OVERRIDE = "approval.override"
    MERGE = "incident.merge"
    SPLIT = "incident.split"
    HOLD = "hold.edit"
    DEPENDENCIES = "dependencies.edit"
    GRANT = "trust.grant"
    REVOKE = "trust.revoke"
    GOVERN = "governance.act"
    STOP = "execution.stop"
    SETTLE = "execution.settle"
    ROLL_BACK = "execution.roll_back"
    AUTONOMY_OFF = "autonomy.off"
    AUTONOMY_ON = "autonomy.on"
    PLAYBOOKS = "playbook.edit"
    USERS = "user.edit"
    TOKENS = "token.edit"
    POLICY = "policy.edit"
    CONTACTS = "contact.edit"
    JOBS = "job.edit"
    EXPORT = "export.make"


_RESPONDER = (
    Act.OWN, Act.RATE, Act.REVIEW, Act.REANALYZE, Act.RESOLVE, Act.CLOSE, Act.SILENCE, Act.QUARANTINE, Act.KNOWLEDGE,
    Act.SIGN, Act.REJECT,
)  # fmt: skip
_ADMIN = (Act.PLAYBOOKS, Act.USERS, Act.TOKENS, Act.POLICY, Act.CONTACTS, Act.JOBS, Act.EXPORT)
NEEDS: dict[Act, Role] = (
    dict.fromkeys(Act, Role.LEAD)
    | {Act.READ: Role.VIEWER}
    | dict.fromkeys(_RESPONDER, Role.RESPONDER)
    | dict.fromkeys(_ADMIN, Role.ADMIN)
)

# Only in the dashboard with a login not older than the step-up time: what a stolen token must not be able to do.
STEP_UP = frozenset({Act.AUTONOMY_ON, Act.GRANT, Act.POLICY})

RESPONDER_SILENCE_S = 4 * 3600


def role_needed(act: Act, *, risk: Risk = Risk.LOW, tier: Tier = Tier.AUTO, for_s: int = 0) -> Role:
    """The lowest role that may do `act` to something of that risk and tier, for that long."""
    role = NEEDS[act]
    beyond_responder = risk.rank > Risk.MEDIUM.rank or tier.rank > Tier.HUMAN.rank
    if act in {Act.SIGN, Act.REJECT} and beyond_responder:
        return Role.LEAD
    if act is Act.SILENCE and for_s > RESPONDER_SILENCE_S:
        return Role.LEAD
    return role


def check(role: Role | None, act: Act, *, risk: Risk = Risk.LOW, tier: Tier = Tier.AUTO, for_s: int = 0) -> None:
    """Pass for a person of `role`, else NotAllowed naming the role that is needed. None is nobody."""
    needed = role_needed(act, risk=risk, tier=tier, for_s=for_s)
    if role is None or not role.covers(needed):
        has = f"you are {role}" if role else "you are not known here"
        raise NotAllowed(f"{act} needs the role {needed}; {has}")
