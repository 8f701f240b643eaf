"""New alerts among open incidents: from rows to cases, and the locks that keep two requests from deciding at once.

What belongs together is `casebook`'s to say; what is written comes from `intake.reception`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from incidents.casebook import Case, Casebook, is_likelier_root, looked_up, shared_namespace
from incidents.clues.clue import Clue, stored_clue
from incidents.clues.reader import clue_of
from incidents.conf import IncidentsConf
from incidents.intake.reading import Reading
from incidents.intake.statements import Home, Lock
from incidents.topology import Topology

MAX_LOCKS = 200  # of one transaction; PostgreSQL has room for 64 a connection in all
WIDEST = 50  # candidates for one alert; what explains it has fired lately, so the newest are taken
WIDER = 10  # for each further one of the same batch
_EVERYTHING = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One new alert in a batch: its reading, its row, and what it says about cause and effect."""

    alert: int
    reading: Reading
    clue: Clue


def arrivals_of(readings: Iterable[tuple[int, Reading]], topology: Topology) -> list[Arrival]:
    return [Arrival(alert, reading, clue_of(reading, topology)) for alert, reading in readings]


def keys_of(arrivals: Iterable[Arrival]) -> list[str]:
    """Every key of an open incident that may have to do with one of the arrivals."""
    return sorted({key for arrival in arrivals for key in looked_up(arrival.clue)})


def most_candidates(arrivals: Sequence[Arrival]) -> int:
    return WIDEST + WIDER * (len(arrivals) - 1)


def locks_of(clues: Iterable[Clue]) -> list[Lock]:
    """What two requests with alerts that have to do with each other both lock, one of them exclusively.

    Alerts that merely need the same thing do not meet: a thousand symptoms of one cluster share its DNS.
    """
    alone: set[str] = set()
    shared: set[str] = set()
    for clue in clues:
        alone.update(clue.about, clue.hurts, clue.strains, clue.classes)
        for name in clue.needs:
            (alone if name.startswith("~namespace:") else shared).add(name)
        shared.update(shared_namespace(clue, name) for name in clue.touches)
    return _locks(alone, shared - alone)


def locks_of_keys(keys: Iterable[str]) -> list[Lock]:
    """The locks of whoever changes incidents with these keys."""
    return _locks({key[1:] for key in keys}, set())


def _locks(alone: set[str], shared: set[str]) -> list[Lock]:
    if len(alone) + len(shared) > MAX_LOCKS:
        return [Lock(_number(_EVERYTHING), True)]
    numbers = {_number(name): False for name in (*shared, _EVERYTHING)} | {_number(name): True for name in alone}
    return [Lock(number, exclusive) for number, exclusive in sorted(numbers.items())]


def _number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)


def place(arrivals: Sequence[Arrival], homes: Iterable[Home], *, at: datetime, conf: IncidentsConf) -> list[Case]:
    """The cases that the arrivals are in now, older incidents among them with whatever they absorbed."""
    book = Casebook([case for home in homes if (case := case_of(home)) is not None], conf=conf)
    for arrival in arrivals:
        book.take(arrival.clue, arrival.alert, at)
    return [case for case in book.cases if case.alerts]


def case_of(home: Home) -> Case | None:
    """An open incident as a case; None for one that says nothing about its cause."""
    root = stored_clue(home.clue)
    if root is None:
        return None
    things, classes, touches = Case.known_by(home.keys)
    return Case(
        root=root,
        root_alert=home.root_alert,
        opened_at=home.opened_at,
        last_at=home.last_alert_at,
        incident=home.incident,
        acted=home.acted,
        split_from=home.split_from,
        things=things,
        classes=classes,
        touches=touches,
    )


def gather(arrivals: Sequence[Arrival], *, at: datetime) -> Case:
    """One case of all these alerts, because somebody says so. Root: the likeliest cause, else the worst, else the first."""
    first, *others = sorted(arrivals, key=lambda a: (a.reading.severity, a.reading.signal.starts_at, a.alert))
    case = Case(root=first.clue, root_alert=first.alert, opened_at=at, last_at=at)
    case.add(first.clue, first.alert, at)
    for arrival in others:
        if is_likelier_root(arrival.clue, case.root):
            case.root, case.root_alert = arrival.clue, arrival.alert
        case.add(arrival.clue, arrival.alert, at)
    return case
