"""What stands around every page: navigation with its counts, the state of autonomy, and the banners.

The key of these fragments is the place in the navigation that a page belongs to.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.live import Context, Fragment
from approvals import policy_in_force
from approvals.models import AutonomyChange, Execution
from approvals.waiting import Waiting, waiting
from governance.intake_watch import QUIET
from governance.models import GovernanceEvent
from incidents.holds import in_force, period_at
from incidents.models import Delivery, Hold, Incident

ALARMS_MOST = 3  # of one sort


class Place(NamedTuple):
    """One entry of the navigation."""

    name: str
    address: str
    icon: str
    words: str
    counter: str = ""  # which of the counts it shows
    short: str = ""  # where there is little room


WORK = (
    Place("overview", "/", "overview", "Overview"),
    Place("incidents", "/incidents", "incident", "Incidents", "incidents"),
    Place("approvals", "/approvals", "approval", "Approvals", "approvals"),
)
LEARNING = (
    Place("trust", "/trust", "trust", "Trust ledger", short="Trust"),
    Place("playbooks", "/playbooks", "playbook", "Playbooks"),
)
OVERSIGHT = (
    Place("audit", "/audit", "audit", "Audit log"),
    Place("system", "/system", "health", "System health", "events"),
)
GROUPS = (("Work", WORK), ("Learning", LEARNING), ("Oversight", OVERSIGHT))
TABS = (*WORK, LEARNING[0], Place("help", "/help", "more", "More"))


class Alarm(NamedTuple):
    """A banner: what is so, what still works, and where to look."""

    css: str
    icon: str
    title: str
    text: str
    link: str = ""
    words: str = ""
    until: datetime | None = None

    @property
    def role(self) -> str:
        return "alert" if self.css == "bad" else "status"


@dataclass(frozen=True, slots=True)
class MayNavigate:
    """How many approvals wait for this viewer, and whether Django admin is for them."""

    waiting: int
    admin: bool
    switch: bool


def facts(place: str) -> Context:
    now = timezone.now()
    switch = AutonomyChange.objects.first()
    acting = in_force(now, Hold.Stops.ACT)
    deciding = in_force(now, Hold.Stops.DECIDE)
    heard_at = Delivery.objects.aggregate(at=Max("received_at"))["at"]
    return {
        "place": place,
        "groups": GROUPS,
        "tabs": TABS,
        "counts": {
            "incidents": Incident.objects.live().count(),
            "events": GovernanceEvent.objects.filter(resolved_at=None).count(),
        },
        "waiting": waiting(),
        "switch": switch,
        "autonomy_on": switch is None or switch.enabled,
        "alone": Execution.objects.filter(autonomous=True, planned_at__gt=now - timedelta(hours=1)).count(),
        "alone_limit": policy_in_force.now().approvals.autonomy_per_hour,
        "freezes": len(acting),
        "alarms": [
            *_switch_alarms(switch),
            *_hearing_alarms(heard_at, now),
            *_event_alarms(told={QUIET} if heard_at is not None else set()),
            *_shadow_alarms(),
            *_hold_alarms(deciding, acting, now),
        ],
    }


def _switch_alarms(switch: AutonomyChange | None) -> list[Alarm]:
    if switch is None or switch.enabled:
        return []
    text = f"{switch.by}: “{switch.reason}”. Every action needs a person."
    return [Alarm("bad", "pause", "Autonomy is off.", text, "/trust", "Trust ledger")]


def _hearing_alarms(heard_at: datetime | None, now: datetime) -> list[Alarm]:
    """Quiet for too long may mean blind; a console that never heard anything is not set up yet, which is no alarm."""
    if heard_at is None or now - heard_at < timedelta(seconds=settings.AIOPS.incidents.quiet_after_s):
        return []
    hours, rest = divmod(int((now - heard_at).total_seconds()), 3600)
    title = f"No alert for {hours} h {rest // 60} min."
    return [
        Alarm(
            "bad", "bell", title, "Quiet may mean blind: look whether the senders still reach us.", "/system", "Check the chain"
        )
    ]


def _event_alarms(*, told: Collection[str]) -> list[Alarm]:
    """What is critical about the console itself is told on every page, but for kinds that have a banner of their own."""
    critical = GovernanceEvent.objects.filter(resolved_at=None, level=GovernanceEvent.Level.CRITICAL).exclude(kind__in=told)
    return [
        Alarm("bad", "warning", f"{event.title}.", event.impact, f"/system#event-{event.pk}", "Open event")
        for event in critical[:ALARMS_MOST]
    ]


def _shadow_alarms() -> list[Alarm]:
    shadowed = [cluster.name for cluster in settings.CLUSTERS if cluster.shadow]
    if not shadowed:
        return []
    title = (
        "Shadow mode: nothing runs alone yet."
        if len(shadowed) == len(settings.CLUSTERS)
        else f"{', '.join(shadowed)} in shadow mode."
    )
    text = "The system decides and records what it would have done; people act."
    return [Alarm("", "info", title, text, "/trust", "Agreement")]


def _hold_alarms(deciding: Sequence[Hold], acting: Sequence[Hold], now: datetime) -> list[Alarm]:
    alarms = []
    for hold in {hold.pk: hold for hold in (*deciding, *acting)}.values():
        stops_deciding = Hold.Stops.DECIDE in hold.stops
        title = "Maintenance window." if stops_deciding else "Change freeze."
        text = (
            "Alerts are recorded and shown, decisions are held. What still fires at its end is decided then."
            if stops_deciding
            else "Nothing runs there, alone or signed, until it ends."
        )
        period = period_at(hold, now)
        alarms.append(
            Alarm(
                "",
                "clock" if stops_deciding else "lock",
                title,
                f"{hold.reason}. {text}",
                until=period.ends_at if period else None,
            )
        )
    return alarms


def may_navigate(facts: Context, viewer: Principal) -> MayNavigate:
    rows: Sequence[Waiting] = facts["waiting"]
    return MayNavigate(
        waiting=sum(row.for_person(viewer) for row in rows),
        admin=viewer.user is not None and viewer.user.is_admin,
        switch=viewer.may(Act.AUTONOMY_OFF),
    )


NAV = Fragment("nav", "layout/_nav.html", facts, may_navigate)
TABS_BAR = Fragment("tabs", "layout/_tabbar.html", facts, may_navigate)
BANNERS = Fragment("banners", "layout/_banners.html", facts, lambda facts, viewer: ())
LAYOUT = (NAV, TABS_BAR, BANNERS)
