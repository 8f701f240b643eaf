"""Writing a message in the transaction of its fact."""

from collections.abc import Mapping

from django.db import connection
from pydantic import JsonValue

from aiops.events import Fact
from aiops.outbox.models import Channel, Notification

posted = Fact("outbox.posted")


def post(
    fact: str,
    kind: str,
    payload: Mapping[str, JsonValue],
    *,
    incident_ref: str = "",
    recipient: str = "",
    channel: Channel | None = None,
) -> int:
    """One row for every enabled channel but those that page, or for `channel` alone; how many are new: a fact is told once.

    `recipient` is the person whom it is for; empty: whoever reads the channel.

    Must run inside the transaction that makes the fact true: message and fact are kept or lost together.
    """
    assert connection.in_atomic_block, "a message is born with its fact"
    enabled = Channel.objects.filter(is_enabled=True)
    channels = enabled.filter(pk=channel.pk) if channel is not None else enabled.exclude(kind__in=Channel.PAGING)
    rows = [
        Notification(fact=fact, channel=each, recipient=recipient, kind=kind, payload=dict(payload), incident_ref=incident_ref)
        for each in channels
    ]
    if not rows:
        return 0
    created = Notification.objects.bulk_create(rows, ignore_conflicts=True)
    posted.announce(fact)
    return len(created)
