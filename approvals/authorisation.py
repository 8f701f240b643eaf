"""May this still be done? Asked again right before it is sent, and before anything is sent a second time."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access import roles
from aiops.access.roles import Act, Role
from aiops.core.errors import NotAllowed
from aiops.core.scales import Risk, Tier
from approvals import autonomy, policy_in_force, surveys
from approvals.models import Approval, Execution
from incidents import holds
from incidents.models import Alert, Hold, Incident


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `reason` becomes the execution's, and decides how its decision ends."""

    reason: str
    detail: str


def check(execution: Execution) -> Refusal | None:
    """None where everything that let it be planned still holds; reads the database only."""
    incident, approval = execution.incident, execution.approval
    if _is_late(execution):
        return Refusal("lapsed", "It was agreed to more than 10 min ago; it has to be decided again")
    if hold := _hold_on(incident):
        return Refusal("frozen", f"Changes are frozen: {hold.reason}")
    if execution.direction == Execution.Direction.ROLLBACK:
        return None
    if approval.status != Approval.Status.APPROVED:
        return Refusal("withdrawn", f"Its approval is {approval.status}")
    if not Incident.objects.live().filter(pk=incident.pk).exists():
        return Refusal("resolved", "The incident is over")
    if not incident.alerts.filter(status__in=Alert.OPEN).exists():
        return Refusal("resolved", "No alert of the incident fires any more")
    return _signatures(approval) or (_alone(execution) if execution.autonomous else None)


def _alone(execution: Execution) -> Refusal | None:
    """What stops an act that nobody signed: the switch, the breaker, the budget that it was started under, silence."""
    conf = policy_in_force.now().approvals
    if not autonomy.is_on():
        return Refusal("autonomy_switch", "Autonomy was switched off")
    recent = surveys.recent_acts(execution.target_key, conf=conf, at=timezone.now())
    if (recent["failed_autonomous"] or 0) >= conf.breaker_failures:
        return Refusal("breaker", "Too many autonomous acts have failed lately")
    if (recent["autonomous_last_hour"] or 0) > conf.autonomy_per_hour:  # this one is among them
        return Refusal("budget", f"More than {conf.autonomy_per_hour} autonomous acts this hour")
    if not execution.incident.alerts.filter(status=Alert.Status.FIRING).exists():
        return Refusal("stale_alert", "The alert is not heard any more; a person looks first")
    return None


def _is_late(execution: Execution) -> bool:
    limit = timedelta(seconds=settings.AIOPS.approvals.authorised_for_s)
    return not Execution.objects.filter(pk=execution.pk, authorised_at__gte=Now() - limit).exists()


def _hold_on(incident: Incident) -> Hold | None:
    in_force = holds.in_force(timezone.now(), Hold.Stops.ACT)
    if not in_force:
        return None
    return holds.first_fitting(in_force, holds.words_of_incident(incident))


def _signatures(approval: Approval) -> Refusal | None:
    """Enough people who are still here and still may, under the digest that stands."""
    counted = 0
    for signature in approval.signatures.select_related("user"):
        if signature.digest != approval.digest:
            return Refusal("drifted", f"{signature.by} signed something else than what stands now")
        if signature.user is None:
            continue  # policy itself, whose conditions are checked apart
        role = Role(signature.user.role) if signature.user.is_active else None
        try:
            roles.check(role, Act.SIGN, risk=Risk(approval.risk), tier=Tier(approval.tier))
        except NotAllowed:
            return Refusal("signer", f"{signature.by} may no longer approve this")
        counted += 1
    if counted < approval.required_signatures:
        return Refusal("signer", f"It has {counted} of {approval.required_signatures} signatures")
    return None
