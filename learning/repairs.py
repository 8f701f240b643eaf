"""Repair records: the verified outcomes of an anomaly, and what they recommend (`learning/ranking.py` holds the rules)."""

from collections import Counter
from datetime import datetime, timedelta

from aiops.core.actions import Action, ActionClass
from aiops.core.scales import Tier
from learning import ranking
from learning.conf import LearningConf
from learning.models import Outcome
from learning.ranking import Recommendation, Record, Summary

# More than this of one anomaly are not read: `records_per_pair` for some dozen different repairs.
MOST_RECORDS = 2000
IN_VAIN_WITHIN = timedelta(days=1)  # as long as policy counts ineffective tries
IN_VAIN_AT = 2


def records(anomaly_key: str, *, conf: LearningConf, at: datetime) -> list[Record]:
    """Newest first. What nobody could verify, and what the target refused, says nothing about a repair."""
    since = at - timedelta(days=conf.records_days)
    found = Outcome.objects.verified().filter(anomaly_key=anomaly_key, at__gte=since, at__lte=at).order_by("-at", "-id")
    return [
        Record(
            action=outcome.action_typed,
            successes=outcome.successes,
            failures=outcome.failures,
            seconds=outcome.seconds,
            blast_score=outcome.blast_score,
            tier=Tier(outcome.tier or Tier.HUMAN),
            at=outcome.at,
        )
        for outcome in found[:MOST_RECORDS]
    ]


def recommendation(anomaly_key: str, proposed: Action | None, *, conf: LearningConf, at: datetime) -> Recommendation:
    """What to do about this anomaly by its history. `proposed` is what the engine would do, None where none did."""
    return ranking.recommend(records(anomaly_key, conf=conf, at=at), proposed=proposed, conf=conf)


def summary(anomaly_key: str, *, conf: LearningConf, at: datetime) -> Summary:
    return ranking.summarise(records(anomaly_key, conf=conf, at=at), conf)


def in_vain(anomaly_key: str, *, incident: int, at: datetime) -> frozenset[ActionClass]:
    """What did not help against this anomaly and is not to be proposed again for now.

    Failed once in this incident, or twice within a day; a success in between starts anew.
    """
    R = Outcome.Result
    told = Outcome.objects.filter(
        anomaly_key=anomaly_key, at__gte=at - IN_VAIN_WITHIN, at__lte=at, result__in=[R.SUCCESS, R.FAILED, R.TIMEOUT]
    )
    failed, here, worked = Counter[str](), set[str](), set[str]()
    for outcome in told.order_by("-at", "-id")[:MOST_RECORDS]:
        if outcome.result == R.SUCCESS:
            worked.add(outcome.action_class)
        elif outcome.action_class not in worked:
            failed[outcome.action_class] += 1
            here |= {outcome.action_class} if outcome.incident == incident else set()
    return frozenset(ActionClass(act) for act, times in failed.items() if times >= IN_VAIN_AT or act in here)
