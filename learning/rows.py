"""Trust rows as they are judged: loaded with what their ledger and grants say, in as many queries for one as for many."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Sum

from learning.conf import LearningConf
from learning.evidence import Entry, Evidence, Folded, fold
from learning.judgement import Granted, Row
from learning.models import TrustEvent, TrustGrant, TrustRecord

LINE = ("at", "ds", "df", "dscore", "execution", "decision", "signers", "agrees")


def evidence_of(record: TrustRecord) -> Evidence:
    """What the row says, aged with the half-life that it was written with."""
    return Evidence(record.successes, record.failures, record.evidence_at, record.score)


def counted(record: TrustRecord) -> Folded:
    """What else the row says."""
    return Folded(verified_days=record.verified_days, people=record.people, agreed=record.agreed, disagreed=record.disagreed)


def load(records: Sequence[TrustRecord], *, conf: LearningConf, at: datetime) -> dict[int, Row]:
    """The rows by id, with evidence of the half-life that is set now and the runs of the sentence's window."""
    ids = [record.pk for record in records]
    worked, runs = _runs_since(ids, at - timedelta(days=conf.sentence_days))
    refolded = _refolded([record.pk for record in records if record.half_life_days != conf.half_life_days], conf)
    return {
        record.pk: Row(
            evidence=refolded.get(record.pk) or evidence_of(record),
            verified_days=record.verified_days,
            people=record.people,
            agreed=record.agreed,
            disagreed=record.disagreed,
            worked=worked.get(record.pk, 0),
            runs=runs.get(record.pk, 0),
        )
        for record in records
    }


def _runs_since(ids: Sequence[int], since: datetime) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """Successes and verified runs of each row since then, corrections considered."""
    worked: dict[int, int] = defaultdict(int)
    runs: dict[int, int] = defaultdict(int)
    lines = TrustEvent.objects.filter(record__in=ids, execution__isnull=False, at__gte=since)
    counted = lines.order_by().values("record", "execution").annotate(s=Sum("ds"), f=Sum("df"))
    for run in counted:
        runs[run["record"]] += run["s"] + run["f"] >= 1.0  # half a unit is a refusal, none is unverifiable
        worked[run["record"]] += run["s"] >= 1.0
    return worked, runs


def entries(record: TrustRecord) -> list[Entry]:
    """The ledger of a row in the order in which it was written, as far as the row depends on it."""
    return list(record.events.order_by("id").values_list(*LINE, named=True))


def _refolded(ids: Sequence[int], conf: LearningConf) -> dict[int, Evidence]:
    """Evidence of rows that were written with another half-life, from their ledgers."""
    if not ids:
        return {}
    ledgers: dict[int, list[Entry]] = {pk: [] for pk in ids}
    for line in TrustEvent.objects.filter(record__in=ids).order_by("id").values_list("record_id", *LINE, named=True):
        ledgers[line.record_id].append(line)
    return {pk: fold(ledger, half_life_days=conf.half_life_days).evidence for pk, ledger in ledgers.items()}


def grants_of(ids: Iterable[int], *, at: datetime) -> dict[int, list[Granted]]:
    """Grants and revokes in force, by row."""
    found: dict[int, list[Granted]] = defaultdict(list)
    for grant in TrustGrant.objects.in_force(at).filter(record__in=ids).select_related("by"):
        found[grant.record_id].append(Granted(grant.kind == TrustGrant.Kind.GRANT, grant.by.username, grant.until))
    return found
