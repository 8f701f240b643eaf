"""Logging in and out, one's own account, and the audit."""

from datetime import timedelta
from http import HTTPStatus

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from aiops.access.authentication import LOGIN_AT, address_of, of_session
from aiops.access.forms import AuditFilter, KeysForm
from aiops.access.models import ApiToken, AuditEntry
from aiops.access.pages import PageRequest, login_address, safe_next, signed_in, told, typed
from aiops.access.principals import record
from aiops.keyset import PageQuery, page

AUDIT_ROWS = 50


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The login. It is also how a person shows again that it is them (`again`), for what asks for a fresh login."""
    following = safe_next(request, request.POST.get("next") or request.GET.get("next", ""))
    again = "again" in request.GET
    if request.method == "POST":
        return _try(request, following)
    if request.user.is_authenticated and not again:
        return redirect(following)
    return _form(request, following, again=again)


def _try(request: HttpRequest, following: str) -> HttpResponse:
    name = typed(request.POST, "username", 150)
    credentials = {"username": name}
    user = authenticate(request, username=name, password=request.POST.get("password", ""))
    if user is None:
        left = settings.AXES_FAILURE_LIMIT - AxesProxyHandler.get_failures(request, credentials)
        return _form(request, following, name=name, left=max(0, left), status=HTTPStatus.UNAUTHORIZED)
    login(request, user)
    request.session[LOGIN_AT] = timezone.now().isoformat()
    if principal := of_session(request):
        record(principal, "session.login", "user", user.pk)
    return redirect(following)


def _form(
    request: HttpRequest, following: str, *, name: str = "", left: int | None = None, again: bool = False, status: int = 200
) -> HttpResponse:
    context = {"next": following, "name": name, "left": left, "again": again}
    return render(request, "access/login.html", context, status=status)


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: object = None) -> HttpResponse:
    """What axes answers after too many tries from one address for one name (`AXES_LOCKOUT_CALLABLE`)."""
    minutes = round(timedelta(hours=settings.AXES_COOLOFF_TIME).total_seconds() / 60)
    context = {"next": safe_next(request, request.POST.get("next", "")), "locked_min": minutes, "address": address_of(request)}
    return render(request, "access/login.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)


@require_POST
@signed_in
def sign_out(request: PageRequest) -> HttpResponse:
    record(request.principal, "session.logout", "user", request.user.pk)
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@require_GET
@signed_in
def account(request: PageRequest) -> HttpResponse:
    return _account(request, PasswordChangeForm(request.user))


def _account(request: PageRequest, form: PasswordChangeForm, status: int = 200) -> HttpResponse:
    tokens = ApiToken.objects.filter(user=request.user, revoked_at=None)
    context = {"heading": "Account", "tokens": tokens, "form": form, "principal": request.principal}
    return render(request, "access/settings.html", context, status=status)


@require_POST
@signed_in
def account_keys(request: PageRequest) -> HttpResponse:
    """Single-key shortcuts on or off, for oneself."""
    form = KeysForm(request.POST)
    request.user.single_keys = form.is_valid() and form.cleaned_data["single_keys"]
    request.user.save(update_fields=["single_keys"])
    return told(request, "Single keys are on." if request.user.single_keys else "Single keys are off.", "/settings")


@sensitive_post_parameters()
@require_POST
@signed_in
def account_password(request: PageRequest) -> HttpResponse:
    """A new password; every other session of this person ends."""
    form = PasswordChangeForm(request.user, request.POST)
    if not form.is_valid():
        return _account(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    form.save()
    update_session_auth_hash(request, request.user)
    request.session[LOGIN_AT] = timezone.now().isoformat()
    record(request.principal, "user.password", "user", request.user.pk)
    return told(request, "Password changed. Your other sessions have ended.", "/settings")


@require_GET
@signed_in
def audit(request: PageRequest) -> HttpResponse:
    """Who did what, newest first; filtered by exactly one person or one incident, which stay in the address."""
    form = AuditFilter(request.GET)
    rows = form.apply(AuditEntry.objects.all())
    entries, older = page(rows, PageQuery(limit=AUDIT_ROWS, cursor=request.GET.get("cursor") or None))
    context = {"heading": "Audit log", "entries": entries, "older": older, "form": form}
    return render(request, "access/audit.html", context)


def again_address(following: str) -> str:
    """Where a person logs in once more before an act that asks for it."""
    return f"{login_address(following)}&again=1"
