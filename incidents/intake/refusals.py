"""Requests that were refused: counted a source and hour, and kept where somebody has to see what was sent."""

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from aiops.core.redaction import redact
from incidents.intake.bodies import visible
from incidents.models import RefusedBody

_COUNT = """
INSERT INTO incidents_refusal AS r (source, status, hour, count, last_at, reason, recent, recent_since)
VALUES (%(source)s, %(status)s, date_trunc('hour', now()), 1, now(), %(reason)s, 1, now())
    ON CONFLICT (source, status, hour)
    DO UPDATE SET count = r.count + 1, last_at = now(), reason = excluded.reason,
        recent = CASE WHEN r.recent_since < now() - %(window)s * interval '1 second' THEN 1 ELSE r.recent + 1 END,
        recent_since = CASE WHEN r.recent_since < now() - %(window)s * interval '1 second' THEN now() ELSE r.recent_since END
"""


def count(source: str, status: int, reason: str) -> None:
    """One row an hour, however often: whoever floods with wrong tokens fills no disk."""
    with connection.cursor() as cursor:
        window_s = settings.AIOPS.incidents.refusal_alarm_window_s
        cursor.execute(_COUNT, {"source": source, "status": status, "reason": reason[:500], "window": window_s})


@transaction.atomic
def keep(source: str, body: bytes, reason: str) -> None:
    """Count a 422 and keep its body, cut to size; of each source the newest are kept."""
    conf = settings.AIOPS.incidents
    count(source, 422, reason)
    raw = redact(visible(body[: conf.raw_kept_bytes].decode("utf-8", errors="replace")))
    RefusedBody.objects.create(source=source, reason=reason[:500], raw=raw, received_at=timezone.now())
    newest = RefusedBody.objects.filter(source=source).order_by("-id").values_list("pk", flat=True)
    if len(stale := newest[conf.raw_kept_rows : conf.raw_kept_rows + 100]):
        RefusedBody.objects.filter(pk__in=list(stale)).delete()
