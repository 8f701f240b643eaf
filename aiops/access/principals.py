"""Who is acting, by which way, and whether they may: `require` is the one answer for page, API, socket and chat."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone
from pydantic import JsonValue

from aiops.access import roles
from aiops.access.models import AuditEntry, User
from aiops.access.roles import Act, Role
from aiops.core.errors import NotAllowed
from aiops.core.redaction import redact_json
from aiops.core.scales import Risk, Tier


class Via(StrEnum):
    DASHBOARD = "dashboard"
    API = "api"
    TELEGRAM = "telegram"
    SLACK = "slack"
    COMMAND = "command"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever acts: a person by some way, a service by its token, or the system itself.

    `login_at` is the last full login of a dashboard session, None for every other way in.
    """

    name: str
    via: Via
    role: Role | None = None
    user: User | None = field(default=None, compare=False)
    login_at: datetime | None = None
    address: str = ""

    @classmethod
    def of(cls, user: User, via: Via, *, login_at: datetime | None = None, address: str = "") -> "Principal":
        role = Role(user.role) if user.is_active else None
        return cls(name=user.username, via=via, role=role, user=user, login_at=login_at, address=address)

    @property
    def is_fresh(self) -> bool:
        """A dashboard login recent enough for what asks for step-up."""
        if self.via is not Via.DASHBOARD or self.login_at is None:
            return False
        return timezone.now() - self.login_at <= timedelta(seconds=settings.AIOPS.approvals.step_up_s)

    def may(self, act: Act, *, risk: Risk = Risk.LOW, tier: Tier = Tier.AUTO, for_s: int = 0) -> bool:
        try:
            require(self, act, risk=risk, tier=tier, for_s=for_s)
        except NotAllowed:
            return False
        return True


SYSTEM = Principal(name="system", via=Via.SYSTEM, role=Role.ADMIN)
AUTONOMY = Principal(name="autonomy", via=Via.SYSTEM, role=Role.ADMIN)


def require(principal: Principal, act: Act, *, risk: Risk = Risk.LOW, tier: Tier = Tier.AUTO, for_s: int = 0) -> None:
    """Pass if `principal` may do `act`; else NotAllowed, with code `step_up` where only a fresh login is missing."""
    roles.check(principal.role, act, risk=risk, tier=tier, for_s=for_s)
    if act is not Act.READ and principal.user is None and principal.via is not Via.SYSTEM and principal.via is not Via.COMMAND:
        raise NotAllowed(f"{act} is a person's act; the token {principal.name} belongs to a service")
    if act in roles.STEP_UP and principal.via is not Via.COMMAND and not principal.is_fresh:
        raise NotAllowed(f"{act} is done in the dashboard with a login not older than 15 min; log in again", code="step_up")


def record(
    principal: Principal,
    act: Act | str,
    kind: str,
    key: object,
    *,
    incident: str = "",
    refused: bool = False,
    **detail: JsonValue,
) -> None:
    """Append to the audit, in the caller's transaction: the act and its entry stand or fall together."""
    AuditEntry.objects.create(
        user=principal.user,
        actor=principal.name,
        via=principal.via,
        address=principal.address,
        act=str(act),
        object_kind=kind,
        object_id=str(key)[:80],
        incident_ref=incident,
        refused=refused,
        detail=redact_json(detail),
    )
