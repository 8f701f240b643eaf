"""Pages that are put together from the parts of several apps."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from aiops import incident_rows, topics
from aiops.access.pages import PageRequest, signed_in, typed
from aiops.core.errors import NotFound
from aiops.live import render_all
from approvals import queue
from incidents import fragments as incidents
from incidents.forms import IncidentFilter
from incidents.models import Incident
from incidents.search import matching
from incidents.views import by_ref
from learning import fragments as learning
from learning.judgement import Level
from learning.models import Playbook, TrustRecord
from learning.views import trust_key

FOUND_MAX = 5
FOUND_AMONG = 2_000  # the finder looks at the newest incidents; the list's own search looks at all


@require_GET
@signed_in
def overview(request: PageRequest) -> HttpResponse:
    parts = render_all((*topics.OVERVIEW, *topics.OVERVIEW_SLOW), "", request.principal, request=request)
    return render(request, "aiops/overview.html", {"heading": "Overview", "parts": parts, "live": "topic=overview"})


@require_GET
@signed_in
def incident_list(request: PageRequest) -> HttpResponse:
    """The list with its filters; while somebody types, only the list."""
    key = incident_rows.canonical(request.GET)
    parts = render_all((incident_rows.INCIDENTS,), key, request.principal, request=request)
    if request.htmx:
        return HttpResponse(parts["incidents"])
    context = {
        "heading": "Incidents",
        "parts": parts,
        "form": IncidentFilter(request.GET),
        "namespaces": incident_rows.namespaces(),
        "live": f"topic=overview&page=incidents&{key}",
    }
    return render(request, "incidents/list.html", context)


@require_GET
@signed_in
def incident(request: PageRequest, ref: str) -> HttpResponse:
    """Everything about one incident, live."""
    row = by_ref(ref)
    pk = str(row.pk)
    parts = render_all(topics.INCIDENT, pk, request.principal, request=request)
    parts |= render_all((incidents.TIMELINE,), topics.timeline_key(pk, request.GET), request.principal, request=request)
    live = QueryDict(mutable=True)
    live["topic"] = row.topic
    if show := request.GET.get("show"):
        live["show"] = show[:10]
    context = {"heading": row.ref, "incident": row, "parts": parts, "live": live.urlencode()}
    return render(request, "incidents/incident.html", context)


@require_GET
@signed_in
def approval_queue(request: PageRequest) -> HttpResponse:
    """What waits, live; with `show`, what is over."""
    if (show := request.GET.get("show", "")) in ("decided", "expired"):
        rows, older = queue.ended(show, request.GET.get("cursor") or None)
        return render(request, "approvals/ended.html", {"heading": "Approvals", "ended": rows, "older": older, "show": show})
    parts = render_all(topics.APPROVALS, "", request.principal, request=request)
    return render(request, "approvals/approvals.html", {"heading": "Approvals", "parts": parts, "live": "topic=approvals"})


@require_GET
@signed_in
def trust(request: PageRequest) -> HttpResponse:
    """What may run alone and why not, with the row that is looked at."""
    key = trust_key(request.GET)
    parts = render_all(topics.TRUST, "", request.principal, request=request)
    parts |= render_all((learning.PATTERNS,), key, request.principal, request=request)
    if row := request.GET.get("row", "")[:16]:
        parts |= render_all(topics.TRUST_ROW, row, request.principal, request=request)
    context = {
        "heading": "Trust ledger",
        "parts": parts,
        "levels": list(Level),
        "level": request.GET.get("level", ""),
        "live": f"topic=overview&page=trust&{key}",
    }
    return render(request, "learning/trust.html", context)


@require_GET
@signed_in
def system(request: PageRequest) -> HttpResponse:
    parts = render_all((*topics.SYSTEM, *topics.SYSTEM_SLOW), "", request.principal, request=request)
    return render(request, "aiops/system.html", {"heading": "System health", "parts": parts})


@require_GET
@signed_in
def help_page(request: PageRequest) -> HttpResponse:
    return render(request, "aiops/help.html", {"heading": "Help", "base_url": request.build_absolute_uri("/").rstrip("/")})


@require_GET
@signed_in
def live_parts(request: PageRequest) -> HttpResponse:
    """What the socket would send now: for a page whose socket is cut."""
    page = topics.page_of(request.GET)
    if page is None or not topics.may_follow(page, request.principal):
        raise NotFound("There is no such page")
    by_key: dict[str, list[topics.Part]] = {}
    for part in page.parts:
        by_key.setdefault(part.key, []).append(part)
    html: dict[str, str] = {}
    for key, parts in by_key.items():
        html |= render_all([part.fragment for part in parts], key, request.principal, oob=True)
    return HttpResponse("".join(html.values()))


class Hit(NamedTuple):
    icon: str
    address: str
    words: str
    state: str


@require_GET
@signed_in
def find(request: PageRequest) -> HttpResponse:
    """A few things that fit what is being typed: incidents, trust patterns, playbooks."""
    asked = typed(request.GET, "q", 200)
    hits = _hits(asked) if len(asked) > 1 else []
    return render(request, "layout/_found.html", {"hits": hits, "q": asked})


def _hits(asked: str) -> list[Hit]:
    newest = Incident.objects.order_by("-pk").values("pk")[:FOUND_AMONG]
    rows = matching(Incident.objects.filter(pk__in=newest), asked).order_by("-pk")[:FOUND_MAX]
    patterns = TrustRecord.objects.filter(pattern__icontains=asked).order_by("pattern")[:FOUND_MAX]
    playbooks = Playbook.objects.filter(name__icontains=asked).order_by("name")[:FOUND_MAX]
    return [
        *(Hit("incident", row.get_absolute_url(), f"{row.ref} {row.title}", row.get_status_display()) for row in rows),
        *(Hit("trust", f"/trust?row={row.pk}", row.pattern, row.environment) for row in patterns),
        *(Hit("playbook", row.get_absolute_url(), row.name, row.get_status_display()) for row in playbooks),
    ]


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open while somebody logged in or out, or that another site has sent (`CSRF_FAILURE_VIEW`)."""
    return render(request, "layout/csrf.html", status=403)
