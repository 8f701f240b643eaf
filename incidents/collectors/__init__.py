"""Collectors: each looks at one side of the patient, reads only, and gives back what it found."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from incidents.collectors.curves import curves
from incidents.collectors.events import events
from incidents.collectors.finding import Finding
from incidents.collectors.metrics import metrics
from incidents.collectors.needs import needs
from incidents.collectors.nodes import nodes
from incidents.collectors.pods import logs, pods
from incidents.collectors.rollouts import rollouts, workload
from incidents.collectors.scene import Scene


class Collector(NamedTuple):
    """`kind` stands for it where it found nothing in time. `within_s` is its own limit, below that of the whole look."""

    kind: str
    collect: Callable[[Scene], Awaitable[Sequence[Finding]]]
    within_s: float


# In the order in which people read them.
OF_CLUSTER = (
    Collector("workload", workload, 3.0),
    Collector("rollouts", rollouts, 3.0),
    Collector("pods", pods, 3.0),
    Collector("events", events, 3.0),
    Collector("logs", logs, 3.0),
    Collector("nodes", nodes, 3.0),
)
# These look into the cluster too, where there is one.
OF_METRICS = (
    Collector("metrics", metrics, 4.0),
    Collector("dependencies", needs, 4.0),
    Collector("curves", curves, 4.0),
)
