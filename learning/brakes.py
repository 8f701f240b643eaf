"""What holds rows back now, for lists that show many of them. Later apps know more than this one: they register."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.conf import settings

from learning import outcomes
from learning.conf import LearningConf
from learning.judgement import Brakes
from learning.models import TrustRecord

Read = Callable[[Sequence[TrustRecord], LearningConf, datetime], Sequence[Brakes]]


def known_here(records: Sequence[TrustRecord], conf: LearningConf, at: datetime) -> list[Brakes]:
    """What learning knows by itself: shadow mode of the row's cluster, and recent failures of its resource group."""
    in_shadow = {cluster.name for cluster in settings.CLUSTERS if cluster.shadow}
    failed = outcomes.failed_alone([record.scope for record in records], at=at, conf=conf)
    return [Brakes(in_shadow=record.cluster in in_shadow, group_failures=failed[record.scope]) for record in records]


class Reader:
    """Whom to ask for the brakes of trust rows; `aiops/reactions.py` says who answers."""

    def __init__(self) -> None:
        self._read: Read = known_here

    def answered_by(self, read: Read) -> None:
        """`read` gives the brakes of rows in their order, in as many queries for one row as for many."""
        self._read = read

    def of(self, records: Sequence[TrustRecord], *, conf: LearningConf, at: datetime) -> Sequence[Brakes]:
        return self._read(records, conf, at)


reader = Reader()
