"""Which alerts tell of the same problem. Keys say what an alert is about; alerts that share one belong together.

The database finds open incidents by key; everything that decides is pure and works on values.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from incidents.conf import IncidentsConf
from incidents.intake.reading import Reading


@dataclass(frozen=True, slots=True)
class Arrival:
    """One new alert in a batch: its reading, its row, and the keys it is found by."""

    alert: int
    reading: Reading
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that new alerts may join."""

    id: int
    keys: frozenset[str]
    opened_at: datetime
    last_alert_at: datetime

    def takes(self, at: datetime, conf: IncidentsConf) -> bool:
        """Within the window after its last alert, and within the longest time in all."""
        return at - self.last_alert_at <= timedelta(seconds=conf.correlation_window_s) and at - self.opened_at <= timedelta(
            seconds=conf.correlation_max_s
        )


@dataclass(slots=True)
class Group:
    """Alerts of one batch that belong together, and the open incident that they join, if any."""

    arrivals: list[Arrival]
    incident: int | None = None
    keys: set[str] = field(default_factory=set)

    @property
    def root(self) -> Arrival:
        """The most likely cause among them: the worst, then the one that began first."""
        return min(self.arrivals, key=lambda a: (a.reading.severity, a.reading.signal.starts_at, a.alert))


def keys_of(reading: Reading) -> tuple[str, ...]:
    """What the alert is about, in its cluster and environment. Without a target only its own series is the same thing.

    A test is never about the same thing as real trouble.
    """
    place = f"{'test/' if reading.is_test else ''}{reading.cluster}/{reading.environment}"
    if reading.target is None:
        return (f"series:{place}/{reading.signal.fingerprint}",)
    target = reading.target
    return (f"target:{place}/{target.kind}/{target.namespace or ''}/{target.resource}",)


def lock_numbers(keys: Iterable[str]) -> list[int]:
    """Advisory lock numbers of the keys: signed 64 bits."""
    return sorted({int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), signed=True) for key in keys})


def group(arrivals: Sequence[Arrival], candidates: Sequence[OpenIncident], *, at: datetime, conf: IncidentsConf) -> list[Group]:
    """Put arrivals that share a key together, and each group into the open incident that shares one and still takes.

    Of several such incidents the one with the newest alert is joined.
    """
    by_key = _newest_by_key(candidates, at, conf)
    groups: list[Group] = []
    seen: dict[str, Group] = {}
    for arrival in arrivals:
        home = next((seen[key] for key in arrival.keys if key in seen), None)
        if home is None:
            home = Group([])
            groups.append(home)
        home.arrivals.append(arrival)
        home.keys.update(arrival.keys)
        seen.update(dict.fromkeys(arrival.keys, home))
        if home.incident is None:
            home.incident = next((by_key[key].id for key in arrival.keys if key in by_key), None)
    return groups


def _newest_by_key(candidates: Iterable[OpenIncident], at: datetime, conf: IncidentsConf) -> Mapping[str, OpenIncident]:
    found: dict[str, OpenIncident] = {}
    for incident in sorted(candidates, key=lambda c: c.last_alert_at):
        if incident.takes(at, conf):
            found.update(dict.fromkeys(incident.keys, incident))
    return found
