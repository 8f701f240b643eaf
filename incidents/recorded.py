"""Recorded alerts: JSON Lines of bare alerts, webhook bodies, lines with `id` and `alert`, and storms, in one file if need be."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from incidents.intake.alertmanager import known_time
from incidents.intake.bodies import fingerprint_of
from incidents.intake.signals import Signal


class RecordedAlert(BaseModel):
    """One alert as Alertmanager sends it; other fields of the sender are ignored."""

    model_config = ConfigDict(extra="ignore")

    status: str = "firing"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    startsAt: datetime | None = None
    endsAt: datetime | None = None
    fingerprint: str = ""

    def signal(self, *, received_at: datetime) -> Signal:
        firing = self.status != "resolved"
        return Signal(
            fingerprint=self.fingerprint or fingerprint_of(self.labels),
            firing=firing,
            labels=self.labels,
            annotations=self.annotations,
            starts_at=known_time(self.startsAt, received_at),
            ended_at=None if firing else known_time(self.endsAt, received_at),
        )


class StormEntry(BaseModel):
    """One alert of a storm, so many seconds after the first event."""

    model_config = ConfigDict(extra="ignore")

    id: str
    offset_s: float
    alert: RecordedAlert


class RecordedStorm(BaseModel):
    """An outage: its alerts by the time they came, and what was known beforehand about what needs what."""

    model_config = ConfigDict(extra="ignore")

    id: str
    title: str = ""
    topology: dict[str, JsonValue] = Field(default_factory=dict)
    alerts: list[StormEntry]


@dataclass(frozen=True, slots=True)
class Single:
    """One alert by its id, or by its place in the file."""

    id: str
    alert: RecordedAlert


def read(lines: Iterable[str]) -> Iterator[Single | RecordedStorm]:
    """Everything in a JSON Lines text, in order. ValueError names the line that is nothing of the kind."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield from _entries(json.loads(line), str(number))
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"line {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error


def _entries(entry: Any, number: str) -> Iterator[Single | RecordedStorm]:
    if not isinstance(entry, Mapping):
        raise ValueError("not a JSON object")
    if isinstance(entry.get("alert"), Mapping):
        yield Single(str(entry.get("id") or number), RecordedAlert.model_validate(entry["alert"]))
    elif isinstance(alerts := entry.get("alerts"), list):
        if any(isinstance(alert, Mapping) and "offset_s" in alert for alert in alerts):
            yield RecordedStorm.model_validate({"id": f"storm-{number}", **entry})
        else:
            for index, alert in enumerate(alerts, 1):
                yield from _entries(alert, f"{number}.{index}")
    elif isinstance(entry.get("labels"), Mapping):
        yield Single(str(entry.get("id") or number), RecordedAlert.model_validate(entry))
    else:
        raise ValueError("neither an alert nor a webhook body")
