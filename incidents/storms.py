"""A recorded outage through correlation, offline: which of its alerts are one incident, and which alert is the root."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from aiops.core.clusters import Cluster
from incidents.casebook import Case, Casebook
from incidents.clues.reader import clue_of
from incidents.conf import IncidentsConf
from incidents.intake.reading import Reading, read
from incidents.recorded import RecordedStorm
from incidents.topology import Topology, of_record

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # offsets count from here
FORGET_EVERY = 500  # alerts


@dataclass(frozen=True, slots=True)
class StormAnswer:
    """Alerts of one label belong together; None opens and joins nothing. `root` is that of the largest incident."""

    id: str
    grouping: Mapping[str, str | None]
    root: str | None

    def to_json(self) -> dict[str, JsonValue]:
        return {"id": self.id, "grouping": dict(self.grouping), "root": self.root}


def correlate(
    readings: Sequence[Reading], times: Sequence[datetime], topology: Topology, conf: IncidentsConf
) -> list[Case | None]:
    """The case of every alert, in their order, which is that of `times`. None: it belongs to no incident.

    An alert that fires already stays where it is; one that only ended opens nothing. In a case alerts are numbers of this list.
    """
    book = Casebook(conf=conf)
    firing: dict[str, Case] = {}
    found: list[Case | None] = []
    for number, (reading, at) in enumerate(zip(readings, times, strict=True)):
        fingerprint = reading.signal.fingerprint
        if not reading.signal.firing:
            found.append(firing.pop(fingerprint, None))
            continue
        if fingerprint not in firing and not reading.is_deadman:
            firing[fingerprint] = book.take(clue_of(reading, topology), number, at)
        found.append(firing.get(fingerprint))
        if number % FORGET_EVERY == FORGET_EVERY - 1:
            book.forget(at - timedelta(seconds=conf.correlation_max_s))
    return [case.survivor if case is not None else None for case in found]


def answer(storm: RecordedStorm, *, conf: IncidentsConf, clusters: Sequence[Cluster] = ()) -> StormAnswer:
    entries = sorted(storm.alerts, key=lambda entry: entry.offset_s)
    readings = [read(entry.alert.signal(received_at=BEGINNING), clusters) for entry in entries]
    times = [BEGINNING + timedelta(seconds=entry.offset_s) for entry in entries]
    cases = correlate(readings, times, of_record(storm.topology), conf)
    labels: dict[int, str] = {}
    grouping = {
        entry.id: labels.setdefault(id(case), f"{storm.id}-{len(labels) + 1}") if case is not None else None
        for entry, case in zip(entries, cases, strict=True)
    }
    largest = max((case for case in cases if case is not None), key=lambda case: len(case.alerts), default=None)
    root = largest.root_alert if largest is not None else None
    return StormAnswer(storm.id, grouping, entries[root].id if root is not None else None)
