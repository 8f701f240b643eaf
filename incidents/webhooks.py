"""The webhooks that alerts arrive at (`/api/v1/webhooks/…`). Answered after the commit, never before.

Senders give up for ever on 4xx, so a body is refused only when it is no message of its source at all: overload and a
database that is down are 503, which they repeat.
"""

from collections.abc import Callable
from typing import Any, cast

import structlog
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from aiops.access.authentication import ApiRequest, address_of, bearer, of_token
from aiops.access.models import ApiToken
from aiops.core.errors import Invalid, TooLarge, Unavailable
from incidents.intake import alertmanager, refusals
from incidents.intake.admission import Admission
from incidents.intake.bodies import read_json
from incidents.intake.reception import Receipt, receive
from incidents.intake.signals import Parsed
from incidents.models import Incident

log = structlog.get_logger(__name__)

DATABASE_DOWN = (OperationalError, InterfaceError, InternalError)
# One per process, as it counts this process's own posts.
admission = Admission(settings.AIOPS.incidents.max_in_flight, settings.AIOPS.incidents.reserved_in_flight)


class ReceiptOut(Schema):
    status: str
    accepted: int
    deduplicated: int
    ignored: int
    quarantined: int
    incidents: list[str]
    reason: str | None


def webhook_token(request: HttpRequest) -> bool:
    """A bearer token of scope `webhooks`. Wrong ones are counted, their bodies dropped."""
    secret = bearer(request)
    principal = of_token(secret, scope=ApiToken.Scope.WEBHOOKS, address=address_of(request)) if secret else None
    if principal is None:
        refusals.count(endpoint_of(request), 401, "no token, or not one for webhooks")
        return False
    cast(ApiRequest, request).principal = principal
    return True


def endpoint_of(request: HttpRequest) -> str:
    return request.path.partition("/webhooks/")[2].strip("/")[:60]


def take(request: HttpRequest, source: str, parse: Callable[[bytes], Parsed], *, reserved: bool = False) -> ReceiptOut:
    """Read, parse and store one post; every refusal is counted for its source."""
    conf = settings.AIOPS.incidents
    try:
        with admission.place(reserved=reserved):
            parsed = parse(_body(request, conf.max_body_bytes))
            return _answer(receive(source, parsed, conf=conf))
    except Invalid as error:
        refusals.keep(source, request.body, error.detail)
        raise
    except TooLarge as error:
        refusals.count(source, 413, error.detail)
        raise
    except DATABASE_DOWN as error:
        log.error("webhook.not_stored", source=source, error=str(error).splitlines()[0])
        raise Unavailable("the database does not take this now; the sender repeats it") from error


def _body(request: HttpRequest, max_bytes: int) -> bytes:
    """The raw body, its length looked at before it is read."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
        raise TooLarge(f"a body is at most {max_bytes // 1_048_576} MiB; send fewer alerts in one")
    return request.body


def _answer(receipt: Receipt) -> ReceiptOut:
    return ReceiptOut(
        status=receipt.status,
        accepted=receipt.accepted,
        deduplicated=receipt.deduplicated,
        ignored=receipt.ignored,
        quarantined=receipt.quarantined,
        incidents=[Incident(pk=pk).ref for pk in receipt.incidents],
        reason=receipt.reason,
    )


def source_of(request: HttpRequest, endpoint: str) -> str:
    """The endpoint and its token's name, so that two senders never share a fingerprint."""
    return f"{endpoint}/{cast(ApiRequest, request).principal.name}"[:120]


router = Router(tags=["webhooks"], auth=webhook_token)


@router.post("/alertmanager", response=ReceiptOut)
def webhook_alertmanager(request: HttpRequest) -> Any:
    """Alertmanager's webhook, version 4."""
    conf = settings.AIOPS.incidents

    def parse(body: bytes) -> Parsed:
        message = read_json(body, max_bytes=conf.max_body_bytes, max_depth=conf.max_depth)
        return alertmanager.parse(message, max_labels=conf.max_labels, received_at=timezone.now())

    return take(request, source_of(request, "alertmanager"), parse)
