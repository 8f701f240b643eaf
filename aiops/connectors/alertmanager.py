"""Alertmanager's own API, version 2: what it holds, since when it runs, and silences.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml

| what came back | error |
|---|---|
| no connection, no name, 429 | Transient |
| time over, reset, 5xx, while reading | Transient; while changing: Ambiguous |
| any other status, a redirect, no such answer, too much of it | Permanent |
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from aiops.connectors.errors import Ambiguous, Permanent, Transient

MAX_BYTES = 64 * 1024 * 1024  # about 30 000 alerts
T = TypeVar("T")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Receiver(_Answer):
    name: str


class AlertState(_Answer):
    state: str = "active"


class Listed(_Answer):
    """One alert that it holds: firing as far as it knows, whether it tells anybody or not."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = Field(default_factory=dict)
    startsAt: datetime
    fingerprint: str
    generatorURL: str = ""
    receivers: Sequence[Receiver] = ()
    status: AlertState = AlertState()

    @property
    def is_active(self) -> bool:
        """Neither silenced nor inhibited."""
        return self.status.state == "active"


class _Status(_Answer):
    uptime: datetime


class SilenceMatcher(_Answer):
    name: str
    value: str
    isRegex: bool = False
    isEqual: bool = True


class Silence(_Answer):
    id: str
    comment: str = ""
    status: AlertState = AlertState()


class _Made(_Answer):
    silenceID: str


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """One Alertmanager, or several that share their state behind one address. `deadline_s` is for each call in all."""

    url: str
    token: str = ""
    deadline_s: float = 10.0

    def alerts(self) -> list[Listed]:
        """Everything that fires, silenced and inhibited alerts included."""
        return self._read("read the alerts of", "/alerts?active=true&silenced=true&inhibited=true&unprocessed=true", list[Listed])

    def started_at(self) -> datetime:
        return self._read("read the status of", "/status", _Status).uptime

    def silences(self) -> list[Silence]:
        """Also those that are over, as long as it remembers them."""
        return self._read("read the silences of", "/silences", list[Silence])

    def silence(
        self, matchers: Sequence[SilenceMatcher], *, starts_at: datetime, ends_at: datetime, created_by: str, comment: str
    ) -> str:
        """Make a silence; returns its id."""
        body: JsonValue = {
            "matchers": [matcher.model_dump() for matcher in matchers],
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat(),
            "createdBy": created_by,
            "comment": comment,
        }
        return _parsed(
            self._ask("make a silence in", "POST", "/silences", body), _Made, self._attempt("make a silence in")
        ).silenceID

    def end_silence(self, silence_id: str) -> None:
        """End a silence that is listed; one that is over already stays so."""
        self._ask("end a silence in", "DELETE", f"/silence/{silence_id}")

    def _read(self, what: str, path: str, shape: type[T]) -> T:
        try:
            return _parsed(self._ask(what, "GET", path), shape, self._attempt(what))
        except Ambiguous as error:  # a read has no effect
            raise Transient(error.attempted, error.why) from error

    def _attempt(self, what: str) -> str:
        return f"{what} {self.url}"

    def _ask(self, what: str, method: str, path: str, body: JsonValue = None) -> bytes:
        attempted, until = self._attempt(what), time.monotonic() + self.deadline_s
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = f"{self.url.rstrip('/')}/api/v2{path}"
        try:
            with (
                httpx.Client(timeout=httpx.Timeout(self.deadline_s, connect=min(3.0, self.deadline_s))) as client,
                client.stream(method, url, headers=headers, json=body) as response,
            ):
                return _body(response, attempted, until)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Permanent(attempted, f"AIOPS_ALERTMANAGER_URL is no address ({error})") from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Transient(attempted, f"no connection ({error or type(error).__name__})") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Ambiguous(attempted, f"no clear answer ({error or type(error).__name__})") from error


def _body(response: httpx.Response, attempted: str, until: float) -> bytes:
    """The whole body of a 2xx, read within the deadline however slowly it comes."""
    if response.status_code == 429:
        raise Transient(attempted, "answered 429")
    if response.status_code >= 500:
        raise Ambiguous(attempted, f"answered {response.status_code}")
    if not response.is_success:
        raise Permanent(attempted, f"answered {response.status_code}")
    read = bytearray()
    for chunk in response.iter_bytes():
        read += chunk
        if len(read) > MAX_BYTES:
            raise Permanent(attempted, f"answered more than {MAX_BYTES // 1_048_576} MiB")
        if time.monotonic() > until:
            raise Ambiguous(attempted, "the answer takes too long")
    return bytes(read)


def _parsed(body: bytes, shape: type[T], attempted: str) -> T:
    try:
        return TypeAdapter(shape).validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Permanent(attempted, f"the answer is none of Alertmanager's ({place}: {first['msg']})"[:300]) from error
