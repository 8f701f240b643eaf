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

from aiops.access.authentication import ApiRequest
from aiops.core.errors import Invalid, TooLarge, Unavailable
from incidents.intake import alertmanager, grafana, refusals, senders, sentry, signoz
from incidents.intake.admission import Admission
from incidents.intake.bodies import read_json
from incidents.intake.reception import Receipt, receive
from incidents.intake.signals import Parsed

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


def take(
    request: HttpRequest,
    source: str,
    parse: Callable[[bytes], Parsed],
    *,
    reserved: bool = False,
    request_id: str = "",
) -> ReceiptOut:
    """Read, parse and store one post; every refusal is counted for its source. The same `request_id` is taken once."""
    conf = settings.AIOPS.incidents
    try:
        with admission.place(reserved=reserved):
            parsed = parse(senders.body_of(request))
            return _answer(receive(source, parsed, conf=conf, request_id=request_id))
    except Invalid as error:
        refusals.keep(source, request.body, error.detail)
        raise
    except TooLarge as error:
        refusals.count(source, 413, error.detail)
        raise
    except DATABASE_DOWN as error:
        log.error("webhook.not_stored", source=source, error=str(error).splitlines()[0])
        raise Unavailable("the database does not take this now; the sender repeats it") from error


def _answer(receipt: Receipt) -> ReceiptOut:
    return ReceiptOut(
        status=receipt.status,
        accepted=receipt.accepted,
        deduplicated=receipt.deduplicated,
        ignored=receipt.ignored,
        quarantined=receipt.quarantined,
        incidents=[f"INC-{pk}" for pk in receipt.incidents],
        reason=receipt.reason,
    )


def source_of(request: HttpRequest, endpoint: str) -> str:
    """The endpoint and its token's name, so that two senders never share a fingerprint."""
    name = cast(ApiRequest, request).principal.name
    return f"{endpoint}/{name}"[:120] if name else endpoint


def take_group(request: HttpRequest, endpoint: str, read: Callable[..., Parsed]) -> ReceiptOut:
    """A post of a source that speaks Alertmanager's language, or a dialect of it."""
    conf = settings.AIOPS.incidents

    def parse(body: bytes) -> Parsed:
        message = read_json(body, max_bytes=conf.max_body_bytes, max_depth=conf.max_depth)
        return read(message, max_labels=conf.max_labels, received_at=timezone.now())

    return take(request, source_of(request, endpoint), parse)


router = Router(tags=["webhooks"], auth=senders.webhook_token)


@router.post("/alertmanager", response=ReceiptOut)
def webhook_alertmanager(request: HttpRequest) -> Any:
    """Alertmanager's webhook, version 4."""
    return take_group(request, "alertmanager", alertmanager.parse)


@router.post("/grafana", response=ReceiptOut, auth=senders.grafana)
def webhook_grafana(request: HttpRequest) -> Any:
    """Grafana's unified alerting, by token or by signature."""
    return take_group(request, "grafana", grafana.parse)


@router.post("/signoz/alert", response=ReceiptOut)
def webhook_signoz(request: HttpRequest) -> Any:
    """SigNoz: Alertmanager's groups, or one flat alert."""
    return take_group(request, "signoz", signoz.parse)


@router.post("/sentry/error", response=ReceiptOut, auth=senders.sentry)
def webhook_sentry(request: HttpRequest) -> Any:
    """Sentry's integration webhooks. It waits about a second and never asks again, so it has places of its own."""
    conf = settings.AIOPS.incidents
    resource = request.headers.get("Sentry-Hook-Resource", "").strip().lower()

    def parse(body: bytes) -> Parsed:
        if not resource:
            raise Invalid("the header Sentry-Hook-Resource is missing", loc=("header", "Sentry-Hook-Resource"))
        if (unread := sentry.ignored(resource)) is not None:
            return unread
        message = read_json(body, max_bytes=conf.max_body_bytes, max_depth=conf.max_depth)
        return sentry.parse(message, resource=resource, received_at=timezone.now())

    return take(request, "sentry", parse, reserved=True, request_id=request.headers.get("Request-ID", "").strip())
