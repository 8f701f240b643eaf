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


@dataclass(frozen=True, slots=True)
class StormAnswer:
    """Alerts of one label belong together; None opens and joins nothing. `root` is that of the largest incident."""

    id: str
    grouping: Mapping[str, str | None]
    root: str | None

    def to_json(self) -> dict[str, JsonValue]:
        return {"id": self.id, "grouping": dict(self.grouping), "root": self.root}


def correlate(
    readings: Sequence[Reading], offsets_s: Sequence[float], topology: Topology, conf: IncidentsConf
) -> list[Case | None]:
    """The case of every alert, in their order, which is that of time. None: it belongs to no incident.

    An alert that was there before stays where it is, whatever its status now; one that only ended opens nothing.
    """
    book = Casebook(conf=conf)
    known: dict[str, Case] = {}
    found: list[Case | None] = []
    for number, (reading, offset_s) in enumerate(zip(readings, offsets_s, strict=True)):
        fingerprint = reading.signal.fingerprint
        if fingerprint not in known and reading.signal.firing and not reading.is_deadman:
            known[fingerprint] = book.take(clue_of(reading, topology), number, BEGINNING + timedelta(seconds=offset_s))
        found.append(known.get(fingerprint))
    return [case.survivor if case is not None else None for case in found]


def answer(storm: RecordedStorm, *, conf: IncidentsConf, clusters: Sequence[Cluster] = ()) -> StormAnswer:
    entries = sorted(storm.alerts, key=lambda entry: entry.offset_s)
    readings = [read(entry.alert.signal(received_at=BEGINNING), clusters) for entry in entries]
    cases = correlate(readings, [entry.offset_s for entry in entries], of_record(storm.topology), conf)
    labels: dict[int, str] = {}
    grouping = {
        entry.id: labels.setdefault(id(case), f"{storm.id}-{len(labels) + 1}") if case is not None else None
        for entry, case in zip(entries, cases, strict=True)
    }
    largest = max((case for case in cases if case is not None), key=lambda case: len(case.alerts), default=None)
    root = largest.root_alert if largest is not None else None
    return StormAnswer(storm.id, grouping, entries[root].id if root is not None else None)
