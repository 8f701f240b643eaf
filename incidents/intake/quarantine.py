"""Single bad alerts: put aside as they came, counted, shown, and tried again or discarded by a person."""

import json
from collections.abc import Sequence

from django.db import connection, transaction
from django.utils import timezone
from pydantic import JsonValue

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict
from aiops.live import publish
from incidents.intake import bodies
from incidents.intake.signals import Bad
from incidents.models import QuarantinedAlert

RAW_MAX = 64 * 1024

_HOLD = """
INSERT INTO incidents_quarantinedalert (source, received_at, raw, digest, reason, occurrences, status, decided_by)
SELECT %(source)s, now(), g.raw, g.digest, g.reason, 1, 'held', ''
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS g (raw text, digest text, reason text)
    ON CONFLICT (source, digest) WHERE status = 'held'
    DO UPDATE SET occurrences = incidents_quarantinedalert.occurrences + 1, received_at = now()
"""


def hold(source: str, bad: Sequence[Bad]) -> int:
    """Keep each with its reason; a sender that repeats one raises its count. Returns how many there were."""
    if bad:
        rows = {digest: row for row in map(_row, bad) if (digest := row["digest"])}
        with connection.cursor() as cursor:
            cursor.execute(_HOLD, {"source": source, "rows": json.dumps(list(rows.values()))})
        publish("overview")
    return len(bad)


def _row(bad: Bad) -> dict[str, JsonValue]:
    raw = json.dumps(bad.raw, ensure_ascii=False, sort_keys=True)
    return {"raw": raw[:RAW_MAX], "digest": bodies.digest_of(raw), "reason": bad.reason}


@transaction.atomic
def discard(row: QuarantinedAlert, by: Principal) -> QuarantinedAlert:
    """It is not wanted."""
    return _decide(row, by, QuarantinedAlert.Status.DISCARDED)


def _decide(row: QuarantinedAlert, by: Principal, to: QuarantinedAlert.Status) -> QuarantinedAlert:
    require(by, Act.QUARANTINE)
    held = QuarantinedAlert.objects.filter(pk=row.pk, status=QuarantinedAlert.Status.HELD)
    if not held.update(status=to, decided_by=by.name, decided_at=timezone.now()):
        row.refresh_from_db()
        raise Conflict(f"this alert is {row.status} already", code="not_held", state=row.status)
    row.refresh_from_db()
    record(by, Act.QUARANTINE, "quarantine", row.pk, outcome=to.value, reason=row.reason)
    publish("overview")
    return row


def settled(row: QuarantinedAlert, by: Principal) -> QuarantinedAlert:
    """It was taken on a second try."""
    return _decide(row, by, QuarantinedAlert.Status.RETRIED)
