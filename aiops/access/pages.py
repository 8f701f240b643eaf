"""What every page asks first: who is looking."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from aiops.access.authentication import of_session
from aiops.access.models import User
from aiops.access.principals import Principal, require
from aiops.access.roles import Act
from aiops.live import Fragment, render_all

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request of somebody who has logged in."""

    principal: Principal
    htmx: HtmxDetails
    user: User


def signed_in(view: Callable[Concatenate[PageRequest, P], HttpResponse]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view for people who may read; others are sent to the login and come back."""

    @never_cache
    @wraps(view)
    def for_people(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        page = cast(PageRequest, request)
        principal = of_session(request)
        if principal is None:
            return to_login(page)
        require(principal, Act.READ)
        page.principal = principal
        return view(page, *args, **kwargs)

    return cast(Callable[Concatenate[HttpRequest, P], HttpResponse], for_people)


def to_login(request: PageRequest) -> HttpResponse:
    """To the login, and from there back to the page that was looked at. What was being done has to be done again."""
    if request.htmx:
        seen = request.htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(login_address(seen))
    return redirect(login_address(request.get_full_path() if request.method == "GET" else referer(request)))


def login_address(next_address: str) -> str:
    return f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': next_address})}"


def referer(request: HttpRequest) -> str:
    """The page that a form was on, if it is one of ours; else the overview."""
    return safe_next(request, request.META.get("HTTP_REFERER", ""))


def safe_next(request: HttpRequest, address: str) -> str:
    """`address` where it stays on this host, else the overview: a link to the login cannot lead anywhere else."""
    ours = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return address if address and ours else reverse(settings.LOGIN_REDIRECT_URL)


def typed(fields: QueryDict, name: str, longest: int = 500) -> str:
    """What somebody wrote into a field: trimmed, cut, and without the NUL characters that no text column takes."""
    return fields.get(name, "").replace("\0", "").strip()[:longest]


def told(request: HttpRequest, text: str, address: str) -> HttpResponse:
    """After an act by a plain form: back to a page that says what was done."""
    messages.success(request, text)
    return redirect(address)


def led(request: PageRequest, text: str, address: str) -> HttpResponse:
    """After an act whose result is another page: to that page, which says what was done."""
    if not request.htmx:
        return told(request, text, address)
    messages.success(request, text)
    return HttpResponseClientRedirect(address)


def done(request: PageRequest, text: str, address: str, *, fragments: Iterable[Fragment] = (), key: object = "") -> HttpResponse:
    """After an act: the parts that it changed and a word of what was done; for a plain form the page at `address`."""
    if not request.htmx:
        return told(request, text, address)
    parts = render_all(fragments, str(key), request.principal, oob=True)
    return HttpResponse("".join([*parts.values(), render_to_string("layout/_told.html", {"text": text})]))
