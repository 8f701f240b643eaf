"""The alert's own metric: is it back where it was before the incident?"""

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.prometheus import Prometheus
from approvals.judgement import Metric
from incidents.measures import measure_of
from incidents.models import Alert

WINDOW = timedelta(hours=1)  # before the incident
QUIET = timedelta(minutes=10)  # just before it, and before the alert's own `for`: the fault had begun, the alert had not
STEP_S = 30.0
POINTS_MIN = 10  # fewer say nothing about what is normal
MARGIN = 0.10  # of the band's own height, and of its edge
SHOWN = 60  # points of the curve that people see


def read(
    alert: Alert, prometheus: Prometheus, *, opened_at: datetime, sent_at: datetime, now: datetime, for_s: float = 0.0
) -> Metric | None:
    """The metric now against its band; None where it cannot be told. `for_s` is how long the alert waits before it fires."""
    measure = measure_of(alert)
    if measure is None:
        return None
    ends = opened_at - QUIET - timedelta(seconds=for_s)
    try:
        before = measure.of(prometheus.over(measure.expression, ends - WINDOW, ends, step_s=STEP_S))
        curve = measure.of(prometheus.over(measure.expression, sent_at - timedelta(minutes=15), now, step_s=STEP_S))
        current = measure.of(prometheus.at(measure.expression, now))
    except (Transient, Permanent):
        return None
    if len(before) < POINTS_MIN:
        return None
    low, high = band(list(before.values()))
    earlier = [value for at, value in sorted(curve.items()) if at <= sent_at.timestamp()]
    return Metric(
        name=alert.name or "metric",
        low=None if measure.is_upper else low,
        high=high if measure.is_upper else None,
        at_act=earlier[-1] if earlier else None,
        now=next(iter(current.values()), None),
        curve=tuple(sorted(curve.items()))[-SHOWN:],
    )


def band(values: Sequence[float]) -> tuple[float, float]:
    """From the 5th to the 95th percentile, with a tenth of room: what was normal before."""
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    low, high = cuts[0], cuts[-1]
    return low - MARGIN * max(high - low, abs(low)), high + MARGIN * max(high - low, abs(high))
