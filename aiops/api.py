"""The API: its routers, who may call it, and how its refusals look."""

from http import HTTPStatus
from typing import Any, cast

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.utils import check_csrf

from aiops.access.authentication import ApiRequest, address_of, bearer, of_session, of_token
from aiops.access.middleware import STATUS
from aiops.access.models import ApiToken
from aiops.core.errors import Conflict, DomainError, Invalid, NotAllowed, Unavailable
from aiops.health import router as health_router
from aiops.incident_api import router as incident_router
from approvals.api import router as approvals_router
from approvals.job_callbacks import router as job_callbacks_router
from approvals.policy_api import router as policy_router
from approvals.review_api import router as review_router
from incidents.api import router as incidents_router
from incidents.webhooks import DATABASE_DOWN
from incidents.webhooks import router as webhooks_router
from learning.api import router as learning_router

log = structlog.get_logger(__name__)


def person_or_token(request: HttpRequest) -> bool:
    """A bearer token of scope `api`, else the dashboard's session with its CSRF token."""
    call = cast(ApiRequest, request)
    if secret := bearer(request):
        principal = of_token(secret, scope=ApiToken.Scope.API, address=address_of(request))
    else:
        principal = of_session(request)
        if principal is not None and (refused := check_csrf(request)):
            raise HttpError(403, f"the CSRF token is missing or wrong ({refused.status_code})")
    if principal is None:
        return False
    call.principal = principal
    return True


api = NinjaAPI(
    title="AIOps decision console",
    version="1",
    description="Alerts in, decisions out. Names and shapes are stable; more fields may come.",
    auth=person_or_token,
)


def problem(request: HttpRequest, status: int, detail: str, **more: object) -> HttpResponse:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "errors": [], **more}
    response = api.create_response(request, body, status=status)
    response["Content-Type"] = "application/problem+json"
    return response


@api.exception_handler(DomainError)
def on_refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    more: dict[str, object] = {}
    match error:
        case Conflict():
            more = {"code": error.code, "state": error.state}
        case NotAllowed():
            more = {"code": error.code}
        case Invalid():
            more = {"errors": [{"loc": list(error.loc), "msg": error.detail}]}
    response = problem(request, STATUS[type(error)], error.detail, **more)
    if isinstance(error, Unavailable):
        response["Retry-After"] = str(error.retry_after_s)
    return response


@api.exception_handler(ValidationError)
def on_bad_input(request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [{"loc": [str(part) for part in e["loc"]], "msg": e["msg"]} for e in error.errors]
    fields = ", ".join(".".join(e["loc"][2:] or e["loc"]) for e in errors)
    return problem(request, 422, f"not usable: {fields}", errors=errors)


@api.exception_handler(AuthenticationError)
def on_nobody(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    response = problem(request, 401, "give a valid token as Authorization: Bearer …, or log in to the dashboard")
    response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(Http404)
@api.exception_handler(ObjectDoesNotExist)
def on_nothing(request: HttpRequest, error: Exception) -> HttpResponse:
    return problem(request, 404, "there is nothing here that you may see")


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(request, error.status_code, str(error))


def on_no_database(request: HttpRequest, error: Any) -> HttpResponse:
    log.error("api.database_down", error=str(error))
    response = problem(request, 503, "the database does not answer; ask again in a few seconds")
    response["Retry-After"] = "5"
    return response


for failure in DATABASE_DOWN:
    api.add_exception_handler(failure, on_no_database)

api.add_router("", health_router)
api.add_router("/webhooks", webhooks_router)
api.add_router("/webhooks", job_callbacks_router)
api.add_router("", incident_router)
api.add_router("", incidents_router)
api.add_router("", approvals_router)
api.add_router("", policy_router)
api.add_router("", review_router)
api.add_router("", learning_router)
