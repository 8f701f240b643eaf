"""Trust and playbooks, for people to read; what a lead says on top of the evidence."""

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from aiops.access.pages import PageRequest, done, signed_in, typed
from aiops.core.errors import Invalid, NotFound
from aiops.keyset import PageQuery
from aiops.keyset import page as keyset_page
from learning import fragments, grants, page, playbook_versions
from learning.models import Playbook, TrustGrant, TrustRecord
from learning.policy import conf_in_force

PLAYBOOKS_SHOWN = 100


def trust_key(query: QueryDict) -> str:
    """What of an address makes the list differ."""
    kept = QueryDict(mutable=True)
    for name in ("level", "row", "cursor"):
        if value := query.get(name, ""):
            kept[name] = value[:200]
    return kept.urlencode()


@require_POST
@signed_in
def grant(request: PageRequest, pk: int) -> HttpResponse:
    """Grant the step, or take it away, until a time; the evidence stays as it is."""
    record = TrustRecord.objects.filter(pk=pk).first()
    if record is None:
        raise NotFound("There is no such trust row")
    kind = request.POST.get("kind", "")
    if kind not in TrustGrant.Kind.values:
        raise Invalid("choose whether it is granted or revoked", loc=("kind",))
    grants.give(
        record,
        TrustGrant.Kind(kind),
        by=request.principal,
        until=_until(request.POST.get("until", "")),
        reason=typed(request.POST, "reason"),
        conf=conf_in_force(),
        at=timezone.now(),
    )
    text = "Granted for a while." if kind == TrustGrant.Kind.GRANT else "It asks a person for a while."
    return done(request, text, f"/trust?row={pk}", fragments=(fragments.PATTERN, fragments.GRANT), key=pk)


def _until(text: str) -> datetime:
    """A time as the browser's field sends it, taken as UTC where it names no zone."""
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise Invalid("give the day and time of its end", loc=("until",))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@require_GET
@signed_in
def playbooks(request: PageRequest) -> HttpResponse:
    """Narrowed by `status` and by words of the name, which stay in the address."""
    status, asked = request.GET.get("status", ""), typed(request.GET, "q", 150)
    found = Playbook.objects.prefetch_related("steps")
    if status in Playbook.Status.values:
        found = found.filter(status=status)
    if asked:
        found = found.filter(name__icontains=asked)
    rows, older = keyset_page(found, PageQuery(limit=PLAYBOOKS_SHOWN, cursor=request.GET.get("cursor") or None))
    context = {
        "heading": "Playbooks",
        "playbooks": rows,
        "older": older,
        "statuses": Playbook.Status.choices,
        "status": status,
        "q": asked,
        "similarity": settings.AIOPS.incidents.playbook_similarity,
    }
    return render(request, "learning/playbooks.html", context)


@require_GET
@signed_in
def playbook(request: PageRequest, pk: int) -> HttpResponse:
    row = Playbook.objects.prefetch_related("steps").filter(pk=pk).first()
    if row is None:
        raise NotFound("There is no such playbook")
    newest = row.versions.first()
    context = {
        "heading": row.name,
        "playbook": row,
        "steps": page.steps_of(row),
        "needs": [Playbook.Need(need).label for need in row.needs if need in Playbook.Need.values],
        "version": newest,
        "diff": playbook_versions.changes(newest) if newest else [],
        "similarity": settings.AIOPS.incidents.playbook_similarity,
    }
    return render(request, "learning/playbook.html", context)
