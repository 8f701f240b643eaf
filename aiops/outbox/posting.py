"""Writing a message in the transaction of its fact."""

from collections.abc import Mapping

from django.db import connection
from pydantic import JsonValue

from aiops.events import Fact
from aiops.outbox.models import Channel, Notification

posted = Fact("outbox.posted")


def post(fact: str, kind: str, payload: Mapping[str, JsonValue], *, incident_ref: str = "") -> int:
    """One row for every enabled channel; the same fact again adds none. Returns how many rows are new.

    Must run inside the transaction that makes the fact true: message and fact are kept or lost together.
    """
    assert connection.in_atomic_block, "a message is born with its fact"
    rows = [
        Notification(fact=fact, channel=channel, kind=kind, payload=dict(payload), incident_ref=incident_ref)
        for channel in Channel.objects.filter(is_enabled=True)
    ]
    if not rows:
        return 0
    created = Notification.objects.bulk_create(rows, ignore_conflicts=True)
    posted.announce(fact)
    return len(created)
