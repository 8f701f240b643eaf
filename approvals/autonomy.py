"""The global switch of autonomy: off at any time by any way, on again only in the dashboard with a fresh login."""

from django.db import transaction

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Invalid
from aiops.live import publish
from approvals.models import AutonomyChange


def current() -> AutonomyChange | None:
    """The newest turn of the switch; None: nobody ever turned it, it is on."""
    return AutonomyChange.objects.first()


def is_on() -> bool:
    change = current()
    return change is None or change.enabled


@transaction.atomic
def turn(enabled: bool, by: Principal, *, reason: str) -> AutonomyChange:
    """Turn it, with the reason. Turning it to where it stands is written down, too."""
    require(by, Act.AUTONOMY_ON if enabled else Act.AUTONOMY_OFF)
    if not reason.strip():
        raise Invalid("say why, for those who find it so", loc=("reason",))
    change = AutonomyChange.objects.create(enabled=enabled, reason=reason.strip()[:500], by=by.name)
    record(by, Act.AUTONOMY_ON if enabled else Act.AUTONOMY_OFF, "autonomy", "global", reason=change.reason)
    publish("overview", "approvals")
    return change
