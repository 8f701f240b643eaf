"""The ordered scales: severity, risk, tier, data impact. `worse` is the later member."""

from enum import StrEnum
from typing import Self


class Scale(StrEnum):
    """A closed list in ascending order of how bad it is."""

    @property
    def rank(self) -> int:
        return list(type(self)).index(self)

    def worse(self, other: Self) -> Self:
        return self if self.rank >= other.rank else other

    def moved(self, steps: int) -> Self:
        """`steps` places up or down, stopping at the ends."""
        members = list(type(self))
        return members[max(0, min(len(members) - 1, self.rank + steps))]


class Severity(StrEnum):
    """How urgent an incident is; P0 first."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Risk(Scale):
    """What an action may cost if it is wrong, before its surroundings are looked at (`domain.md` §11)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def tier(self) -> "Tier":
        return list(Tier)[self.rank]


class Tier(Scale):
    """Who has to agree: nobody, one person, two people, or it cannot be done here."""

    AUTO = "auto"
    HUMAN = "human"
    DUAL = "dual"
    BLOCKED = "blocked"


class DataImpact(Scale):
    """What an action may do to data."""

    NONE = "none"
    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


CRITICAL_WORDS = frozenset({"critical", "crit", "page", "fatal", "emergency", "disaster", "alert"})
INFO_WORDS = frozenset({"info", "information", "informational", "notice", "debug", "none", "ok", "low"})


def severity_of(word: str, *, production: bool) -> Severity:
    """Map a sender's severity label: critical → P0 in production and P1 elsewhere, warning → P2, info → P3.

    `P0` to `P3` are taken as they stand. A missing or unknown word is a warning: never the loudest, never silent.
    """
    word = word.strip().lower()
    if word.upper() in list(Severity):
        return Severity(word.upper())
    if word in CRITICAL_WORDS:
        return Severity.P0 if production else Severity.P1
    return Severity.P3 if word in INFO_WORDS else Severity.P2
