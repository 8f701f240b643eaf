"""The alert's own metric: is it back where it was before the incident?

The expression stands in the link that Prometheus puts into each alert. Its threshold is cut off, its series are those
that belong to the alert; what names a single pod is left out, so that the pods of before cannot stand in for those of now.
"""

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.prometheus import Prometheus, Series
from approvals.judgement import Metric
from incidents.models import Alert

WINDOW = timedelta(hours=1)  # before the incident
QUIET = timedelta(minutes=10)  # just before it, and before the alert's own `for`: the fault had begun, the alert had not
STEP_S = 30.0
POINTS_MIN = 10  # fewer say nothing about what is normal
MARGIN = 0.10  # of the band's own height, and of its edge
SHOWN = 60  # points of the curve that people see
_THRESHOLD = re.compile(r"^(?P<left>.+?)\s*(?P<op>>=|<=|>|<)\s*(?:bool\s+)?[-+]?[0-9.]+(?:e[-+]?\d+)?\s*$", re.DOTALL | re.I)
_SET_OPERATORS = re.compile(r"\b(and|or|unless)\b")
_OF_ONE_POD = frozenset({"pod", "instance", "container", "container_id", "id", "uid", "name", "node", "endpoint"})
_OF_THE_ALERT = frozenset({"alertname", "severity", "__name__", "prometheus", "alertstate"})


@dataclass(frozen=True, slots=True)
class Measure:
    """What an alert compares with its threshold. `is_upper`: it fires above it. `ignored` labels name a single pod."""

    expression: str
    is_upper: bool
    labels: Mapping[str, str]

    @property
    def ignored(self) -> frozenset[str]:
        """An alert about a machine is about that one; one about a pod is about the pods that replace it, too."""
        return _OF_ONE_POD if "pod" in self.labels else frozenset()

    def of(self, found: Sequence[Series]) -> dict[float, float]:
        """The worst value at each moment, of the series that are the alert's."""
        worst: dict[float, float] = {}
        for series in found:
            if all(self.labels.get(key, value) == value for key, value in series.labels.items() if key not in self.ignored):
                for at, value in series.points:
                    known = worst.get(at, value)
                    worst[at] = max(known, value) if self.is_upper else min(known, value)
        return worst


def measure_of(alert: Alert) -> Measure | None:
    """None where the alert says no expression, or none that compares one thing with one number."""
    expressions = parse_qs(urlsplit(alert.generator_url).query).get("g0.expr", [""])
    match = _THRESHOLD.match(expressions[0].strip())
    if match is None or _SET_OPERATORS.search(match["left"]):
        return None
    labels = {key: value for key, value in alert.labels.items() if key not in _OF_THE_ALERT}
    return Measure(match["left"].strip(), match["op"].startswith(">"), labels)


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
