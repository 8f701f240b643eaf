"""What an alert measures: the expression of its rule, without the threshold.

The expression stands in the link that Prometheus puts into each alert. Its threshold is cut off, its series are those
that belong to the alert; what names a single pod is left out, so that the pods of before cannot stand in for those of now.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from aiops.connectors.prometheus import Series
from incidents.models import Alert

_THRESHOLD = re.compile(
    r"^(?P<left>.+?)\s*(?P<op>>=|<=|>|<)\s*(?:bool\s+)?(?P<limit>[-+]?[0-9.]+(?:e[-+]?\d+)?)\s*$", re.DOTALL | re.IGNORECASE
)
_SET_OPERATORS = re.compile(r"\b(and|or|unless)\b")
_OF_ONE_POD = frozenset({"pod", "instance", "container", "container_id", "id", "uid", "name", "node", "endpoint"})
_OF_THE_ALERT = frozenset({"alertname", "severity", "__name__", "prometheus", "alertstate"})


@dataclass(frozen=True, slots=True)
class Measure:
    """What an alert compares with its threshold. `is_upper`: it fires above it. `ignored` labels name a single pod."""

    expression: str
    is_upper: bool
    labels: Mapping[str, str]
    limit: float

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
    try:
        limit = float(match["limit"])
    except ValueError:
        return None
    return Measure(match["left"].strip(), match["op"].startswith(">"), labels, limit)
