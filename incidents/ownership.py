"""Ownership, "I have it": one person says that they look after an incident, until a time; it ends by itself when it resolves."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict, Invalid
from aiops.live import publish
from incidents.models import Incident, TimelineEvent

BATCH = 200


@transaction.atomic
def own(incident: Incident, by: Principal, *, until: datetime | None = None) -> Incident:
    """Take it, also from somebody else: whoever is awake has it. `until` defaults to eight hours from now."""
    require(by, Act.OWN)
    now = timezone.now()
    until = until or now + timedelta(hours=8)
    longest = timedelta(seconds=settings.AIOPS.incidents.own_max_s)
    if not now < until <= now + longest:
        raise Invalid(f"it ends within the next {longest.total_seconds() / 3600:.0f} hours", loc=("until",))
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if not incident.is_live:
        raise Conflict(f"{incident.ref} is {incident.status}", code="not_live", state=incident.status)
    incident.owner, incident.owner_until = by.user, until
    incident.save(update_fields=["owner", "owner_until"])
    _tell(incident, by, "taken", f"{by.user or by.name} has it until {until:%H:%M} UTC")
    return incident


@transaction.atomic
def release(incident: Incident, by: Principal) -> Incident:
    """Nobody has it any more."""
    require(by, Act.OWN)
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if incident.owner_id is not None:
        incident.owner, incident.owner_until = None, None
        incident.save(update_fields=["owner", "owner_until"])
        _tell(incident, by, "released", "Nobody has it")
    return incident


@transaction.atomic
def end_overdue() -> int:
    """Whoever took it until a time that is over has it no longer; the page shows that nobody has."""
    overdue = Incident.objects.filter(owner__isnull=False, owner_until__lte=Now())
    rows = list(overdue.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("owner")[:BATCH])
    for incident in rows:
        owner = incident.owner
        incident.owner, incident.owner_until = None, None
        incident.save(update_fields=["owner", "owner_until"])
        TimelineEvent.record(incident, "owner.ended", f"{owner} has it no longer, the time is over", status="wait")
        publish("overview", incident.topic)
    return len(rows)


def _tell(incident: Incident, by: Principal, what: str, title: str) -> None:
    TimelineEvent.record(incident, f"owner.{what}", title, actor=by.name)
    record(by, Act.OWN, "incident", incident.ref, incident=incident.ref, outcome=what)
    publish("overview", incident.topic)
