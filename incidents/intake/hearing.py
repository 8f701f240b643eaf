"""Who was heard when: the last delivery of every source, and whether it has been quiet for too long."""

from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from aiops.access.models import ApiToken

# One step of an index a source: the newest delivery of each, however many there are.
_LAST = """
WITH RECURSIVE heard AS (
    (SELECT source, received_at FROM incidents_delivery ORDER BY source, received_at DESC LIMIT 1)
    UNION ALL
    SELECT next.source, next.received_at
      FROM heard, LATERAL (SELECT source, received_at FROM incidents_delivery
                            WHERE source > heard.source ORDER BY source, received_at DESC LIMIT 1) AS next)
SELECT source, received_at FROM heard
"""


def last_heard() -> dict[str, datetime]:
    """When each source was last heard."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST)
        return dict(cursor.fetchall())


def is_quiet(heard: dict[str, datetime], *, after_s: int, at: datetime | None = None) -> bool:
    """NoAlertsReceivedLong: nothing from any source for `after_s`, though somebody was given a token to send with."""
    limit = (at or timezone.now()) - timedelta(seconds=after_s)
    if heard:
        return max(heard.values()) < limit
    return ApiToken.objects.filter(scope=ApiToken.Scope.WEBHOOKS, revoked_at=None, created_at__lt=limit).exists()
