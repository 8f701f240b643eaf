"""Prometheus's query API: reads only, each under one short deadline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from aiops.connectors.errors import Permanent, Transient

Points = Sequence[tuple[float, float]]  # (unix seconds, value)


@dataclass(frozen=True, slots=True)
class Series:
    """One labelled series. Values that are no finite number are left out."""

    labels: Mapping[str, str]
    points: Points


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str
    token: str = ""
    timeout_s: float = 5.0

    def at(self, expression: str, when: datetime) -> list[Series]:
        """The value of every series of `expression` at one moment."""
        data = self._ask("query", {"query": expression, "time": f"{when.timestamp():.3f}"})
        return [Series(_labels(one), _finite([one.get("value")])) for one in _results(data)]

    def over(self, expression: str, start: datetime, end: datetime, *, step_s: float) -> list[Series]:
        """The same over a time, a value every `step_s`."""
        span = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}", "step": f"{step_s:g}"}
        data = self._ask("query_range", {"query": expression, **span})
        return [Series(_labels(one), _finite(one.get("values"))) for one in _results(data)]

    def alert_for_s(self, alert: str) -> float | None:
        """The `for` of the rule behind an alert, the longest where several have its name; None where there is none."""
        data = self._ask("rules", {"type": "alert", "rule_name[]": alert})
        groups = data.get("groups") if isinstance(data, dict) else None
        found = [
            float(rule.get("duration") or 0.0)
            for group in groups or ()
            for rule in group.get("rules") or ()
            if rule.get("name") == alert
        ]
        return max(found, default=None)

    def _ask(self, what: str, query: Mapping[str, str]) -> Any:
        words = f"ask Prometheus for {query.get('query') or query.get('rule_name[]')}"[:200]
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer = httpx.get(
                f"{self.url.rstrip('/')}/api/v1/{what}", params=dict(query), headers=headers, timeout=self.timeout_s
            )
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Transient(words, f"{type(error).__name__}: {error}") from None
        if answer.status_code >= 500 or not isinstance(body, dict):
            raise Transient(words, f"answered {answer.status_code}")
        if body.get("status") != "success":
            raise Permanent(words, str(body.get("error") or f"answered {answer.status_code}")[:300], code="invalid")
        return body.get("data")


def _results(data: Any) -> list[Mapping[str, Any]]:
    found = data.get("result") if isinstance(data, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _labels(result: Mapping[str, Any]) -> dict[str, str]:
    given = result.get("metric")
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}


def _finite(values: Any) -> Points:
    points: list[tuple[float, float]] = []
    for pair in values if isinstance(values, list) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2:
            try:
                at, value = float(pair[0]), float(pair[1])
            except (TypeError, ValueError):
                continue
            if value == value and abs(value) != float("inf"):
                points.append((at, value))
    return points
