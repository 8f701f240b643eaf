"""The trust page and its API: rows with where they stand, the latest runs and the ledger of each; constant queries."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from learning.brakes import reader
from learning.conf import LearningConf
from learning.judgement import Level, Standing
from learning.models import TrustEvent, TrustGrant, TrustRecord
from learning.trust import standings_of

LAST_RUNS = 20


@dataclass(frozen=True, slots=True)
class TrustRow:
    """One row for people: where it stands for the tier of its last decision, and what a lead has said about it."""

    record: TrustRecord
    standing: Standing
    grants: Sequence[TrustGrant]


def rows(records: Sequence[TrustRecord], *, conf: LearningConf, at: datetime) -> list[TrustRow]:
    """These rows with their standings, in their order."""
    brakes = reader.of(records, conf=conf, at=at)
    standings = standings_of(records, brakes, conf=conf, at=at)
    grants: dict[int, list[TrustGrant]] = defaultdict(list)
    for grant in TrustGrant.objects.in_force(at).filter(record__in=[r.pk for r in records]).select_related("by"):
        grants[grant.record_id].append(grant)
    return [TrustRow(record, standing, grants[record.pk]) for record, standing in zip(records, standings, strict=True)]


def row(record: TrustRecord, *, conf: LearningConf, at: datetime) -> TrustRow:
    return rows([record], conf=conf, at=at)[0]


def filtered(*, pattern: str = "", environment: str = "", namespace: str = "") -> QuerySet[TrustRecord]:
    """Rows with exactly these values; an empty one stands for any."""
    given = {"pattern": pattern, "environment": environment, "namespace": namespace}
    return TrustRecord.objects.filter(**{name: value for name, value in given.items() if value})


def levels(rows: Sequence[TrustRow]) -> Mapping[Level, int]:
    """How many rows stand on each level, every level named."""
    counts = Counter(row.standing.level for row in rows)
    return {level: counts[level] for level in Level}


@dataclass(frozen=True, slots=True)
class RunMark:
    """One run in a row's strip: a success, a failure, something between, or nothing that could be verified."""

    at: datetime
    successes: float
    failures: float

    @property
    def word(self) -> str:
        if self.successes + self.failures == 0.0:
            return "unverifiable"
        if self.successes >= 1.0:
            return "success"
        return "degraded" if self.successes > 0.0 else "failed"


def last_runs(records: Sequence[TrustRecord]) -> dict[int, list[RunMark]]:
    """The latest runs of each row as they count now, oldest first, in two queries."""
    newest = Window(RowNumber(), partition_by=F("record"), order_by=F("id").desc())
    first_lines = TrustEvent.objects.filter(
        record__in=[record.pk for record in records], kind=TrustEvent.Kind.OUTCOME, revision=0, execution__isnull=False
    )
    latest = (
        first_lines.annotate(place=newest).filter(place__lte=LAST_RUNS).values_list("record_id", "execution", "at", named=True)
    )
    found = list(latest.order_by("record_id", "id"))
    moved = TrustEvent.objects.filter(execution__in={run.execution for run in found}).order_by()
    counts = {run["execution"]: run for run in moved.values("execution").annotate(s=Sum("ds"), f=Sum("df"))}
    marks: dict[int, dict[object, RunMark]] = {record.pk: {} for record in records}
    for run in found:
        count = counts[run.execution]
        marks[run.record_id][run.execution] = RunMark(run.at, count["s"], count["f"])
    return {pk: list(runs.values()) for pk, runs in marks.items()}


def ledger(record: TrustRecord) -> QuerySet[TrustEvent]:
    """Its lines, newest first."""
    return record.events.order_by("-id")
