"""Which repair to suggest for an anomaly, by what verified before (`trust-model.md` §8, `domain.md` §6).

Hopeful when suggesting, sceptical when acting alone: what is on trial is only ever shown to a person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from statistics import fmean

from aiops.core.actions import Action, ActionClass, AdjustResources, ExpandStorage, NotifyOnly, Rollback, Scale
from aiops.core.scales import Tier
from learning.conf import LearningConf
from learning.evidence import Posterior


@dataclass(frozen=True, slots=True)
class Record:
    """One verified run of a repair. `successes` is 0, ½ or 1, `failures` the rest."""

    action: Action
    successes: float
    failures: float
    seconds: float
    blast_score: int
    tier: Tier
    at: datetime


class Trial(StrEnum):
    PROVEN = "proven"
    ON_TRIAL = "on_trial"
    SHUT = "shut"


class Basis(IntEnum):
    """How well founded a recommendation is; 1 is best."""

    EXCELLENT = 1
    PROVEN = 2
    TRIED = 3
    NOTHING = 4


@dataclass(frozen=True, slots=True)
class Option:
    """A repair with what is known of it for one anomaly. The counts are plain, of the latest records."""

    action: Action
    successes: float = 0.0
    failures: float = 0.0
    average_seconds: float | None = None
    blast_score: int = 0
    tier: Tier = Tier.AUTO
    is_proposed: bool = False
    trial: Trial = Trial.ON_TRIAL
    lower: float = 0.0
    upper: float = 1.0

    @property
    def runs(self) -> float:
        return self.successes + self.failures

    @property
    def success_rate(self) -> float | None:
        return self.successes / self.runs if self.runs else None

    @property
    def posterior(self) -> Posterior:
        return Posterior(1.0 + self.successes, 1.0 + self.failures)

    @property
    def rank(self) -> tuple[float, bool, int, float, str]:
        """Ascending: by the hopeful bound where one person at most is asked, by the sceptical one above."""
        bound = self.upper if self.tier.rank <= Tier.HUMAN.rank else self.lower
        seconds = self.average_seconds if self.average_seconds is not None else float("inf")
        return -bound, not self.is_proposed, self.blast_score, seconds, f"{self.action.action_class} {self.action.pattern}"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """`best` is None where nothing is proven: then the safe default is to tell a person."""

    best: Option | None
    alternatives: tuple[Option, ...]
    tier: Basis
    basis: str

    @property
    def action(self) -> Action:
        return self.best.action if self.best else NotifyOnly()


class History(StrEnum):
    INSUFFICIENT = "insufficient"
    LEARNING = "learning"
    SUFFICIENT = "sufficient"
    EXCELLENT = "excellent"


@dataclass(frozen=True, slots=True)
class Summary:
    """What was tried for an anomaly. `best` has at least three runs."""

    attempts: int
    overall_rate: float | None
    actions_tried: tuple[Option, ...]
    best: Option | None
    status: History


ALTERNATIVES = 2
SUMMARY_MIN, SUMMARY_LEARNING, SUMMARY_BEST_MIN = 3, 10, 3


def same_repair(action: Action) -> tuple[ActionClass, str]:
    """What makes two actions the same repair: the class and what it is aimed at, not numbers or pod hashes."""
    return action.action_class, action.pattern


def anew(action: Action) -> Action:
    """The same repair for another time: numbers that were right then are filled in from the live object again."""
    match action:
        case Scale():
            return action.model_copy(update={"replicas": None})
        case Rollback():
            return action.model_copy(update={"revision": None, "template_hash": None})
        case AdjustResources():
            return action.model_copy(update={"memory": None, "cpu": None})
        case ExpandStorage():
            return action.model_copy(update={"size": None})
        case _:
            return action


def options(records: Iterable[Record], conf: LearningConf) -> list[Option]:
    """Each repair tried, from its latest records; `records` are those of one anomaly in the time that counts."""
    by_repair: dict[tuple[ActionClass, str], list[Record]] = {}
    for record in sorted(records, key=lambda record: record.at, reverse=True):
        by_repair.setdefault(same_repair(record.action), []).append(record)
    return [_option(tried[: conf.records_per_pair], conf) for tried in by_repair.values()]


def _option(tried: Sequence[Record], conf: LearningConf) -> Option:
    """From records of one repair, newest first."""
    latest = tried[0]
    found = Option(
        action=anew(latest.action),
        successes=sum(record.successes for record in tried),
        failures=sum(record.failures for record in tried),
        average_seconds=fmean(record.seconds for record in tried[: conf.seconds_of]),
        blast_score=latest.blast_score,
        tier=latest.tier,
    )
    return _judged(found, conf)


def _judged(option: Option, conf: LearningConf) -> Option:
    return replace(
        option,
        trial=trial(option.successes, option.failures, conf),
        lower=option.posterior.lower(conf.ranking_sure),
        upper=option.posterior.upper(conf.ranking_sure),
    )


def trial(successes: float, failures: float, conf: LearningConf) -> Trial:
    runs = successes + failures
    if runs < conf.proven_runs:
        return Trial.ON_TRIAL
    return Trial.PROVEN if successes / runs >= conf.proven_rate else Trial.SHUT


def recommend(records: Iterable[Record], *, proposed: Action | None, conf: LearningConf) -> Recommendation:
    """The best proven repair and what else could be tried. `proposed`: what the engine would do, tried before or not."""
    tried = options(records, conf)
    found = [_marked(option, proposed) for option in tried]
    if proposed is not None and not any(option.is_proposed for option in found):
        untried = Option(action=proposed, tier=proposed.risk.tier, is_proposed=True)
        found.append(_judged(untried, conf))
    ranked = sorted(found, key=lambda option: option.rank)
    open_ones = [option for option in ranked if option.trial is not Trial.SHUT]
    best = next((option for option in open_ones if option.trial is Trial.PROVEN), None)
    alternatives = tuple(option for option in open_ones if option is not best)[:ALTERNATIVES]
    tier = basis(best, tried, conf)
    return Recommendation(best, alternatives, tier, words(tier, best, tried))


def _marked(option: Option, proposed: Action | None) -> Option:
    if proposed is None or same_repair(proposed) != same_repair(option.action):
        return option
    return replace(option, action=proposed, is_proposed=True)


def basis(best: Option | None, tried: Sequence[Option], conf: LearningConf) -> Basis:
    if best is not None:
        excellent = best.posterior.is_above(conf.excellent_rate, conf.ranking_sure)
        return Basis.EXCELLENT if excellent else Basis.PROVEN
    return Basis.TRIED if any(option.trial is Trial.ON_TRIAL for option in tried) else Basis.NOTHING


def words(tier: Basis, best: Option | None, tried: Sequence[Option]) -> str:
    """The basis in a sentence for people."""
    if best is not None:
        return f"{best.successes:g} of {best.runs:g} verified runs worked"
    if tier is Basis.TRIED:
        return f"{len(tried)} tried, none often enough to be proven; a person decides"
    if tried:
        return "what was tried works too seldom to be suggested; a person decides"
    return "nothing was tried yet; a person decides"


def summarise(records: Sequence[Record], conf: LearningConf) -> Summary:
    tried = sorted(options(records, conf), key=lambda option: option.rank)
    attempts = round(sum(option.runs for option in tried))
    rate = sum(option.successes for option in tried) / attempts if attempts else None
    often = [option for option in tried if option.runs >= SUMMARY_BEST_MIN]
    best = max(often, key=lambda option: (option.success_rate or 0.0, option.runs), default=None)
    return Summary(attempts, rate, tuple(tried), best, _status(attempts, rate or 0.0, conf))


def _status(attempts: int, rate: float, conf: LearningConf) -> History:
    if attempts < SUMMARY_MIN:
        return History.INSUFFICIENT
    if attempts < SUMMARY_LEARNING:
        return History.LEARNING
    return History.EXCELLENT if rate >= conf.excellent_rate else History.SUFFICIENT
