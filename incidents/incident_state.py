"""The life of an incident. Nothing else writes `Incident.status`.

    open → investigating (analysis began) → mitigating (first act) → resolved → closed

A resolved or closed incident is reopened when it fires again.
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from aiops.access.principals import Principal
from aiops.events import Fact
from aiops.live import publish
from aiops.states import Machine
from incidents.models import Incident, TimelineEvent

S = Incident.Status
MACHINE = Machine(
    "status",
    {
        S.OPEN: frozenset({S.INVESTIGATING, S.MITIGATING, S.RESOLVED, S.CLOSED}),
        S.INVESTIGATING: frozenset({S.MITIGATING, S.RESOLVED, S.CLOSED}),
        S.MITIGATING: frozenset({S.RESOLVED, S.CLOSED}),
        S.RESOLVED: frozenset({S.OPEN, S.CLOSED}),
        S.CLOSED: frozenset({S.OPEN}),
    },
)

incident_resolved = Fact("incident.resolved")
# Correlation found that its decision is about what is only an effect; that it is a part of another incident.
root_moved = Fact("incident.root_moved")
merge_found = Fact("incident.merge_found")

TITLES = {
    S.OPEN: ("Incident reopened", "wait"),
    S.INVESTIGATING: ("Investigating", ""),
    S.MITIGATING: ("Mitigating", "work"),
    S.RESOLVED: ("Incident resolved", "ok"),
    S.CLOSED: ("Incident closed", ""),
}


@transaction.atomic
def advance(incident: Incident, to: Incident.Status, *, actor: Principal, detail: str = "", **fields: object) -> bool:
    """Move `incident` to `to`, with its timeline row and live pages; True for the one caller that did it.

    Resolving ends its ownership; reopening clears what the resolve had written.
    """
    if to is S.RESOLVED:
        fields = {"resolved_at": timezone.now(), "owner": None, "owner_until": None} | fields
    if to is S.CLOSED:
        fields = {"closed_at": timezone.now(), "owner": None, "owner_until": None} | fields
    if to is S.OPEN:
        fields = {"resolved_at": None, "closed_at": None, "disposition": ""} | fields
    if not MACHINE.move(incident, to, **fields):
        return False
    title, status = TITLES[to]
    TimelineEvent.record(incident, f"incident.{to}", title, detail=detail, actor=actor.name, status=status)
    publish("overview", "approvals", incident.topic)
    if to is S.RESOLVED:
        incident_resolved.announce(incident.pk)
    return True


def begin_investigating(incidents: Sequence[Incident], *, actor: Principal) -> None:
    """Those that are still open are investigated from now on. Their rows are locked by the caller."""
    begun = [incident for incident in incidents if incident.status in MACHINE.sources(S.INVESTIGATING)]
    MACHINE.move_all(begun, S.INVESTIGATING)
    title, status = TITLES[S.INVESTIGATING]
    TimelineEvent.objects.bulk_create(
        TimelineEvent.row(incident, f"incident.{S.INVESTIGATING}", title, actor=actor.name, status=status) for incident in begun
    )
    publish("overview", "approvals", *(incident.topic for incident in begun))
