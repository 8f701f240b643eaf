"""From trust to a level: what a row's evidence, grants and brakes allow for an action of some tier.

Pure rules of `trust-model.md` §4–7. Every code of §7 is answered each time, with its numbers; unmet ones say what is missing.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aiops.core.reasons import Reason
from aiops.core.scales import Severity, Tier
from learning import healing
from learning.conf import LearningConf
from learning.evidence import SCORE_MAX, Evidence, Posterior
from learning.scopes import Scope
from learning.sentences import counted, percent, percent_down, sentence


class Level(StrEnum):
    """What the trust page calls it, always in these words."""

    SHADOW = "shadow"
    NEVER = "never"
    TWO_PEOPLE = "two people"
    ONE_PERSON = "one person"
    ALONE = "alone"


LEVELS = {
    Tier.AUTO: Level.ALONE,
    Tier.HUMAN: Level.ONE_PERSON,
    Tier.DUAL: Level.TWO_PEOPLE,
    Tier.BLOCKED: Level.NEVER,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A trust row as it is judged. `worked` of `runs` is what the sentence counts. The default is no row at all."""

    evidence: Evidence = field(default_factory=Evidence)
    verified_days: int = 0
    people: int = 0
    agreed: int = 0
    disagreed: int = 0
    worked: int = 0
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """A lead's decision that is in force: `is_grant` gives the step, else it is a revoke and takes it away."""

    is_grant: bool
    by: str
    until: datetime

    def __str__(self) -> str:
        return f"{'granted' if self.is_grant else 'revoked'} by {self.by} until {self.until:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True, slots=True)
class Brakes:
    """What holds an action back at this moment, whatever its record (`trust-model.md` §5–6). The default is nothing."""

    in_flight: int = 0  # unverified autonomous runs of the row
    pattern_runs: int = 0  # autonomous runs of the pattern within the last hour
    group_failures: int = 0  # failed autonomous runs on the resource group within the breaker's window
    safeguard: str = ""  # the red line that is violated, in words
    overdue_reviews: int = 0  # sampled reviews of the row unanswered for too long
    in_shadow: bool = False  # the cluster is in shadow mode
    healed_k: int = 0  # incidents of the alert that cleared by themselves
    healed_n: int = 0  # of so many that nobody touched
    severity: Severity = Severity.P2
    is_hold_out: bool = False  # one of those that are watched to keep measuring


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an action stands. `tier` is the tier after the step; `mean` and `bound` are of now; `need` is None where
    no proof is asked."""

    scope: Scope
    step: int
    tier: Tier
    level: Level
    reasons: tuple[Reason, ...]
    sentence: str
    mean: float
    bound: float
    need: float | None
    sure: float
    watch_first: bool
    agreed: int
    disagreed: int
    successes: float
    failures: float
    score: int

    @property
    def may_run_alone(self) -> bool:
        """As far as trust is concerned; at once, or after watching where `watch_first` is set."""
        return self.level is Level.ALONE

    @property
    def first_unmet(self) -> Reason | None:
        return next((reason for reason in self.reasons if not reason.met), None)


def judge(
    row: Row, grants: Sequence[Granted], tier: Tier, brakes: Brakes, *, scope: Scope, conf: LearningConf, at: datetime
) -> Standing:
    """Where an action of `tier` (before trust) stands at `at`. `grants` are those in force; a revoke beats a grant."""
    evidence = row.evidence.aged(at, conf.half_life_days)
    posterior = evidence.posterior
    bound = posterior.lower(conf.sure)
    need = {Tier.HUMAN: conf.need_human, Tier.DUAL: conf.need_dual}.get(tier)
    revoke = next((grant for grant in grants if not grant.is_grant), None)
    grant = None if revoke else next((grant for grant in grants if grant.is_grant), None)

    revoked = [Reason(code="trust_revoked", met=False, detail=str(revoke))] if revoke else []
    proof = _proof(row, evidence.score, posterior, bound, tier, need, grant, conf)
    shadow = _shadow(row, brakes, conf)
    brake = _brakes(brakes, scope, tier, conf)
    low = _low(posterior, tier, grant, conf)

    step = 0
    if tier is Tier.AUTO:
        step = 1 if revoke or not low.met else 0
    elif tier is not Tier.BLOCKED and all(reason.met for reason in [*revoked, *proof, *brake, shadow]):
        step = -1
    after = tier.moved(step)
    level = Level.SHADOW if not shadow.met and after is not Tier.BLOCKED else LEVELS[after]
    watch = _watch(brakes, conf, alone=level is Level.ALONE)
    # In the order of §7, `trust_review_overdue` behind `trust_shadow`.
    reasons = (*revoked, *proof, *brake[:4], shadow, brake[4], low, watch)

    return Standing(
        scope=scope,
        step=step,
        tier=after,
        level=level,
        reasons=reasons,
        sentence=sentence(
            scope,
            tier,
            worked=row.worked,
            runs=row.runs,
            days=conf.sentence_days,
            bound=bound,
            sure=conf.sure,
            need=need,
            score=f"{evidence.score}/{SCORE_MAX}",
            verdict=_verdict(tier, after, level, reasons, grant, conf),
        ),
        mean=posterior.mean,
        bound=bound,
        need=need,
        sure=conf.sure,
        watch_first=not watch.met,
        agreed=row.agreed,
        disagreed=row.disagreed,
        successes=evidence.successes,
        failures=evidence.failures,
        score=evidence.score,
    )


def _proof(
    row: Row,
    score: int,
    posterior: Posterior,
    bound: float,
    tier: Tier,
    need: float | None,
    grant: Granted | None,
    conf: LearningConf,
) -> list[Reason]:
    """What has to be shown before a tier is lowered: score, bound, days and people."""
    floor = percent_down(bound)
    facts = [
        ("trust_score", score >= conf.score_min, f"score {score} of {SCORE_MAX}", f"needs {conf.score_min}"),
        (
            "trust_bound",
            need is not None and posterior.is_above(need, conf.sure),
            f"{percent(conf.sure)} sure it works ≥ {floor}",
            f"needs {percent(need)}" if need is not None else "",
        ),
        (
            "trust_days",
            row.verified_days >= conf.days_min,
            f"verified on {counted(row.verified_days, 'day', 'days')}",
            f"needs {conf.days_min}",
        ),
        (
            "trust_people",
            row.people >= conf.people_min,
            f"verified runs signed by {counted(row.people, 'person', 'people')}",
            f"needs {conf.people_min}",
        ),
    ]
    reasons = []
    for code, met, has, limit in facts:
        if tier is Tier.BLOCKED:
            met, limit = False, "critical is never lowered"
        elif tier is Tier.AUTO:
            met, limit = True, "low blast needs no proof"
        elif grant and not met:
            met, limit = True, str(grant)
        reasons.append(Reason(code=code, met=met, detail=f"{has}; {limit}" if limit else has))
    return reasons


def _brakes(brakes: Brakes, scope: Scope, tier: Tier, conf: LearningConf) -> list[Reason]:
    """What suspends a lowered tier for now. Low blast needs no lowering, so these do not concern it."""
    concerned = tier is not Tier.AUTO
    group = f"{scope.group} in {scope.namespace}" if scope.namespace else scope.group
    facts = [
        (
            "trust_in_flight",
            brakes.in_flight == 0,
            f"{counted(brakes.in_flight, 'autonomous run is', 'autonomous runs are')} not verified yet; needs 0",
        ),
        (
            "trust_budget",
            brakes.pattern_runs < conf.budget_per_hour,
            f"{counted(brakes.pattern_runs, 'autonomous run', 'autonomous runs')} of the pattern within 1 h; "
            f"at most {conf.budget_per_hour}",
        ),
        (
            "trust_breaker",
            brakes.group_failures < conf.breaker_failures,
            f"{counted(brakes.group_failures, 'autonomous run', 'autonomous runs')} of {group} failed within "
            f"{conf.breaker_window_s / 3600:g} h; stops at {conf.breaker_failures}",
        ),
        (
            "trust_safeguard",
            not brakes.safeguard,
            f"red line violated: {brakes.safeguard}" if brakes.safeguard else "no red line violated",
        ),
        (
            "trust_review_overdue",
            brakes.overdue_reviews == 0,
            f"{counted(brakes.overdue_reviews, 'review is', 'reviews are')} overdue; needs 0",
        ),
    ]
    return [Reason(code=code, met=met or not concerned, detail=detail) for code, met, detail in facts]


def _shadow(row: Row, brakes: Brakes, conf: LearningConf) -> Reason:
    """A row leaves the shadow mode of its cluster by itself, with enough agreed cases."""
    cases = row.agreed + row.disagreed
    agreement = f"{row.agreed} of {cases} answers agreed"
    if not brakes.in_shadow:
        return Reason(code="trust_shadow", met=True, detail=f"not in shadow mode; {agreement}")
    if has_left_shadow(row.agreed, row.disagreed, conf):
        return Reason(code="trust_shadow", met=True, detail=f"left shadow mode; {agreement}")
    agreed, of = shadow_goal(row.agreed, row.disagreed, conf)
    return Reason(code="trust_shadow", met=False, detail=f"{agreement}; leaves shadow mode with {agreed} of {of}")


def has_left_shadow(agreed: int, disagreed: int, conf: LearningConf) -> bool:
    """Enough answered proposals, and sure enough that people agree with most of them."""
    enough = agreed + disagreed >= conf.shadow_cases
    return enough and Posterior(1.0 + agreed, 1.0 + disagreed).is_above(conf.shadow_agreement, conf.shadow_sure)


def shadow_goal(agreed: int, disagreed: int, conf: LearningConf) -> tuple[int, int]:
    """With how many agreed of how many cases a row leaves shadow mode, if nobody disagrees from now on."""
    high = agreed + 1
    while not has_left_shadow(high, disagreed, conf):
        high *= 2
    goal = agreed + bisect_left(range(agreed, high), True, key=lambda n: has_left_shadow(n, disagreed, conf))
    return goal, goal + disagreed


def _low(posterior: Posterior, tier: Tier, grant: Granted | None, conf: LearningConf) -> Reason:
    """Low blast runs without proof until it is surely no good."""
    sure_below = posterior.below(conf.disproved_below)
    detail = f"{percent_down(sure_below)} sure it works ≤ {percent(conf.disproved_below)}; asks at {percent(conf.disproved_sure)}"
    met = tier is not Tier.AUTO or not posterior.is_below(conf.disproved_below, conf.disproved_sure)
    if grant and not met:
        met, detail = True, f"{detail}; {grant}"
    return Reason(code="trust_low_disproved", met=met, detail=detail)


def _watch(brakes: Brakes, conf: LearningConf, *, alone: bool) -> Reason:
    """Whether what may run alone waits first, to see if the alert clears by itself."""
    heals = healing.watches(brakes.healed_k, brakes.healed_n, brakes.severity, conf)
    held_out = brakes.is_hold_out and healing.may_watch(brakes.severity)
    detail = f"{healing.words(brakes.healed_k, brakes.healed_n, conf)}; watches first at {percent(conf.healed_watch)}"
    if alone and held_out and not heals:
        detail = f"one in {conf.hold_out_one_in} is watched first to measure how many alerts clear by themselves; {detail}"
    return Reason(code="trust_watch_first", met=not (alone and (heals or held_out)), detail=detail)


def _verdict(tier: Tier, after: Tier, level: Level, reasons: Sequence[Reason], grant: Granted | None, conf: LearningConf) -> str:
    unmet = next((reason for reason in reasons if not reason.met), None)
    by_grant = f", {grant}" if grant and after.rank < tier.rank else ""
    if level is Level.ALONE and unmet:
        return f"may run alone{by_grant} after watching for {conf.heal_window_s // 60} min: {_why(unmet)}"
    if level is Level.ALONE:
        return f"may run alone{by_grant}"
    if level is Level.NEVER:
        return "never runs here"
    if level is Level.SHADOW:
        shadow = next(reason for reason in reasons if reason.code == "trust_shadow")
        return f"people act in shadow mode: {_why(shadow)}"
    if after.rank < tier.rank:
        return f"asks one person instead of two{by_grant}"
    who = "two people" if level is Level.TWO_PEOPLE else "one person"
    return f"asks {who}: {_why(unmet)}" if unmet else f"asks {who}"


def _why(reason: Reason) -> str:
    return reason.detail.replace("; ", ", ")
