"""The clue that one alert gives, and the draft in which it is put together.

Exact *things* come from labels, ownership, placement and declared dependencies (`topology.thing`). Shared causes that
nobody declares, such as cluster DNS, are *classes*, written `~dns@cluster`: they explain less surely, from WEAK on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue, TypeAdapter, ValidationError

from incidents.clues.trouble import Nature
from incidents.intake.reading import Reading
from incidents.labels import Labels, Reporter
from incidents.topology import Topology

WEAK = 10  # a class explains from this distance on; nearer ones are things
MAX_ABOUT = 6
MAX_TEXT = 600


@dataclass(frozen=True, slots=True)
class Scope:
    """The installation that an alert speaks of. An empty field says nothing and agrees with everything."""

    cluster: str = ""
    environment: str = ""
    is_test: bool = False  # a test is never about the same thing as real trouble

    def meets(self, other: "Scope") -> bool:
        one_cluster = not self.cluster or not other.cluster or self.cluster == other.cluster
        one_environment = not self.environment or not other.environment or self.environment == other.environment
        return one_cluster and one_environment and self.is_test == other.is_test


@dataclass(frozen=True, slots=True)
class Clue:
    """What an alert says about cause and effect.

    `about`: its own things, the most telling first. `needs`: what may explain it, by distance in hops. `hurts`: things that
    it brings down although it is not about them. `strains`: things that it asks too much of. `classes`: shared causes that
    it is. `touches`: namespaces that it shows trouble in.
    """

    name: str
    scope: Scope
    nature: Nature
    at: datetime
    about: tuple[str, ...]
    needs: Mapping[str, int]
    hurts: frozenset[str]
    strains: frozenset[str]
    classes: frozenset[str]
    touches: frozenset[str]

    def to_json(self) -> dict[str, JsonValue]:
        data: dict[str, JsonValue] = _CLUE.dump_python(self, mode="json")
        return data

    @property
    def harms(self) -> frozenset[str]:
        """Everything whose dependants may suffer from it; nothing for an alert that harms nobody."""
        return self.hurts.union(self.about, self.classes) if self.nature.harms else frozenset()


_CLUE = TypeAdapter(Clue)


def stored_clue(text: str) -> Clue | None:
    """A clue back from its JSON; None for none, or one of another form."""
    try:
        return _CLUE.validate_json(text)
    except ValidationError:
        return None


@dataclass(slots=True)
class Draft:
    """A clue in the making: the alert, what is known beforehand, and what the steps have found so far.

    `everywhere`: it is about something that has a pod on every machine, so where its pods run says nothing. `own`: the
    well-known systems that it is of.
    """

    reading: Reading
    nature: Nature
    scope: Scope
    reporter: Reporter
    topology: Topology
    words: str
    job: str
    text: str
    everywhere: bool
    own: tuple[str, ...]
    about: dict[str, None] = field(default_factory=dict)
    needs: dict[str, int] = field(default_factory=dict)
    hurts: set[str] = field(default_factory=set)
    strains: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    touches: set[str] = field(default_factory=set)

    @property
    def labels(self) -> Labels:
        return self.reading.signal.labels

    @property
    def kind(self) -> str:
        return self.reading.target.kind if self.reading.target is not None else ""

    @property
    def namespace(self) -> str:
        return self.reading.namespace

    def is_about(self, name: str) -> None:
        if name and len(self.about) < MAX_ABOUT:
            self.about.setdefault(name)

    def may_need(self, name: str, hops: int) -> None:
        if name and hops < self.needs.get(name, hops + 1):
            self.needs[name] = hops

    def shared(self, name: str) -> str:
        """The class `name` of this alert's cluster."""
        return f"~{name}@{self.scope.cluster}"

    def clue(self) -> Clue:
        return Clue(
            name=self.reading.name,
            scope=self.scope,
            nature=self.nature,
            at=self.reading.signal.starts_at,
            about=tuple(self.about),
            needs={name: hops for name, hops in self.needs.items() if name not in self.about},
            hurts=frozenset(self.hurts),
            strains=frozenset(self.strains),
            classes=frozenset(self.classes),
            touches=frozenset(self.touches),
        )
