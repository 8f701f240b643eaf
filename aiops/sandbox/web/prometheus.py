"""The query API of Prometheus over the world's samples.

Moments are the wall's, as clients know them; ranges such as `[5m]` are simulated time, so that a world that runs sixty
times as fast shows in one minute what would take an hour.
"""

import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aiops.sandbox.cluster.documents import micro_stamp
from aiops.sandbox.telemetry.evaluation import Sample, Value, evaluate, matching
from aiops.sandbox.telemetry.promql import QueryError, Selector, parse, seconds
from aiops.sandbox.web.answers import json_response
from aiops.sandbox.world import World

MOST_POINTS = 11_000


class PrometheusApi:
    def __init__(self, world: World) -> None:
        self._world = world
        self._samples = world.monitoring.samples

    def routes(self) -> list[Route]:
        both = ["GET", "POST"]
        return [
            Route("/api/v1/query", _answered(self.query), methods=both),
            Route("/api/v1/query_range", _answered(self.query_range), methods=both),
            Route("/api/v1/series", _answered(self.series), methods=both),
            Route("/api/v1/labels", _answered(self.labels), methods=both),
            Route("/api/v1/label/{name}/values", _answered(self.label_values)),
            Route("/api/v1/alerts", _answered(self.alerts)),
            Route("/api/v1/rules", _answered(self.rules)),
        ]

    async def query(self, request: Request) -> Any:
        asked = await _parameters(request)
        at = self._moment(asked.get("time", ""))
        value = self._value(asked, at)
        if isinstance(value, list):
            return {"resultType": "vector", "result": [{"metric": one.labels, "value": [at, _text(one.value)]} for one in value]}
        kind = "string" if isinstance(value, str) else "scalar"
        return {"resultType": kind, "result": [at, value if isinstance(value, str) else _text(value)]}

    async def query_range(self, request: Request) -> Any:
        asked = await _parameters(request)
        begin, end, step = self._moment(asked.get("start", "")), self._moment(asked.get("end", "")), _step(asked.get("step", ""))
        if end < begin:
            raise QueryError("end timestamp must not be before start time")
        if (end - begin) / step > MOST_POINTS:
            raise QueryError(f"exceeded maximum resolution of {MOST_POINTS} points per timeseries")
        found: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
        for i in range(int((end - begin) / step) + 1):
            at = begin + i * step
            value = self._value(asked, at)
            if isinstance(value, str):
                raise QueryError("a text has no range")
            for one in value if isinstance(value, list) else [Sample({}, value)]:
                row = found.setdefault(tuple(sorted(one.labels.items())), {"metric": one.labels, "values": []})
                row["values"].append([at, _text(one.value)])
        return {"resultType": "matrix", "result": list(found.values())}

    async def series(self, request: Request) -> Any:
        values = [value for name, value in await _pairs(request) if name == "match[]"]
        found: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        for text in values:
            selector = parse(text)
            if not isinstance(selector, Selector):
                raise QueryError("match[] takes a selector")
            for one in matching(selector, self._samples):
                found[tuple(sorted(one.named_map.items()))] = one.named_map
        return list(found.values())

    async def labels(self, request: Request) -> Any:
        return sorted({name for series in self._samples.all() for name in series.named_map})

    async def label_values(self, request: Request) -> Any:
        name = request.path_params["name"]
        if name == "__name__":
            return self._samples.names
        return sorted({series.label_map[name] for series in self._samples.all() if name in series.label_map})

    async def alerts(self, request: Request) -> Any:
        found = []
        for alert in self._world.monitoring.rules.active:
            since = micro_stamp(alert.starts_at or self._world.clock.now())
            state = "firing" if alert.starts_at else "pending"
            found.append(
                {
                    "labels": alert.labels,
                    "annotations": alert.annotations,
                    "state": state,
                    "activeAt": since,
                    "value": _text(alert.value),
                }
            )
        return {"alerts": found}

    async def rules(self, request: Request) -> Any:
        listed = [
            {
                "type": "alerting",
                "name": rule.alert,
                "query": rule.expr,
                "duration": rule.for_s,
                "labels": rule.labels | {"severity": rule.severity},
                "annotations": rule.annotations,
                "health": "ok",
            }
            for rule in self._world.monitoring.rules.rules
        ]
        return {"groups": [{"name": "sandbox", "file": "rules.yaml", "interval": 15, "rules": listed}]}

    def _value(self, asked: dict[str, str], at: float) -> Value:
        """Never later than the world has come, which may be a little behind the wall."""
        elapsed = min(self._world.clock.elapsed_at(at), self._world.clock.elapsed)
        return evaluate(asked.get("query", ""), self._samples, elapsed, now_s=at)

    def _moment(self, text: str) -> float:
        """Seconds of the epoch; now where nothing is said."""
        if not text:
            return self._world.clock.now().timestamp()
        try:
            return float(text)
        except ValueError:
            try:
                return datetime.fromisoformat(text).timestamp()
            except ValueError:
                raise QueryError(f"cannot parse {text!r} to a valid timestamp") from None


def _step(text: str) -> float:
    try:
        step = float(text)
    except ValueError:
        step = seconds(text)
    if step <= 0:
        raise QueryError("zero or negative query resolution step widths are not accepted")
    return step


def _text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


async def _pairs(request: Request) -> list[tuple[str, str]]:
    """Of the URL, and of the form that a POST carries."""
    return [*request.query_params.multi_items(), *parse_qsl((await request.body()).decode(errors="replace"))]


async def _parameters(request: Request) -> dict[str, str]:
    return dict(await _pairs(request))


def _answered(call: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response({"status": "success", "data": await call(request)})
        except QueryError as error:
            return json_response({"status": "error", "errorType": "bad_data", "error": str(error)}, 400)

    return endpoint
