"""Who is asking, and how a refusal looks to a person in the dashboard."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject

from aiops.access.authentication import of_session
from aiops.access.pages import referer
from aiops.core.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound, TooLarge, Unavailable

STATUS: dict[type[DomainError], int] = {
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    Invalid: 422,
    Unavailable: 503,
}

Respond = Callable[[HttpRequest], HttpResponse]


class PrincipalMiddleware:
    """Sets `request.principal` for pages; the API sets its own from the token."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.principal = SimpleLazyObject(lambda: of_session(request))  # type: ignore[attr-defined]
        return self.get_response(request)


class RefusalMiddleware:
    """Turns the domain's refusals into a readable page, or into a fragment for HTMX; views never catch them."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        template = "layout/_refusal.html" if request.htmx else "layout/refusal.html"  # type: ignore[attr-defined]
        response = render(request, template, {"refusal": error, "back": referer(request)}, status=STATUS[type(error)])
        if isinstance(error, Unavailable):
            response["Retry-After"] = str(error.retry_after_s)
        return response
