"""Whether predictions come true as often as they say (`trust-model.md` §9). Pure: samples in, figures out."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from uuid import UUID

from learning import beta
from learning.conf import LearningConf

BINS = 5

# What a run came to, as a number between 0 and 1; unverifiable and refused ones are left out.
HAPPENED = {"success": 1.0, "degraded": 0.5, "timeout": 0.5, "failed": 0.0, "stopped": 0.0}


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: what was predicted when it was decided, 0–1, and what happened."""

    predicted: float
    execution: UUID
    happened: float


@dataclass(frozen=True, slots=True)
class Calibration:
    n: int
    ece: float  # expected calibration error
    brier: float
    brier_constant: float  # of always predicting the mean outcome
    overconfidence: float  # mean prediction above mean outcome; negative is underconfidence

    @property
    def sli(self) -> float:
        """`confidence_calibration`, 1 is perfect."""
        return max(0.0, 1.0 - 2.0 * self.ece)

    def is_judged(self, conf: LearningConf) -> bool:
        """Fewer samples are `skipped`, not judged."""
        return self.n >= conf.calibration_min

    def is_overconfident(self, conf: LearningConf) -> bool:
        return self.is_judged(conf) and self.overconfidence > conf.overconfidence_max


def measure(samples: Sequence[Sample]) -> Calibration | None:
    """The figures of these samples, None without any. How many are enough is `Calibration.is_judged`."""
    if not samples:
        return None
    predicted = fmean(sample.predicted for sample in samples)
    happened = fmean(sample.happened for sample in samples)
    return Calibration(
        n=len(samples),
        ece=sum(_gap(bin_) * len(bin_) for bin_ in bins(samples)) / len(samples),
        brier=fmean((sample.predicted - sample.happened) ** 2 for sample in samples),
        brier_constant=fmean((happened - sample.happened) ** 2 for sample in samples),
        overconfidence=predicted - happened,
    )


def bins(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Five bins of equal count by prediction, the first `n mod 5` one larger; empty ones are left out."""
    ordered = sorted(samples, key=lambda sample: (sample.predicted, str(sample.execution)))
    size, larger = divmod(len(ordered), BINS)
    found, start = [], 0
    for number in range(BINS):
        end = start + size + (number < larger)
        found.append(ordered[start:end])
        start = end
    return [bin_ for bin_ in found if bin_]


def _gap(bin_: Sequence[Sample]) -> float:
    return abs(fmean(sample.predicted for sample in bin_) - fmean(sample.happened for sample in bin_))


def autonomy_rate(alone: int, allowed: int) -> float | None:
    """Executions run alone of those whose row allowed it; None while there are none."""
    return alone / allowed if allowed else None


@dataclass(frozen=True, slots=True)
class RedLine:
    """How often something bad may happen, against how often it did: `k` of the last `n`. Fewer than `n_min` say nothing."""

    k: int
    n: int
    limit: float
    n_min: int = 20

    @property
    def is_crossed(self) -> bool:
        return self.n >= self.n_min and self.k / self.n > self.limit

    def is_critical(self, sure: float) -> bool:
        """Surely above the limit, and not by chance: 13 of 100 for 10 %, 18 of 100 for 15 %, at 80 %."""
        return self.is_crossed and beta.cdf(self.limit, 1.0 + self.k, 1.0 + self.n - self.k) <= 1.0 - sure + 1e-9
