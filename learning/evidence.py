"""What a trust row is made of: evidence that ages, a score that remembers lately, and what each run is worth.

Pure arithmetic of `trust-model.md` §2–3; `fold` of a ledger in the order in which it was written gives its row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from learning import beta
from learning.conf import LearningConf

DAY = timedelta(days=1)
SCORE_MAX = 10  # the scale of the score, also in the row's check constraint
# `trust-model.md` §3: a bound that is exactly at its limit passes.
EXACTLY = 1e-9


@dataclass(frozen=True, slots=True)
class Worth:
    """What something moves: successes, failures (units of one run) and points of the score."""

    ds: float = 0.0
    df: float = 0.0
    dscore: int = 0

    def __add__(self, other: "Worth") -> "Worth":
        return Worth(self.ds + other.ds, self.df + other.df, self.dscore + other.dscore)

    def __sub__(self, other: "Worth") -> "Worth":
        return Worth(self.ds - other.ds, self.df - other.df, self.dscore - other.dscore)

    def __bool__(self) -> bool:
        return (self.ds, self.df, self.dscore) != (0.0, 0.0, 0)

    @property
    def is_success(self) -> bool:
        """A whole success; half a one is none."""
        return self.ds >= 1.0


# What a run counts once it is verified (`trust-model.md` §2).
RUNS: Mapping[str, Worth] = {
    "success": Worth(1.0, 0.0, 1),
    "degraded": Worth(0.5, 0.5, 0),
    "timeout": Worth(0.5, 0.5, 0),  # did not converge
    "failed": Worth(0.0, 1.0, -6),
    "stopped": Worth(0.0, 1.0, -6),
    "refused": Worth(0.0, 0.5, -2),  # by the target, before anything was changed
    "unverifiable": Worth(),
}

# What people's answers to a proposal count. Each rejection is a run that would probably have failed.
ANSWERS: Mapping[str, Worth] = {
    "approve": Worth(),
    "override": Worth(0.0, 0.5, -2),
    "reject": Worth(0.0, 0.5, -2),
    "reject:wrong_action": Worth(0.0, 1.0, -2),
    "reject:not_now": Worth(),
}

_BAD_RATING = Worth(-0.5, 0.5, -2)
_WRONG = Worth(-1.0, 1.0, -6)


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What is known about a run beyond its verification.

    `ratings` is the latest of each person, 1–5. `is_wrong`: the latest review said so. `recurred`: the anomaly was back
    soon. `undone`: rolled back, or stopped by a person, after it had been verified.
    """

    ratings: Sequence[int] = ()
    is_wrong: bool = False
    recurred: bool = False
    undone: bool = False


def worth(result: str, hindsight: Hindsight, conf: LearningConf) -> Worth:
    """What a run counts, everything considered; the order in which it became known does not matter.

    A good rating makes a degraded run a success; each bad one moves half a unit from success to failure while there is
    one to move; a wrong, recurring or undone run is a failure, the last two steps of points included once.
    """
    counts = RUNS[result]
    if result == "degraded" and any(rating >= conf.rating_good for rating in hindsight.ratings):
        counts = RUNS["success"]
    if hindsight.undone and counts.ds > 0.0:
        return _failed(counts)
    if counts.is_success and (hindsight.is_wrong or hindsight.recurred):
        return _failed(counts)
    bad = sum(rating <= conf.rating_bad for rating in hindsight.ratings)
    for _ in range(bad):
        if counts.ds <= 0.0:
            break
        counts += _BAD_RATING
    return counts


def _failed(counts: Worth) -> Worth:
    """A run that turned out a failure: all of it, and the six points."""
    return Worth(0.0, counts.ds + counts.df, counts.dscore + _WRONG.dscore)


def age(days: float, half_life_days: float) -> float:
    """What is left of evidence that is `days` old; what lies in the future has not aged."""
    return float(0.5 ** (max(0.0, days) / half_life_days))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Successes and failures as they were worth at `at`, and the score. `at` is None before the first event."""

    successes: float = 0.0
    failures: float = 0.0
    at: datetime | None = None
    score: int = 0

    def after(self, worth: Worth, at: datetime, *, half_life_days: float) -> "Evidence":
        """The row after one more event of time `at`, which may be older than what is already here."""
        since = self.at or at
        now = max(since, at)
        here = age((now - since) / DAY, half_life_days)
        event = age((now - at) / DAY, half_life_days)
        return Evidence(
            successes=max(0.0, self.successes * here + worth.ds * event),
            failures=max(0.0, self.failures * here + worth.df * event),
            at=now,
            score=min(SCORE_MAX, max(0, self.score + worth.dscore)),
        )

    def aged(self, at: datetime, half_life_days: float) -> "Evidence":
        """The same evidence, worth what it is at `at`."""
        if self.at is None or at <= self.at:
            return self
        left = age((at - self.at) / DAY, half_life_days)
        return replace(self, successes=self.successes * left, failures=self.failures * left, at=at)

    @property
    def posterior(self) -> "Posterior":
        return Posterior(1.0 + self.successes, 1.0 + self.failures)


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed about a success rate: Beta(a, b)."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def lower(self, sure: float) -> float:
        """The rate that is exceeded with certainty `sure`."""
        return beta.inverse(1.0 - sure, self.a, self.b)

    def upper(self, sure: float) -> float:
        """The rate that is not exceeded with certainty `sure`."""
        return beta.inverse(sure, self.a, self.b)

    def below(self, rate: float) -> float:
        """How sure it is that the success rate is at most `rate`, 0–1."""
        return beta.cdf(rate, self.a, self.b)

    def is_above(self, rate: float, sure: float) -> bool:
        return self.below(rate) <= 1.0 - sure + EXACTLY

    def is_below(self, rate: float, sure: float) -> bool:
        return self.below(rate) >= sure - EXACTLY


class Entry(Protocol):
    """A line of the ledger, as far as the row depends on it. `agrees` is None where nobody judged a proposal."""

    @property
    def at(self) -> datetime: ...
    @property
    def ds(self) -> float: ...
    @property
    def df(self) -> float: ...
    @property
    def dscore(self) -> int: ...
    @property
    def execution(self) -> UUID | None: ...
    @property
    def decision(self) -> int | None: ...
    @property
    def signers(self) -> Sequence[str]: ...
    @property
    def agrees(self) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Folded:
    """Everything of a trust row that follows from its ledger."""

    evidence: Evidence = field(default_factory=Evidence)
    verified_days: int = 0
    people: int = 0
    agreed: int = 0
    disagreed: int = 0


def fold(entries: Sequence[Entry], *, half_life_days: float) -> Folded:
    """The row that a ledger, in the order in which it was written, comes to."""
    evidence = Evidence()
    for entry in entries:
        moved = Worth(entry.ds, entry.df, entry.dscore)
        evidence = evidence.after(moved, entry.at, half_life_days=half_life_days)
    return replace(counted(entries), evidence=evidence)


def counted(entries: Sequence[Entry]) -> Folded:
    """What only a whole ledger tells, without its evidence."""
    days, people = verified(entries)
    agreed, disagreed = answered(entries)
    return Folded(verified_days=days, people=people, agreed=agreed, disagreed=disagreed)


@dataclass(slots=True)
class Run:
    """One run as its ledger lines add up."""

    counts: Worth = Worth()
    day: date = date.min
    signers: set[str] = field(default_factory=set)


def runs(entries: Iterable[Entry]) -> dict[UUID, Run]:
    found: dict[UUID, Run] = {}
    for entry in entries:
        if entry.execution is not None:
            run = found.setdefault(entry.execution, Run())
            run.counts += Worth(entry.ds, entry.df, entry.dscore)
            run.day = entry.at.astimezone(UTC).date()  # a correction carries the run's time
            run.signers |= set(entry.signers)
    return found


def verified(entries: Iterable[Entry]) -> tuple[int, int]:
    """Distinct UTC days with a success, and distinct people who signed a run that succeeded, corrections considered."""
    successes = [run for run in runs(entries).values() if run.counts.is_success]
    return len({run.day for run in successes}), len({name for run in successes for name in run.signers})


def answered(entries: Iterable[Entry]) -> tuple[int, int]:
    """Proposals that people agreed and disagreed with; one that got both counts as disagreed."""
    said: dict[int, bool] = {}
    for entry in entries:
        if entry.decision is not None and entry.agrees is not None:
            said[entry.decision] = said.get(entry.decision, True) and entry.agrees
    agreed = sum(said.values())
    return agreed, len(said) - agreed
