"""Prometheus's query API: reads only, each under one short deadline."""

import asyncio
import functools
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from aiops.connectors.errors import Permanent, Transient

MAX_ANSWER_BYTES = 4 * 1024 * 1024
READ_CONNECTIONS = 6
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
    transport: httpx.AsyncBaseTransport | None = None  # stands in for the network of `reads` in tests

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

    @asynccontextmanager
    async def reads(self) -> "AsyncIterator[Queries]":
        """Many queries in one event loop, over connections that they share."""
        async with httpx.AsyncClient(
            base_url=f"{self.url.rstrip('/')}/api/v1/",
            headers=self._headers,
            timeout=self.timeout_s,
            verify=_tls(),
            limits=httpx.Limits(max_connections=READ_CONNECTIONS, max_keepalive_connections=READ_CONNECTIONS),
            transport=self.transport,
        ) as http:
            yield Queries(http, self.timeout_s)

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _ask(self, what: str, query: Mapping[str, str]) -> Any:
        words = _words(query)
        try:
            answer = httpx.get(
                f"{self.url.rstrip('/')}/api/v1/{what}", params=dict(query), headers=self._headers, timeout=self.timeout_s
            )
        except httpx.HTTPError as error:
            raise Transient(words, f"{type(error).__name__}: {error}") from None
        return _data(words, answer.status_code, answer.content)


@dataclass(frozen=True, slots=True)
class Queries:
    """Reads of one Prometheus, for as long as the client lives; each has its own deadline and a bounded answer."""

    http: httpx.AsyncClient
    timeout_s: float

    async def at(self, expression: str, when: datetime) -> list[Series]:
        data = await self._ask("query", {"query": expression, "time": f"{when.timestamp():.3f}"})
        return [Series(_labels(one), _finite([one.get("value")])) for one in _results(data)]

    async def over(self, expression: str, start: datetime, end: datetime, *, step_s: float) -> list[Series]:
        span = {"start": f"{start.timestamp():.3f}", "end": f"{end.timestamp():.3f}", "step": f"{step_s:g}"}
        data = await self._ask("query_range", {"query": expression, **span})
        return [Series(_labels(one), _finite(one.get("values"))) for one in _results(data)]

    async def _ask(self, what: str, query: Mapping[str, str]) -> Any:
        words, read = _words(query), bytearray()
        try:
            async with asyncio.timeout(self.timeout_s), self.http.stream("GET", what, params=dict(query)) as answer:
                async for chunk in answer.aiter_bytes():
                    read += chunk
                    if len(read) > MAX_ANSWER_BYTES:
                        raise Permanent(words, f"answered more than {MAX_ANSWER_BYTES // 1_048_576} MiB", code="too_much")
        except TimeoutError:
            raise Transient(words, f"no answer within {self.timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Transient(words, f"{type(error).__name__}: {error}") from None
        return _data(words, answer.status_code, bytes(read))


@functools.cache
def _tls() -> ssl.SSLContext:
    """Made once a process: reading all authorities takes longer than most queries."""
    return ssl.create_default_context()


def _words(query: Mapping[str, str]) -> str:
    return f"ask Prometheus for {query.get('query') or query.get('rule_name[]')}"[:200]


def _data(words: str, status: int, content: bytes) -> Any:
    """What a good answer holds; Transient or Permanent for any other."""
    try:
        body = json.loads(content)
    except ValueError as error:
        raise Transient(words, f"answered {status} with no JSON ({error})") from None
    if status >= 500 or not isinstance(body, dict):
        raise Transient(words, f"answered {status}")
    if body.get("status") != "success":
        raise Permanent(words, str(body.get("error") or f"answered {status}")[:300], code="invalid")
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
