"""The ledger of trust: the only writer of `TrustRecord` evidence and of `TrustEvent`.

A line and the row that it leads to are written in one transaction under the row's lock, so folding the lines in the order
of their ids gives the row again (`verify`). Who calls `append` for what is in `answers`, `outcomes` and `hindsight`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from math import isclose
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from aiops.core.scales import Tier
from aiops.live import publish
from learning import evidence, rows
from learning.conf import LearningConf
from learning.evidence import Entry, Folded, Worth
from learning.judgement import Brakes, Row, judge
from learning.models import TrustEvent, TrustRecord
from learning.policy import conf_in_force
from learning.scopes import Scope

# What follows from the ledger; the rest of the row is about its last decision.
FROM_LEDGER = (
    "successes", "failures", "evidence_at", "half_life_days", "score", "verified_days", "people", "agreed", "disagreed",
)  # fmt: skip


def lock(scope: Scope) -> TrustRecord:
    """The row of `scope`, made if there is none, locked until the caller's transaction ends."""
    there = TrustRecord.objects.select_for_update().filter(**asdict(scope))
    if (record := there.first()) is not None:
        return record
    _make(scope)
    return there.get()


def _make(scope: Scope) -> None:
    """Of several who make the same row at once, one does and the others wait for it."""
    TrustRecord.objects.bulk_create([TrustRecord(**asdict(scope))], ignore_conflicts=True)


@transaction.atomic
def append(
    scope: Scope,
    kind: TrustEvent.Kind,
    *,
    ds: float = 0.0,
    df: float = 0.0,
    dscore: int = 0,
    at: datetime,
    actor: str,
    reason: str = "",
    execution: UUID | None = None,
    decision: int | None = None,
    revision: int = 0,
    signers: Sequence[str] = (),
    agrees: bool | None = None,
) -> TrustEvent:
    """One line and the row it leads to. `at` is the run's time, for what is learned of a run later too.

    Raises IntegrityError for what the same actor has said of the same run or decision already.
    """
    conf = conf_in_force()
    record = lock(scope)
    event = TrustEvent(
        record=record,
        kind=kind,
        at=at,
        ds=ds,
        df=df,
        dscore=dscore,
        actor=actor,
        reason=reason[:300],
        execution=execution,
        decision=decision,
        revision=revision,
        signers=sorted(set(signers)),
        agrees=agrees,
    )
    folded = _after(record, event, conf)
    _put(record, folded, conf)
    now = folded.evidence
    event.successes, event.failures, event.score = now.successes, now.failures, now.score
    event.step = _step(record, folded, conf, now.at or at)
    event.save(force_insert=True)
    record.save(update_fields=FROM_LEDGER)
    publish("overview")
    return event


def _after(record: TrustRecord, event: TrustEvent, conf: LearningConf) -> Folded:
    """The row after `event`. The whole ledger is read only where the event can change what only the whole tells."""
    refolds = record.half_life_days != conf.half_life_days
    entries: list[Entry] = []
    if refolds or event.ds or event.agrees is not None:
        entries = [*rows.entries(record), event]
    if refolds:
        return evidence.fold(entries, half_life_days=conf.half_life_days)
    counted = evidence.counted(entries) if entries else rows.counted(record)
    moved = Worth(event.ds, event.df, event.dscore)
    now = rows.evidence_of(record).after(moved, event.at, half_life_days=conf.half_life_days)
    return replace(counted, evidence=now)


def _put(record: TrustRecord, folded: Folded, conf: LearningConf) -> None:
    now = folded.evidence
    record.successes, record.failures, record.evidence_at, record.score = now.successes, now.failures, now.at, now.score
    record.verified_days, record.people = folded.verified_days, folded.people
    record.agreed, record.disagreed = folded.agreed, folded.disagreed
    record.half_life_days = conf.half_life_days


def _step(record: TrustRecord, folded: Folded, conf: LearningConf, at: datetime) -> int:
    """The step that the evidence and the grants give for the tier of the row's last decision, without any brakes."""
    row = Row(folded.evidence, folded.verified_days, folded.people, folded.agreed, folded.disagreed)
    grants = rows.grants_of([record.pk], at=at).get(record.pk, [])
    return judge(row, grants, Tier(record.tier), Brakes(), scope=record.scope, conf=conf, at=at).step


def decided(scope: Scope, *, tier: Tier, cluster: str, at: datetime) -> None:
    """Note the tier (before trust) and the cluster of the row's last decision; the trust page shows the step for them."""
    _make(scope)
    older = TrustRecord.objects.of([scope]).filter(Q(decided_at=None) | Q(decided_at__lte=at))
    if older.update(tier=tier, cluster=cluster, decided_at=at):
        publish("overview")


def counts_of(execution: UUID) -> Worth:
    """What a run has moved so far, all its lines added up."""
    total = Worth()
    for ds, df, dscore in TrustEvent.objects.filter(execution=execution).values_list("ds", "df", "dscore"):
        total += Worth(ds, df, dscore)
    return total


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not what its ledger says."""

    record: TrustRecord
    columns: tuple[tuple[str, object, object], ...]  # name, in the row, by the ledger

    def __str__(self) -> str:
        told = ", ".join(f"{name} is {has}, its ledger says {says}" for name, has, says in self.columns)
        return f"trust row {self.record.pk} ({self.record}): {told}"


def verify() -> Iterator[Difference]:
    """Every row that differs from the fold of its ledger. Each is locked while it is read, so none differs for a moment."""
    for pk in TrustRecord.objects.order_by("id").values_list("pk", flat=True).iterator(chunk_size=500):
        with transaction.atomic():
            record = TrustRecord.objects.select_for_update().get(pk=pk)
            says = evidence.fold(rows.entries(record), half_life_days=record.half_life_days)
            last = record.events.order_by("-id").first()
        if columns := tuple(_differences(record, says, last)):
            yield Difference(record, columns)


def _differences(record: TrustRecord, says: Folded, last: TrustEvent | None) -> Iterator[tuple[str, object, object]]:
    now = says.evidence
    told = [
        ("successes", record.successes, now.successes),
        ("failures", record.failures, now.failures),
        ("evidence_at", record.evidence_at, now.at),
        ("score", record.score, now.score),
        ("verified_days", record.verified_days, says.verified_days),
        ("people", record.people, says.people),
        ("agreed", record.agreed, says.agreed),
        ("disagreed", record.disagreed, says.disagreed),
    ]
    if last is not None:
        told += [
            ("successes as last written down", record.successes, last.successes),
            ("failures as last written down", record.failures, last.failures),
            ("score as last written down", record.score, last.score),
        ]
    for name, has, expected in told:
        if not _same(has, expected):
            yield name, has, expected


def _same(one: object, other: object) -> bool:
    """Equal; floats up to what another machine's `pow` may round differently."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other
