"""Who may post alerts: by a token of scope `webhooks`, or by the signature of their kind. Who may not is counted."""

from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja.errors import HttpError

from aiops.access.authentication import ApiRequest, address_of, bearer, of_token
from aiops.access.models import ApiToken
from aiops.access.principals import Principal, Via
from aiops.core.errors import TooLarge
from incidents.intake import refusals
from incidents.intake.signing import is_signed

GRAFANA_SIGNATURE, GRAFANA_TIMESTAMP = "X-Grafana-Alerting-Signature", "X-Grafana-Alerting-Signature-Timestamp"
SENTRY_SIGNATURE = "Sentry-Hook-Signature"


def body_of(request: HttpRequest) -> bytes:
    """The raw body, its length looked at before it is read."""
    limit = settings.AIOPS.incidents.max_body_bytes
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        raise TooLarge(f"a body is at most {limit // 1_048_576} MiB; send fewer alerts in one")
    return request.body


def endpoint_of(request: HttpRequest) -> str:
    """`grafana`, `sentry` …: the beginning of every source of that kind."""
    return request.path.partition("/webhooks/")[2].partition("/")[0][:60]


def webhook_token(request: HttpRequest) -> bool:
    """A bearer token of scope `webhooks`. Wrong ones are counted, their bodies dropped."""
    secret = bearer(request)
    principal = of_token(secret, scope=ApiToken.Scope.WEBHOOKS, address=address_of(request)) if secret else None
    if principal is None:
        refusals.count(endpoint_of(request), 401, "no token, or not one for webhooks")
        return False
    cast(ApiRequest, request).principal = principal
    return True


def grafana(request: HttpRequest) -> bool:
    """A token, a signature, or both; whichever is given has to be right."""
    given, secret = request.headers.get(GRAFANA_SIGNATURE), settings.AIOPS.grafana_secret.get_secret_value()
    is_signature_read = given is not None and bool(secret)
    if given is not None and secret:
        _check_grafana(request, secret, given)
    elif given is not None and bearer(request) is None:
        raise _refused(request, "AIOPS_GRAFANA_SECRET is not set here, so no signature can be checked; set it, or send a token")
    if bearer(request) is not None or not is_signature_read:
        return webhook_token(request)
    _let_in(request)
    return True


def _check_grafana(request: HttpRequest, secret: str, given: str) -> None:
    """Grafana signs the body, or `<Unix time>:<body>` where its contact point names a header for the time."""
    body, stamp = _signed_body(request), request.headers.get(GRAFANA_TIMESTAMP)
    if not is_signed(secret, body if stamp is None else f"{stamp}:".encode() + body, given):
        raise _refused(
            request,
            f"{GRAFANA_SIGNATURE} does not fit AIOPS_GRAFANA_SECRET; if the contact point has a timestamp header, "
            f"it is called {GRAFANA_TIMESTAMP}",
        )
    window_s = settings.AIOPS.incidents.signature_window_s
    if stamp is not None and not (stamp.isdecimal() and abs(timezone.now().timestamp() - int(stamp[:15])) <= window_s):
        raise _refused(request, f"{GRAFANA_TIMESTAMP} is more than {window_s // 60} minutes away; set both clocks")


def sentry(request: HttpRequest) -> bool:
    """Sentry signs every request with the client secret of its integration; it has no other way to show who it is."""
    secret = settings.AIOPS.sentry_secret.get_secret_value()
    if not secret:
        raise _refused(request, "AIOPS_SENTRY_SECRET is not set here; set it to the client secret of Sentry's integration")
    if not is_signed(secret, _signed_body(request), request.headers.get(SENTRY_SIGNATURE, "")):
        raise _refused(request, f"{SENTRY_SIGNATURE} does not fit AIOPS_SENTRY_SECRET, the client secret of Sentry's integration")
    _let_in(request)
    return True


def _signed_body(request: HttpRequest) -> bytes:
    try:
        return body_of(request)
    except TooLarge as error:
        refusals.count(endpoint_of(request), 413, error.detail)
        raise


def _refused(request: HttpRequest, words: str) -> HttpError:
    refusals.count(endpoint_of(request), 401, words)
    return HttpError(401, words)


def _let_in(request: HttpRequest) -> None:
    """A sender without a name of its own: its source is the endpoint."""
    cast(ApiRequest, request).principal = Principal(name="", via=Via.API, address=address_of(request))
