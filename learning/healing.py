"""Alerts that clear by themselves (`trust-model.md` §6). How often they do is counted by whoever knows the incidents."""

from aiops.core.scales import Severity
from learning.conf import LearningConf
from learning.evidence import EXACTLY

# One of five, before anything is known; slightly too high by construction, which errs to caution.
_PRIOR_CLEARED, _PRIOR_CASES = 1, 5


def healed(k: int, n: int) -> float:
    """The share that clears by itself: `k` of `n` incidents of one alert in one environment did, untouched."""
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} incidents cannot have cleared")
    return (_PRIOR_CLEARED + k) / (_PRIOR_CASES + n)


def may_watch(severity: Severity) -> bool:
    """P0 and P1 act at once."""
    return severity in {Severity.P2, Severity.P3}


def watches(k: int, n: int, severity: Severity, conf: LearningConf) -> bool:
    """Whether an action that may run alone waits first, to see if the alert clears."""
    return may_watch(severity) and healed(k, n) >= conf.healed_watch - EXACTLY


def words(k: int, n: int, conf: LearningConf) -> str:
    """`clears by itself 62 % of the time within 15 min`."""
    return f"clears by itself {healed(k, n) * 100:.0f} % of the time within {conf.heal_window_s // 60} min"
