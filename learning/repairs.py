"""Repair records: the verified outcomes of an anomaly, and what they recommend (`learning/ranking.py` holds the rules)."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from aiops.core.actions import Action
from aiops.core.scales import Tier
from learning import ranking
from learning.conf import LearningConf
from learning.models import Outcome
from learning.ranking import Recommendation, Record, Summary

# More than this of one anomaly are not read: `records_per_pair` for some dozen different repairs.
MOST_RECORDS = 2000


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


def in_vain(anomaly_key: str, *, environment: str, incident: int, conf: LearningConf, at: datetime) -> frozenset[str]:
    """Patterns of what did not help against this anomaly, not to be proposed again for now.

    Failed once in this incident, or `conf.in_vain_tries` times in its environment within `conf.in_vain_within_s`, by what the
    runs count now; one that worked starts anew.
    """
    since = at - timedelta(seconds=conf.in_vain_within_s)
    runs = Outcome.objects.verified().filter(anomaly_key=anomaly_key, environment=environment, at__gte=since, at__lte=at)
    failed, here, worked = Counter[str](), set[str](), set[str]()
    columns = ("pattern", "incident", "result", "successes", "failures")
    for pattern, its_incident, result, successes, failures in runs.order_by("-at", "-id").values_list(*columns)[:MOST_RECORDS]:
        if successes >= 1:
            worked.add(pattern)
        elif (failures >= 1 or result == Outcome.Result.TIMEOUT) and pattern not in worked:
            failed[pattern] += 1
            here |= {pattern} if its_incident == incident else set()
    return frozenset(pattern for pattern, times in failed.items() if times >= conf.in_vain_tries or pattern in here)


def with_outcomes(anomaly_keys: Collection[str], *, conf: LearningConf, at: datetime) -> frozenset[str]:
    """Those of the anomalies against which something was done lately, so that `in_vain` may find something."""
    since = at - timedelta(seconds=conf.in_vain_within_s)
    runs = Outcome.objects.verified().filter(anomaly_key__in=anomaly_keys, at__gte=since, at__lte=at)
    return frozenset(runs.order_by().values_list("anomaly_key", flat=True).distinct())
