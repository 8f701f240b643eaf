"""Prometheus and Alertmanager together: scrape, evaluate, notify, each in its own rhythm of simulated time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from aiops.sandbox.clock import Clock
from aiops.sandbox.telemetry.exporters import Exporters, Sample
from aiops.sandbox.telemetry.notifications import Notification, Notifier
from aiops.sandbox.telemetry.rules import EVERY_S, Rule, RuleEngine
from aiops.sandbox.telemetry.series import Samples, labels

SCRAPE_S = 15.0


@dataclass
class Monitoring:
    exporters: Exporters
    clock: Clock
    rules: RuleEngine
    samples: Samples = field(default_factory=Samples)
    notifier: Notifier = field(default_factory=Notifier)
    outgoing: list[Notification] = field(default_factory=list)  # due and not taken yet, oldest first
    _scrape_at: float = 0.0
    _evaluate_at: float = 0.0

    @classmethod
    def of(cls, exporters: Exporters, clock: Clock, rules: tuple[Rule, ...]) -> "Monitoring":
        notifier = Notifier(expressions={rule.alert: rule.expr for rule in rules})
        return cls(exporters, clock, RuleEngine(rules), notifier=notifier)

    def scrape(self) -> None:
        self.samples.scrape(self.clock.elapsed, chain(self.exporters.samples(), self._alert_samples()))

    def _alert_samples(self) -> Iterator[Sample]:
        for alert in self.rules.active:
            yield "ALERTS", labels(**alert.labels, alertstate="firing" if alert.starts_at else "pending"), 1.0

    def step(self) -> None:
        elapsed = self.clock.elapsed
        if elapsed >= self._scrape_at:
            self._scrape_at = elapsed + SCRAPE_S
            self.scrape()
        if elapsed >= self._evaluate_at:
            self._evaluate_at = elapsed + EVERY_S
            told = self.rules.evaluate(self.samples, elapsed, self.clock.now())
            self.notifier.take(told, elapsed)
        self.outgoing += self.notifier.due(elapsed)

    def take_outgoing(self) -> list[Notification]:
        """The webhook bodies that became due since the last call. Tell the notifier what becomes of each."""
        taken, self.outgoing = self.outgoing, []
        return taken
