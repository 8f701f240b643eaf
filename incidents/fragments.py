"""The live parts of an incident's page that this app knows alone. Their key is the incident's id."""

from dataclasses import dataclass

from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.live import Context, Fragment
from incidents import page
from incidents.models import Incident


@dataclass(frozen=True, slots=True)
class MayHandle:
    """What this viewer may do about an incident now."""

    own: bool
    is_mine: bool
    reanalyse: bool
    resolve: bool
    close: bool
    reopen: bool
    silences: tuple[tuple[int, str], ...]  # seconds and words of the lengths on offer; none: may not
    merge: bool
    split: bool


SILENCES = ((1800, "30 min"), (3600, "1 hour"), (4 * 3600, "4 hours"), (86_400, "1 day"), (7 * 86_400, "7 days"))


def may_handle(facts: Context, viewer: Principal) -> MayHandle:
    incident: Incident = facts["incident"]
    is_mine = bool(facts["owned"]) and viewer.user is not None and incident.owner_id == viewer.user.pk
    return MayHandle(
        own=incident.is_live and viewer.may(Act.OWN),
        is_mine=is_mine,
        reanalyse=incident.is_live and viewer.may(Act.REANALYZE),
        resolve=incident.is_live and viewer.may(Act.RESOLVE),
        close=incident.status != Incident.Status.CLOSED and viewer.may(Act.CLOSE),
        reopen=not incident.is_live and incident.merged_into_id is None and viewer.may(Act.RESOLVE),
        silences=tuple(each for each in SILENCES if incident.is_live and viewer.may(Act.SILENCE, for_s=each[0])),
        merge=incident.is_live and viewer.may(Act.MERGE),
        split=incident.is_live and len(facts["alerts"]) > 1 and viewer.may(Act.SPLIT),
    )


def everybody(facts: Context, viewer: Principal) -> tuple[()]:
    """The same for whoever may read."""
    return ()


HEAD = Fragment("head", "incidents/_head.html", page.facts, may_handle)
HANDLING = Fragment("handling", "incidents/_handling.html", page.facts, may_handle)
OPINIONS = Fragment("opinions", "incidents/_opinions.html", page.facts, everybody)
SIGNALS = Fragment("signals", "incidents/_signals.html", page.facts, everybody)
EARLIER = Fragment("earlier", "incidents/_earlier.html", page.facts, everybody)
EVIDENCE = Fragment("evidence", "incidents/_evidence.html", page.facts, everybody)
ALERTS = Fragment("alerts", "incidents/_alerts.html", page.facts, everybody)
TIMELINE = Fragment("timeline", "incidents/_timeline.html", page.timeline_facts, everybody)

INCIDENT = (HEAD, HANDLING, OPINIONS, SIGNALS, EVIDENCE, ALERTS, EARLIER)
