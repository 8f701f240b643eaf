"""What people do about an incident itself, and the page of an anomaly."""

from typing import NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from aiops.access.pages import PageRequest, done, led, signed_in, typed
from aiops.core.errors import Conflict, Invalid, NotFound
from aiops.live import Fragment
from incidents import closing, decisions, facts, fragments, hold_acts, merging, ownership
from incidents.intake import quarantine, retrying
from incidents.models import Decision, Incident, QuarantinedAlert

ANOMALY_INCIDENTS = 50


def by_ref(ref: str) -> Incident:
    """The incident called so, or a refusal that says which one is the newest."""
    try:
        return Incident.objects.by_ref(ref)
    except Incident.DoesNotExist:
        newest = Incident.objects.order_by("-pk").first()
        hint = f"The newest is {newest.ref}" if newest else "No alert has opened one yet"
        raise NotFound(f"There is no {ref[:40]}. {hint}") from None


def _done(request: PageRequest, incident: Incident, text: str) -> HttpResponse:
    parts: tuple[Fragment, ...] = (*fragments.INCIDENT, fragments.TIMELINE)
    return done(request, text, incident.get_absolute_url(), fragments=parts, key=incident.pk)


@require_POST
@signed_in
def own(request: PageRequest, ref: str) -> HttpResponse:
    incident = ownership.own(by_ref(ref), request.principal)
    return _done(request, incident, "You have it.")


@require_POST
@signed_in
def release(request: PageRequest, ref: str) -> HttpResponse:
    incident = ownership.release(by_ref(ref), request.principal)
    return _done(request, incident, "Nobody has it now.")


@require_POST
@signed_in
def resolve(request: PageRequest, ref: str) -> HttpResponse:
    note = typed(request.POST, "note", 2000)
    incident = closing.resolve(by_ref(ref), request.principal, note=note)
    return _done(request, incident, f"{incident.ref} is resolved.")


@require_POST
@signed_in
def close(request: PageRequest, ref: str) -> HttpResponse:
    incident = closing.close(by_ref(ref), request.principal)
    return _done(request, incident, f"{incident.ref} is closed.")


@require_POST
@signed_in
def reopen(request: PageRequest, ref: str) -> HttpResponse:
    note = typed(request.POST, "note", 2000)
    incident = closing.open_again(by_ref(ref), request.principal, note=note)
    return _done(request, incident, f"{incident.ref} is open again. A new analysis has begun.")


@require_POST
@signed_in
def silence(request: PageRequest, ref: str) -> HttpResponse:
    """Its alerts tell nobody for a while; deciding and acting go on."""
    for_s = request.POST.get("for_s", "")
    if not for_s.isdecimal() or len(for_s) > 7:
        raise Invalid("choose for how long", loc=("for_s",))
    incident = by_ref(ref)
    hold = hold_acts.silence(incident, request.principal, for_s=int(for_s), comment=typed(request.POST, "comment"))
    return _done(request, incident, f"Silenced until {hold.ends_at:%H:%M} UTC on {hold.ends_at:%Y-%m-%d}.")


@require_POST
@signed_in
def merge(request: PageRequest, ref: str) -> HttpResponse:
    """It is what another incident is about."""
    incident, into = by_ref(ref), by_ref(typed(request.POST, "into", 20).upper())
    survivor = merging.merge(incident, into, request.principal, reason=typed(request.POST, "reason", 1000))
    return led(request, f"{incident.ref} was merged into this.", survivor.get_absolute_url())


@require_POST
@signed_in
def split(request: PageRequest, ref: str) -> HttpResponse:
    """Some of its alerts are another problem."""
    chosen = [int(pk) for pk in request.POST.getlist("alerts") if pk.isdecimal() and len(pk) <= 15]
    incident = by_ref(ref)
    opened = merging.split(incident, chosen, request.principal, reason=typed(request.POST, "reason", 1000))
    return led(request, f"Split off from {incident.ref}.", opened.get_absolute_url())


@require_POST
@signed_in
def reanalyze(request: PageRequest, ref: str) -> HttpResponse:
    """Another look; a new decision begins and the old one stays readable."""
    incident = by_ref(ref)
    newest = Decision.objects.filter(incident=incident).first()
    if newest is None:
        raise Conflict(f"{incident.ref} has no decision to repeat", code="no_decision", state=incident.status)
    decisions.reanalyse(newest, request.principal)
    return _done(request, incident, "A new analysis has begun.")


@require_POST
@signed_in
def quarantine_retry(request: PageRequest, pk: int) -> HttpResponse:
    """Read an alert that was put aside once more."""
    retrying.retry(_held(pk), request.principal)
    return done(request, "It was taken in.", "/system")


@require_POST
@signed_in
def quarantine_discard(request: PageRequest, pk: int) -> HttpResponse:
    quarantine.discard(_held(pk), request.principal)
    return done(request, "It was discarded.", "/system")


def _held(pk: int) -> QuarantinedAlert:
    row = QuarantinedAlert.objects.filter(pk=pk).first()
    if row is None:
        raise NotFound("There is no such alert")
    return row


class Episode(NamedTuple):
    """One incident of an anomaly, with what its newest decision proposed."""

    incident: Incident
    decision: Decision | None


@require_GET
@signed_in
def anomaly(request: PageRequest, key: str) -> HttpResponse:
    """Every incident of one anomaly: how often, and what was done each time."""
    rows = list(Incident.objects.filter(anomaly_key=key).order_by("-opened_at")[:ANOMALY_INCIDENTS])
    if not rows:
        raise NotFound("No incident has had this anomaly")
    newest = Decision.objects.filter(incident__in=rows).order_by("incident_id", "-id").distinct("incident_id")
    by_incident = {decision.incident_id: decision for decision in newest}
    context = {
        "heading": rows[0].alert_name or "Anomaly",
        "newest": rows[0],
        "episodes": [Episode(row, by_incident.get(row.pk)) for row in rows],
        "frequency": facts.frequency(key, timezone.now()),
    }
    return render(request, "incidents/anomaly.html", context)
