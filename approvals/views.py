"""What people do on pages about a proposal and about an act: sign, reject, override, propose, stop, settle, undo, rate."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from aiops.access.pages import PageRequest, done, referer, signed_in, typed
from aiops.access.principals import Principal
from aiops.core import commands
from aiops.core.errors import Invalid, NotFound
from aiops.core.wording import counted
from approvals import autonomy, execution, feedback, fragments, proposals, rollbacks, signatures
from approvals.models import Approval, Execution, Signature
from incidents import fragments as incidents
from incidents.models import Incident
from incidents.views import by_ref

QUEUE_ADDRESS = "/approvals"


@require_POST
@signed_in
def approve(request: PageRequest, pk: int) -> HttpResponse:
    """Sign what was seen: the form carries its digest."""
    digest, comment = request.POST.get("digest", ""), typed(request.POST, "comment", 1000)
    signed = signatures.sign(_approval(pk), request.principal, digest=digest, comment=comment)
    missing = signed.required_signatures - signed.signatures.count()
    text = f"Signed. {counted(missing, 'signature')} to go." if missing > 0 else "Signed. It starts at once."
    return _done(request, signed.incident, text + _too_many(request.principal))


def _too_many(signer: Principal) -> str:
    """A word to who signs so often that it may have become a habit."""
    since = timezone.now() - timedelta(hours=1)
    often = Signature.objects.filter(by=signer.name, at__gt=since).count()
    if often <= settings.AIOPS.approvals.signatures_per_hour_warning:
        return ""
    return f" That was your {counted(often, 'signature')} within an hour: have somebody else read the next ones."


@require_POST
@signed_in
def reject(request: PageRequest, pk: int) -> HttpResponse:
    kind, reason = request.POST.get("kind", ""), typed(request.POST, "reason")
    rejected = signatures.reject(_approval(pk), request.principal, kind=kind, reason=reason)
    return _done(request, rejected.incident, "Rejected. Nothing was run.")


@require_POST
@signed_in
def override(request: PageRequest, pk: int) -> HttpResponse:
    """Another action instead of the one that waits."""
    action = commands.parse(typed(request.POST, "command"))
    made = proposals.override(_approval(pk), request.principal, action=action, reason=typed(request.POST, "reason"))
    return _done(request, made.incident, _proposed(made))


@require_POST
@signed_in
def propose(request: PageRequest, ref: str) -> HttpResponse:
    """An action where nothing waits."""
    action = commands.parse(typed(request.POST, "command"))
    made = proposals.propose(by_ref(ref), request.principal, action=action, reason=typed(request.POST, "reason"))
    return _done(request, made.incident, _proposed(made))


def _proposed(approval: Approval) -> str:
    return f"Proposed. It needs {counted(approval.required_signatures, 'signature')}."


@require_GET
@signed_in
def preview(request: PageRequest) -> HttpResponse:
    """What a command would be as a typed action, while it is typed."""
    command = request.GET.get("command", "").strip()
    context: dict[str, object] = {}
    if command:
        try:
            context["action"] = commands.parse(command)
        except Invalid as error:
            context["error"] = error.detail
    return render(request, "approvals/_parsed.html", context)


@require_POST
@signed_in
def stop(request: PageRequest, pk: UUID) -> HttpResponse:
    run = execution.request_stop(_execution(pk), request.principal, reason=typed(request.POST, "reason"))
    cancelled = run.status == Execution.Status.CANCELLED
    return _done(request, run.incident, "Stopped. Nothing was changed." if cancelled else "A stop is asked for.")


@require_POST
@signed_in
def settle(request: PageRequest, pk: UUID) -> HttpResponse:
    """Whether an act of which nobody knows has landed, by somebody who has looked."""
    effect = request.POST.get("effect", "")
    if effect not in ("yes", "no"):
        raise Invalid("say whether the change is there", loc=("effect",))
    run = execution.settle(_execution(pk), request.principal, effect=effect == "yes", reason=typed(request.POST, "reason"))
    return _done(request, run.incident, "Settled. It is verified now." if effect == "yes" else "Settled as failed.")


@require_POST
@signed_in
def roll_back(request: PageRequest, pk: UUID) -> HttpResponse:
    run = rollbacks.roll_back(_execution(pk), request.principal, typed(request.POST, "reason"))
    return _done(request, run.incident, "The rollback is planned. It starts within seconds.")


@require_POST
@signed_in
def rate(request: PageRequest, ref: str) -> HttpResponse:
    score = request.POST.get("score", "")
    if score not in ("1", "2", "3", "4", "5"):
        raise Invalid("choose a rating from 1 to 5", loc=("score",))
    incident = feedback.rate(by_ref(ref), request.principal, score=int(score), notes=typed(request.POST, "notes", 2000))
    return _done(request, incident, f"Rated {score} of 5.")


@require_POST
@signed_in
def turn_autonomy(request: PageRequest) -> HttpResponse:
    wanted = request.POST.get("enabled", "")
    if wanted not in ("yes", "no"):
        raise Invalid("say whether it is switched on or off", loc=("enabled",))
    autonomy.turn(wanted == "yes", request.principal, reason=typed(request.POST, "reason"))
    text = "Autonomy is on." if wanted == "yes" else "Autonomy is off. Every action asks a person."
    return done(request, text, "/trust", fragments=(fragments.AUTONOMY_CONTROL, fragments.AUTONOMY_SWITCH))


def _done(request: PageRequest, incident: Incident, text: str) -> HttpResponse:
    """Back to where the act was done: the queue, or the incident."""
    seen = request.htmx.current_url_abs_path if request.htmx else referer(request)
    if urlsplit(seen or "").path == QUEUE_ADDRESS:
        return done(request, text, QUEUE_ADDRESS, fragments=(fragments.QUEUE_HEAD, fragments.QUEUE, fragments.RECENT))
    parts = (*incidents.INCIDENT, *fragments.INCIDENT, incidents.TIMELINE)
    return done(request, text, incident.get_absolute_url(), fragments=parts, key=incident.pk)


def _approval(pk: int) -> Approval:
    row = Approval.objects.filter(pk=pk).first()
    if row is None:
        raise NotFound("There is no such approval")
    return row


def _execution(pk: UUID) -> Execution:
    row = Execution.objects.filter(pk=pk).first()
    if row is None:
        raise NotFound("There is no such act")
    return row
