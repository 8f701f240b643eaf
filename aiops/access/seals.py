"""The hash chain over the audit: each seal covers the entries since the one before it and that seal's own digest.

Changing, removing or inserting an entry below a seal breaks every seal from there on; `audit verify` finds the place.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now

from aiops.access.models import AuditEntry, AuditSeal

BATCH = 5_000
# Ids are given before commits: an entry younger than this may still have an unseen neighbour below it.
SETTLED_AFTER = timedelta(seconds=15)
_LOCK = 4_110_001  # any number; taken by whoever seals


def _line(entry: AuditEntry) -> bytes:
    fields = [
        entry.pk,
        entry.at.isoformat(),
        entry.user_id,
        entry.actor,
        entry.via,
        entry.address,
        entry.act,
        entry.object_kind,
        entry.object_id,
        entry.incident_ref,
        entry.refused,
        entry.detail,
    ]
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def chain(previous: str, entries: Iterable[AuditEntry]) -> str:
    digest = hashlib.sha256(previous.encode())
    for entry in entries:
        digest.update(_line(entry))
    return digest.hexdigest()


@transaction.atomic
def seal() -> int:
    """Seal what has settled since the last seal; returns how many entries. Only one process does it at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    last = AuditSeal.objects.order_by("-last_id").first()
    since = last.last_id if last else 0
    entries = list(AuditEntry.objects.filter(pk__gt=since, at__lt=Now() - SETTLED_AFTER).order_by("pk")[:BATCH])
    if not entries:
        return 0
    AuditSeal.objects.create(
        first_id=entries[0].pk,
        last_id=entries[-1].pk,
        entries=len(entries),
        digest=chain(last.digest if last else "", entries),
    )
    return len(entries)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken_at` is the first seal that does not fit its entries, None if all do."""

    seals: int
    entries: int
    unsealed: int
    broken_at: AuditSeal | None


def verify() -> Verdict:
    """Compute every seal again from the entries that are there now."""
    previous, count, seals = "", 0, 0
    for found in AuditSeal.objects.order_by("last_id").iterator():
        entries = list(AuditEntry.objects.filter(pk__gte=found.first_id, pk__lte=found.last_id).order_by("pk"))
        if len(entries) != found.entries or chain(previous, entries) != found.digest:
            return Verdict(seals, count, 0, found)
        previous, count, seals = found.digest, count + len(entries), seals + 1
    last = AuditSeal.objects.order_by("-last_id").first()
    unsealed = AuditEntry.objects.filter(pk__gt=last.last_id if last else 0).count()
    return Verdict(seals, count, unsealed, None)
