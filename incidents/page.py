"""What an incident's page shows of this app: loaded once for all its live parts."""

from collections.abc import Mapping
from typing import NamedTuple

from django.conf import settings
from django.db.models import Case, Prefetch, Q, QuerySet, When
from django.utils import timezone

from incidents import facts as known
from incidents.hearing import hearing_of
from incidents.models import Decision, Evidence, Incident, Opinion, TimelineEvent
from incidents.signals import signals

ALERTS_SHOWN = 50
EVIDENCE_SHOWN = 40
TIMELINE_SHOWN = 80
EARLIER_SHOWN = 10
NEIGHBOURS_SHOWN = 20

# Timeline kinds by their first word: what a filter shows, and the symbol of a row.
KINDS: Mapping[str, tuple[str, ...]] = {
    "decision": ("decision.", "approval.", "execution."),
    "alerts": ("alert.", "incident."),
}
ICONS: Mapping[str, str] = {
    "incident": "bell",
    "alert": "bell",
    "decision": "consensus",
    "approval": "approval",
    "execution": "play",
    "trust": "trust",
    "message": "send",
    "evidence": "search",
    "owner": "user",
}


class Line(NamedTuple):
    """One row of the timeline."""

    event: TimelineEvent
    icon: str


def facts(key: str) -> dict[str, object] | None:
    """Everything about the incident with that id; None where there is none."""
    incident = Incident.objects.select_related("owner", "merged_into").filter(pk=key).first()
    if incident is None:
        return None
    now = timezone.now()
    decision = incident.decisions.first()
    alerts = list(incident.alerts.order_by("-first_seen", "-id")[: ALERTS_SHOWN + 1])
    seen = list(_evidence(incident, decision))
    return {
        "incident": incident,
        "decision": decision,
        "alerts": sorted(alerts[:ALERTS_SHOWN], key=lambda alert: alert.pk != incident.root_alert_id),
        "more_alerts": len(alerts) > ALERTS_SHOWN,
        "frequency": known.frequency(incident.anomaly_key, now),
        "evidence": seen,
        "signals": signals(seen),
        "hearing": hearing_of(decision) if decision else None,
        "consensus_needs": settings.AIOPS.incidents.consensus_needs,
        "earlier": [hearing_of(each) for each in _earlier(incident)],
        "owned": incident.owned_at(now),
        "neighbours": list(_neighbours(incident)) if incident.is_live else [],
    }


def _earlier(incident: Incident) -> QuerySet[Decision]:
    """The decisions before the newest, with what was said then; the API gives their prompts, too."""
    said = Prefetch("opinions", Opinion.objects.defer("prompt"))
    return incident.decisions.prefetch_related(said)[1:EARLIER_SHOWN]


def _neighbours(incident: Incident) -> QuerySet[Incident]:
    """Open incidents that it may be merged into, those of its environment first."""
    others = Incident.objects.live().filter(is_test=incident.is_test).exclude(pk=incident.pk)
    near = Case(When(environment=incident.environment, then=0), default=1)
    return others.order_by(near, "-opened_at", "-id").only("title")[:NEIGHBOURS_SHOWN]


def _evidence(incident: Incident, decision: Decision | None) -> QuerySet[Evidence]:
    """What was true for the decision that stands, not for those before it."""
    return incident.evidence.filter(Q(decision=decision) | Q(decision=None))[:EVIDENCE_SHOWN]


def cited(incident: Incident, decision: Decision) -> list[int]:
    """The numbers, as they stand on the page, of the evidence that the proposal rests on."""
    proposal = decision.proposal
    if proposal is None or not proposal.evidence_ids:
        return []
    shown = _evidence(incident, decision).values_list("pk", flat=True)
    return [number for number, pk in enumerate(shown, start=1) if pk in proposal.evidence_ids]


def timeline_facts(key: str) -> dict[str, object] | None:
    """Newest first. The key is an incident's id, and after a space what is shown of it: all, decision, people, alerts."""
    pk, _, show = key.partition(" ")
    rows = TimelineEvent.objects.filter(incident_id=pk)
    if show == "people":
        rows = rows.exclude(actor__in=("system", "autonomy"))
    elif show in KINDS:
        begins = Q()
        for start in KINDS[show]:
            begins |= Q(kind__startswith=start)
        rows = rows.filter(begins)
    events = list(rows[: TIMELINE_SHOWN + 1])
    lines = [Line(event, ICONS.get(event.kind.partition(".")[0], "clock")) for event in events[:TIMELINE_SHOWN]]
    return {"lines": lines, "more": len(events) > TIMELINE_SHOWN, "show": show if show == "people" or show in KINDS else "all"}
