"""Writing a message in the transaction of its fact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from pydantic import JsonValue

from aiops.events import Fact
from aiops.outbox.models import Channel, Notification

posted = Fact("outbox.posted")


@dataclass(frozen=True, slots=True)
class Message:
    """What is told. `fact` names what happened: it is told once. `recipient`: the person whom it is for; empty: whoever reads."""

    fact: str
    kind: str
    payload: Mapping[str, JsonValue]
    incident_ref: str = ""
    recipient: str = ""


def post(
    fact: str,
    kind: str,
    payload: Mapping[str, JsonValue],
    *,
    incident_ref: str = "",
    recipient: str = "",
    channel: Channel | None = None,
) -> int:
    """One row for every enabled channel but those that page, or for `channel` alone; how many are new.

    Must run inside the transaction that makes the fact true: message and fact are kept or lost together.
    """
    return post_all([Message(fact, kind, payload, incident_ref, recipient)], channel=channel)


def post_all(messages: Sequence[Message], *, channel: Channel | None = None) -> int:
    """`post` for many, in as many statements as for one."""
    assert connection.in_atomic_block, "a message is born with its fact"
    enabled = Channel.objects.filter(is_enabled=True)
    channels = list(enabled.filter(pk=channel.pk) if channel is not None else enabled.exclude(kind__in=Channel.PAGING))
    rows = [
        Notification(
            fact=message.fact, channel=each, recipient=message.recipient, kind=message.kind, payload=dict(message.payload),
            incident_ref=message.incident_ref,
        )
        for message in messages
        for each in channels
    ]  # fmt: skip
    if not rows:
        return 0
    created = Notification.objects.bulk_create(rows, ignore_conflicts=True)
    for message in messages:
        posted.announce(message.fact)
    return len(created)
