"""Alerting rules as Prometheus evaluates them: pending for a while, then firing, then resolved."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from string import Template
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from aiops.sandbox.telemetry import promql
from aiops.sandbox.telemetry.evaluation import vector
from aiops.sandbox.telemetry.series import Samples

EVERY_S = 30.0
EXTERNAL = {"cluster": "sandbox", "prometheus": "monitoring/k8s"}
_FNV_OFFSET, _FNV_PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF


def _duration(value: Any) -> Any:
    return promql.seconds(value) if isinstance(value, str) else value


class Rule(BaseModel):
    """One alert. Texts may name labels as `$labels_pod` and the value as `$value`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    alert: str
    expr: str
    for_s: Annotated[float, BeforeValidator(_duration)] = Field(0.0, alias="for")
    severity: str
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


@dataclass(slots=True)
class Alert:
    """One series of a rule while it is true, and for one last time when it no longer is."""

    rule: str
    labels: dict[str, str]
    annotations: dict[str, str]
    pending_since: float  # simulated
    value: float
    starts_at: datetime | None = None  # firing since
    ends_at: datetime | None = None

    @property
    def is_firing(self) -> bool:
        return self.starts_at is not None and self.ends_at is None

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.labels)


def fingerprint(labels: dict[str, str]) -> str:
    """As Prometheus computes it: FNV-1a over sorted names and values, each followed by a byte 255."""
    value = _FNV_OFFSET
    for name, text in sorted(labels.items()):
        for byte in name.encode() + b"\xff" + text.encode() + b"\xff":
            value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return f"{value:016x}"


@dataclass
class RuleEngine:
    """Evaluates every rule each `EVERY_S` of simulated time."""

    rules: tuple[Rule, ...]
    _alerts: dict[str, dict[str, Alert]] = field(default_factory=dict)  # by rule and fingerprint

    def evaluate(self, samples: Samples, time: float, now: datetime) -> list[Alert]:
        """Alerts that fire, in every round, and those that ended in this one."""
        told: list[Alert] = []
        for rule in self.rules:
            told += self._evaluate(rule, samples, time, now)
        return told

    def _evaluate(self, rule: Rule, samples: Samples, time: float, now: datetime) -> Iterator[Alert]:
        known = self._alerts.setdefault(rule.alert, {})
        seen: set[str] = set()
        for sample in vector(rule.expr, samples, time, now_s=now.timestamp()):
            labels = {key: value for key, value in sample.labels.items() if key != "__name__" and value}
            labels |= rule.labels | {"alertname": rule.alert, "severity": rule.severity} | EXTERNAL
            which = fingerprint(labels)
            seen.add(which)
            alert = known.get(which)
            if alert is None:
                alert = known[which] = Alert(rule.alert, labels, {}, time, sample.value)
            alert.value = sample.value
            alert.annotations = _texts(rule, labels, sample.value)
            if alert.starts_at is None and time - alert.pending_since >= rule.for_s:
                alert.starts_at = now
            if alert.starts_at is not None:
                yield alert
        for which in known.keys() - seen:
            alert = known.pop(which)
            if alert.starts_at is not None:
                alert.ends_at = now
                yield alert

    @property
    def active(self) -> Iterable[Alert]:
        """Pending and firing ones."""
        return (alert for group in self._alerts.values() for alert in group.values())

    @property
    def is_quiet(self) -> bool:
        """Nothing is pending or fires but the dead man's switch."""
        return all(alert.rule == "Watchdog" for alert in self.active)


def _texts(rule: Rule, labels: dict[str, str], value: float) -> dict[str, str]:
    known = {f"labels_{key}": text for key, text in labels.items()} | {"value": f"{value:.4g}", "percent": f"{value * 100:.0f} %"}
    return {key: Template(text).safe_substitute(known) for key, text in rule.annotations.items()}
