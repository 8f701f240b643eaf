"""Delivering messages: one lane a channel, so that one that fails never holds up another (`reliability.md` §6).

`sending` is committed before the call. What surely failed is tried again with growing pauses for 24 h, then `dead`.
What nobody knows is tried once more, marked as a possible repeat.
"""

import json
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from aiops.connectors import egress
from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.events import Fact
from aiops.outbox.models import Channel, Notification

log = structlog.get_logger(__name__)

CALL_TIMEOUT_S = 10.0
BACKOFF_S = (5, 15, 45, 120, 300)
GIVE_UP_AFTER = timedelta(hours=24)
SENDING_LEASE = timedelta(seconds=30)  # `sending` for longer: whoever sent it is gone, and it is unclear

S = Notification.Status
message_dead = Fact("outbox.dead")

Send = Callable[[Channel, Notification], str]


def deliver_due(limit: int = 50) -> int:
    """Send what is due, channel by channel; returns how many were tried. Two callers at once never send one twice."""
    tried = 0
    for pk in list(_due().order_by("due_at").values_list("pk", flat=True)[:limit]):
        tried += deliver(pk)
    return tried


def _due() -> QuerySet[Notification]:
    waiting = (S.QUEUED, S.UNKNOWN, S.SENDING)
    return Notification.objects.filter(status__in=waiting, due_at__lte=Now(), channel__is_enabled=True)


def is_due() -> bool:
    """Whether anything waits to be sent now."""
    return _due().exists()


def deliver(pk: int) -> bool:
    """Try one message once; False if it is not due or another process has it."""
    message = _claim(pk)
    if message is None:
        return False
    try:
        provider_id = SENDERS[message.channel.kind](message.channel, message)
    except Transient as error:
        _again(message, S.QUEUED, str(error), after_s=error.after_s)
    except Ambiguous as error:
        message.unclear += 1
        # Once more at most, unless the provider tells repeats: unclear twice is a message that probably arrived twice already.
        may_repeat = message.unclear < 2 or message.channel.kind in TELLS_REPEATS
        _again(message, S.UNKNOWN if may_repeat else S.DEAD, str(error))
    except Permanent as error:
        _again(message, S.DEAD, str(error))
    else:
        Notification.objects.filter(pk=pk).update(status=S.SENT, sent_at=Now(), provider_id=provider_id[:200], error="")
        Channel.objects.filter(pk=message.channel_id, failing_since__isnull=False).update(failing_since=None)
    return True


@transaction.atomic
def _claim(pk: int) -> Notification | None:
    locked = Notification.objects.select_for_update(skip_locked=True, of=("self",)).select_related("channel")
    message = locked.filter(pk=pk, status__in=[S.QUEUED, S.UNKNOWN, S.SENDING], due_at__lte=Now()).first()
    if message is None:
        return None
    message.attempts += 1
    message.unclear += message.status == S.SENDING  # whoever sent it is gone
    Notification.objects.filter(pk=pk).update(
        status=S.SENDING, attempts=message.attempts, unclear=message.unclear, due_at=Now() + SENDING_LEASE
    )
    return message


def _again(message: Notification, status: Notification.Status, error: str, *, after_s: float | None = None) -> None:
    pause = after_s if after_s is not None else BACKOFF_S[min(message.attempts, len(BACKOFF_S)) - 1]
    if status != S.DEAD and timezone.now() - message.created_at > GIVE_UP_AFTER:
        status = S.DEAD
    with transaction.atomic():
        Notification.objects.filter(pk=message.pk).update(
            status=status, error=error[:2000], unclear=message.unclear, due_at=Now() + timedelta(seconds=min(pause, 300))
        )
        Channel.objects.filter(pk=message.channel_id, failing_since=None).update(failing_since=Now())
        if status == S.DEAD:
            message_dead.announce(message.pk)
    log.warning("message.not_sent", message=message.pk, channel=message.channel.name, status=status, error=error)


def _send_webhook(channel: Channel, message: Notification) -> str:
    """POST the message as JSON. The receiver can tell a repeat by `Idempotency-Key`."""
    body = json.dumps(
        {
            "id": message.pk,
            "kind": message.kind,
            "fact": message.fact,
            "incident": message.incident_ref or None,
            "recipient": message.recipient or None,
            "created_at": message.created_at.isoformat(),
            "may_be_a_repeat": message.unclear > 0,
            "payload": message.payload,
        }
    ).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"aiops-{message.pk}", "User-Agent": "aiops-console"}
    if channel.secret:
        headers["X-Aiops-Signature"] = egress.signature(channel.secret, body)
    hosts = settings.AIOPS.egress_hosts
    answer = egress.post(channel.address, body, headers=headers, timeout_s=CALL_TIMEOUT_S, allowed_hosts=hosts)
    return answer.headers.get("x-message-id", "")


def _send_pagerduty(channel: Channel, message: Notification) -> str:
    """Trigger an alert by PagerDuty's Events API v2. One incident of ours is one alert there: `dedup_key`."""
    payload = message.payload
    about = payload.get("title") or message.kind
    body = {
        "routing_key": settings.AIOPS.pagerduty_key.get_secret_value(),
        "event_action": "trigger",
        "dedup_key": f"aiops-{message.incident_ref or message.fact}",
        "payload": {
            "summary": f"{message.incident_ref} {about}: nobody has signed yet"[:1024],
            "source": str(payload.get("target") or "aiops-console"),
            "severity": PAGERDUTY_SEVERITY.get(str(payload.get("severity")), "warning"),
            "custom_details": payload,
        },
        "links": [{"href": payload["url"], "text": message.incident_ref}] if payload.get("url") else [],
    }
    headers = {"Content-Type": "application/json", "User-Agent": "aiops-console"}
    hosts = settings.AIOPS.egress_hosts
    egress.post(channel.address, json.dumps(body).encode(), headers=headers, timeout_s=CALL_TIMEOUT_S, allowed_hosts=hosts)
    return str(body["dedup_key"])


PAGERDUTY_SEVERITY = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}

# One alert there however often it is sent.
TELLS_REPEATS = frozenset({Channel.Kind.PAGERDUTY})
# What delivers each kind of channel.
SENDERS: dict[str, Send] = {Channel.Kind.WEBHOOK: _send_webhook, Channel.Kind.PAGERDUTY: _send_pagerduty}


@transaction.atomic
def retry(message: Notification) -> None:
    """A person wants a dead message tried again."""
    Notification.objects.filter(pk=message.pk, status=S.DEAD).update(status=S.QUEUED, due_at=Now(), attempts=0)
