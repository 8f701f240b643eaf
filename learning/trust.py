"""May this action run alone? Trust rows looked up by scope and judged (`learning/judgement.py` holds the rules)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from aiops.core.scales import Tier
from learning import rows
from learning.conf import LearningConf
from learning.judgement import Brakes, Granted, Level, Row, Standing, judge
from learning.models import TrustRecord
from learning.scopes import Scope

__all__ = [
    "Ask", "Brakes", "Granted", "Level", "Row", "Scope", "Standing", "judge", "known", "standing", "standings", "standings_of",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """One question: an action of this scope and tier (before trust), held back by these brakes."""

    scope: Scope
    tier: Tier
    brakes: Brakes


def known(scope: Scope, *, conf: LearningConf, at: datetime) -> tuple[Row, tuple[Granted, ...]]:
    """What `judge` has to know of a scope, for who stores what was judged: the row, and the grants in force."""
    records = list(TrustRecord.objects.of([scope]))
    if not records:
        return Row(), ()
    pk = records[0].pk
    return rows.load(records, conf=conf, at=at)[pk], tuple(rows.grants_of([pk], at=at)[pk])


def standing(scope: Scope, tier: Tier, brakes: Brakes, *, conf: LearningConf, at: datetime) -> Standing:
    """Where an action stands at `at`. A scope without a row has no evidence, and so no step."""
    return standings([Ask(scope, tier, brakes)], conf=conf, at=at)[0]


def standings(asks: Sequence[Ask], *, conf: LearningConf, at: datetime) -> list[Standing]:
    """The same for many, in three queries (four after the half-life was changed), in the order asked."""
    records = list(TrustRecord.objects.of(ask.scope for ask in asks))
    return _judged(asks, records, conf=conf, at=at)


def standings_of(records: Sequence[TrustRecord], brakes: Sequence[Brakes], *, conf: LearningConf, at: datetime) -> list[Standing]:
    """Of rows that are at hand, each for the tier of its last decision."""
    asks = [Ask(record.scope, Tier(record.tier), held) for record, held in zip(records, brakes, strict=True)]
    return _judged(asks, records, conf=conf, at=at)


def _judged(asks: Sequence[Ask], records: Sequence[TrustRecord], *, conf: LearningConf, at: datetime) -> list[Standing]:
    found = {record.scope: record.pk for record in records}
    loaded = rows.load(records, conf=conf, at=at)
    grants = rows.grants_of(found.values(), at=at)
    answers = []
    for ask in asks:
        pk = found.get(ask.scope, 0)
        row = loaded.get(pk, Row())
        answers.append(judge(row, grants.get(pk, []), ask.tier, ask.brakes, scope=ask.scope, conf=conf, at=at))
    return answers
