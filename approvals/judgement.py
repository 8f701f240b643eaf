"""Whether an act has cured what it was for: one pure function of what was seen (`domain.md` §5).

Missing data is no pass. What is judged is what the change made, from the moment on at which it worked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from approvals.conf import ApprovalsConf
from approvals.models import Execution
from approvals.operations.operation import Progress

Result = Execution.Verdict


class AlertIs(StrEnum):
    """The incident's own alert."""

    FIRING = "firing"
    CLEARED = "cleared"
    STALE = "stale"  # not heard any more, which is no proof of anything
    UNKNOWN = "unknown"  # the incident has none


@dataclass(frozen=True, slots=True)
class Metric:
    """The alert's own metric against its band from before the incident; a side that does not matter is None.

    `now` is None where it says nothing any more, though it did before.
    """

    name: str
    low: float | None
    high: float | None
    at_act: float | None
    now: float | None
    curve: Sequence[tuple[float, float]] = ()

    @property
    def is_back(self) -> bool:
        if self.now is None:
            return False
        return (self.low is None or self.now >= self.low) and (self.high is None or self.now <= self.high)

    @property
    def words(self) -> str:
        sides = [f"at least {self.low:.4g}"] if self.low is not None else []
        sides += [f"at most {self.high:.4g}"] if self.high is not None else []
        now = "no data any more" if self.now is None else f"{self.now:.4g}"
        return f"{now}, before the incident {' and '.join(sides)}"


@dataclass(frozen=True, slots=True)
class Signals:
    """All that is known about an act at one look. None is what could not be read.

    `sent_at`: the earliest moment at which it can have had an effect. `converge_by`: it counts as not converged after.
    `converged_at`, `quiet_since` (no pod restarted since) and `harmed_since` are remembered from look to look.
    """

    sent_at: datetime
    converge_by: datetime
    progress: Progress | None
    unread: str = ""
    is_ours: bool = True
    converged_at: datetime | None = None
    quiet_since: datetime | None = None
    alert: AlertIs = AlertIs.UNKNOWN
    cleared_at: datetime | None = None
    alert_for_s: float = 0.0
    metric: Metric | None = None
    harmed: Sequence[str] = ()
    harmed_since: datetime | None = None
    stopped: str = ""
    is_undoing: bool = False  # a rollback: it puts back what was there, whatever the alert says
    is_last: bool = True  # of several steps: the alert is asked after the last one


@dataclass(frozen=True, slots=True)
class NotYet:
    """Too early to tell; `words` say what is waited for."""

    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is a word for machines, `words` for people. `is_needless`: the fault had healed before the act worked."""

    result: Execution.Verdict
    reason: str
    words: str
    is_needless: bool = False


def judge(signals: Signals, conf: ApprovalsConf, now: datetime) -> Verdict | NotYet:
    """The verdict, once there is one. There always is one in the end, whatever is missing."""
    if signals.stopped:
        return Verdict(Result.FAILED, "stopped", signals.stopped)
    if not signals.is_ours:
        return Verdict(Result.TIMEOUT, "unverifiable", "Somebody else changed the target before it could be judged")
    if signals.converged_at is None:
        return _converging(signals, now)
    # Every wait from here on ends: at the latest when the alert has had its own time to clear, and to come back.
    stable_s = max(conf.stable_for_s, signals.alert_for_s)
    patience_ends = signals.converged_at + timedelta(seconds=conf.alert_clears_within_s + stable_s)
    is_last = now >= patience_ends
    calm_from = max(signals.converged_at, signals.quiet_since or signals.converged_at, signals.cleared_at or signals.converged_at)
    is_calm = now >= calm_from + timedelta(seconds=stable_s)
    if signals.is_undoing:
        return Verdict(Result.SUCCESS, "", "As it was before") if is_calm else NotYet("Watching whether it stays so")
    if not signals.is_last:
        return _between(signals, conf, now, is_calm=is_calm, is_over=is_last)
    match signals.alert:
        case AlertIs.FIRING:
            return _fail("alert_still_firing", "The alert still fires") if is_last else NotYet("The alert still fires")
        case AlertIs.STALE:
            return _unverifiable("The alert is not heard any more") if is_last else NotYet("The alert is not heard any more")
        case AlertIs.UNKNOWN if signals.metric is None:
            return _unverifiable("There is no alert and no metric to tell by") if is_calm or is_last else NotYet("Pods settle")
    if signals.metric is not None and not signals.metric.is_back:
        words = f"{signals.metric.name}: {signals.metric.words}"
        if signals.metric.now is None and is_last:
            return _unverifiable(words)
        return Verdict(Result.DEGRADED, "metric_out_of_band", words) if is_last else NotYet(words)
    if not is_calm:
        return _fail("restarting", "Its pods keep restarting") if is_last else NotYet("Watching whether it stays so")
    if signals.harmed:
        return _harmed(signals, conf, now)
    return Verdict(Result.SUCCESS, "", _cured(signals), is_needless=_healed_by_itself(signals))


def _between(signals: Signals, conf: ApprovalsConf, now: datetime, *, is_calm: bool, is_over: bool) -> Verdict | NotYet:
    """A step that others follow: it has to stand and to harm nobody. Whether the alert clears is asked after the last."""
    if not is_calm:
        return _fail("restarting", "Its pods keep restarting") if is_over else NotYet("Watching whether it stays so")
    if signals.harmed:
        return _harmed(signals, conf, now)
    return Verdict(Result.SUCCESS, "", signals.progress.words if signals.progress else "Done")


def _converging(signals: Signals, now: datetime) -> Verdict | NotYet:
    progress, is_last = signals.progress, now >= signals.converge_by
    if progress is None:
        words = signals.unread or "It cannot be read"
        return _unverifiable(words) if is_last else NotYet(words)
    if progress.failed:
        return _fail("rollout_failed", progress.failed)
    if is_last and progress.crashing:
        return _fail("crash_loop", f"New pods crash: {progress.crashing}")
    return Verdict(Result.TIMEOUT, "not_converged", progress.words) if is_last else NotYet(progress.words)


def _harmed(signals: Signals, conf: ApprovalsConf, now: datetime) -> Verdict | NotYet:
    """A neighbour that only stumbles is given the time in which the target had to be stable."""
    words = f"Neighbours suffer: {', '.join(signals.harmed)}"
    since = signals.harmed_since or now
    if now < since + timedelta(seconds=conf.stable_for_s):
        return NotYet(words)
    return Verdict(Result.DEGRADED, "neighbour_harmed", words, is_needless=_healed_by_itself(signals))


def _healed_by_itself(signals: Signals) -> bool:
    """The alert cleared before anything that we made can have worked."""
    if signals.cleared_at is None:
        return False
    works_from = signals.progress.ready_at if signals.progress and signals.progress.ready_at else signals.sent_at
    return signals.cleared_at < max(signals.sent_at, min(works_from, signals.converged_at or works_from))


def _cured(signals: Signals) -> str:
    parts = [signals.progress.words] if signals.progress else []
    if signals.alert is AlertIs.CLEARED:
        parts.append("the alert cleared")
    if signals.metric is not None:
        parts.append(f"{signals.metric.name} is back in its band")
    return ", ".join(parts)


def _fail(reason: str, words: str) -> Verdict:
    return Verdict(Result.FAILED, reason, words)


def _unverifiable(words: str) -> Verdict:
    return Verdict(Result.TIMEOUT, "unverifiable", words)
