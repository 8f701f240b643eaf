"""Which live parts each page has, and on which topic each of them changes.

A page names itself in the address of its socket: `topic=incident.42`, or `topic=overview&page=incidents&severity=P1`.
The parts around the page (`layout`) change with `overview`, on every page.
"""

import re
from dataclasses import dataclass

from django.http import QueryDict

from aiops import chain, figures, incident_rows, overview
from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.layout import LAYOUT
from aiops.live import Fragment
from approvals import fragments as approvals
from approvals.digest import DIGEST
from approvals.review_page import REVIEWS
from governance import fragments as governance
from incidents import fragments as incidents
from incidents.models import Incident
from learning import fragments as learning
from learning.views import trust_key

_INCIDENT = re.compile(r"incident\.(\d{1,15})")
_PLACES = ("overview", "incidents", "approvals", "trust", "playbooks", "audit", "system", "help", "governance")


@dataclass(frozen=True, slots=True)
class Part:
    """A live part of one page. `topic` says when it changes; None: often and by little, so only every few seconds."""

    fragment: Fragment
    key: str
    topic: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """What one viewer looks at."""

    parts: tuple[Part, ...]

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(part.topic for part in self.parts if part.topic is not None)


OVERVIEW = (
    overview.HEADLINE,
    overview.ANALYZING,
    approvals.NEEDS_YOU,
    DIGEST,
    incident_rows.LIVE_INCIDENTS,
    approvals.ACTED_ALONE,
)
OVERVIEW_SLOW = (figures.FIGURES, approvals.SAFETY, learning.TRUST_MOVES, approvals.HOURS, chain.ALERT_CHAIN)
APPROVALS = (approvals.QUEUE_HEAD, approvals.QUEUE, REVIEWS, approvals.RECENT)
SYSTEM = (governance.EVENTS,)
SYSTEM_SLOW = (chain.CHAIN, chain.HELD_ALERTS, chain.CLUSTERS, chain.DEPENDENCIES, chain.OUTBOX)
TRUST = (approvals.AUTONOMY_CONTROL, approvals.AUTONOMY_SWITCH)
TRUST_ROW = (learning.PATTERN, learning.GRANT)
INCIDENT = (*incidents.INCIDENT, *approvals.INCIDENT, learning.LEARNED)


def page_of(query: QueryDict) -> Page | None:
    """The page that an address speaks of; None for what is no page here."""
    topic = query.get("topic", "")
    if match := _INCIDENT.fullmatch(topic):
        return _page("incidents", _incident(match[1], query))
    place = query.get("page", topic)
    if topic not in ("overview", "approvals", "governance") or place not in _PLACES:
        return None
    return _page(place, _parts(topic, place, query))


def _page(place: str, parts: tuple[Part, ...]) -> Page:
    return Page((*(Part(fragment, place, "overview") for fragment in LAYOUT), *parts))


def _incident(pk: str, query: QueryDict) -> tuple[Part, ...]:
    topic = f"incident.{pk}"
    timeline = Part(incidents.TIMELINE, timeline_key(pk, query), topic)
    return (*(Part(fragment, pk, topic) for fragment in INCIDENT), timeline)


def timeline_key(pk: object, query: QueryDict) -> str:
    return f"{pk} {query.get('show', 'all')[:10]}"


def _parts(topic: str, place: str, query: QueryDict) -> tuple[Part, ...]:
    match topic, place:
        case "overview", "overview":
            return (*(Part(f, "", topic) for f in OVERVIEW), *(Part(f, "", None) for f in OVERVIEW_SLOW))
        case "overview", "incidents":
            return (Part(incident_rows.INCIDENTS, incident_rows.canonical(query), topic),)
        case "overview", "trust":
            return _trust(query)
        case "approvals", _:
            return tuple(Part(f, "", topic) for f in APPROVALS)
        case "overview", "system":
            return (*(Part(f, "", "governance") for f in SYSTEM), *(Part(f, "", None) for f in SYSTEM_SLOW))
        case "governance", _:
            return (Part(LAYOUT[0], place, topic), *(Part(f, "", topic) for f in SYSTEM))
    return ()


def _trust(query: QueryDict) -> tuple[Part, ...]:
    """The rows as they are narrowed, and the one that is looked at."""
    row = query.get("row", "")[:16]
    return (
        *(Part(fragment, "", "overview") for fragment in TRUST),
        Part(learning.PATTERNS, trust_key(query), "overview"),
        *(Part(fragment, row, "overview") for fragment in TRUST_ROW if row),
    )


def may_follow(page: Page, viewer: Principal) -> bool:
    """Whoever may read may follow; an incident has to exist."""
    if not viewer.may(Act.READ):
        return False
    wanted = {int(match[1]) for topic in page.topics if (match := _INCIDENT.fullmatch(topic))}
    return not wanted or Incident.objects.filter(pk__in=wanted).exists()
