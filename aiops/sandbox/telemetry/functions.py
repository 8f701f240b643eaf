"""The arithmetic of queries: operators, aggregations, and functions over ranges of samples."""

import itertools
import math
import statistics
from collections.abc import Callable, Sequence


def _divided(left: float, right: float) -> float:
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    return left / right


def _power(left: float, right: float) -> float:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return result if isinstance(result, float) else math.nan


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": lambda left, right: math.fmod(left, right) if right else math.nan,
    "^": _power,
}
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
AGGREGATE: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stddev": statistics.pstdev,
}
ROUNDING: dict[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": lambda value: float(math.ceil(value)),
    "floor": lambda value: float(math.floor(value)),
    "round": lambda value, to=1.0: round(value / to) * to,
    "sqrt": math.sqrt,
    "ln": lambda value: math.log(value) if value > 0 else -math.inf,
    "clamp_min": lambda value, least: max(value, least),
    "clamp_max": lambda value, most: min(value, most),
    "clamp": lambda value, least, most: min(max(value, least), most),
}


# over ranges: (times, values, range in seconds, end, parameters) → value or None


def _increase(times: Sequence[float], values: Sequence[float], range_s: float, end: float) -> float | None:
    """As Prometheus extrapolates: resets are added up, and the ends of the range are filled by at most half a step each."""
    if len(values) < 2:
        return None
    total = values[-1] - values[0]
    for before, after in itertools.pairwise(values):
        if after < before:
            total += before
    sampled = times[-1] - times[0]
    step = sampled / (len(times) - 1)
    to_begin, to_end = times[0] - (end - range_s), end - times[-1]
    if total > 0 and values[0] >= 0:
        to_begin = min(to_begin, sampled * values[0] / total)  # a counter was never below zero
    limit = step * 1.1
    covered = sampled + (to_begin if to_begin < limit else step / 2) + (to_end if to_end < limit else step / 2)
    return total * covered / sampled


def _rate(times: Sequence[float], values: Sequence[float], range_s: float, end: float) -> float | None:
    increase = _increase(times, values, range_s, end)
    return None if increase is None else increase / range_s


def _irate(times: Sequence[float], values: Sequence[float], range_s: float, end: float) -> float | None:
    if len(values) < 2:
        return None
    gained = values[-1] - values[-2]
    return (gained if gained >= 0 else values[-1]) / (times[-1] - times[-2])


def _delta(times: Sequence[float], values: Sequence[float], range_s: float, end: float) -> float | None:
    if len(values) < 2:
        return None
    sampled = times[-1] - times[0]
    step = sampled / (len(times) - 1)
    to_begin, to_end = times[0] - (end - range_s), end - times[-1]
    covered = sampled + (to_begin if to_begin < step * 1.1 else step / 2) + (to_end if to_end < step * 1.1 else step / 2)
    return (values[-1] - values[0]) * covered / sampled


def _slope(times: Sequence[float], values: Sequence[float]) -> tuple[float, float] | None:
    """(slope, value at the last time) of the least-squares line."""
    if len(values) < 2:
        return None
    shifted = [time - times[-1] for time in times]
    slope, intercept = statistics.linear_regression(shifted, values)
    return slope, intercept


def _deriv(times: Sequence[float], values: Sequence[float], range_s: float, end: float) -> float | None:
    line = _slope(times, values)
    return None if line is None else line[0]


def _predict(times: Sequence[float], values: Sequence[float], range_s: float, end: float, ahead_s: float) -> float | None:
    line = _slope(times, values)
    return None if line is None else line[1] + line[0] * (ahead_s + end - times[-1])


def quantile(share: float, values: Sequence[float]) -> float:
    if not values:
        return math.nan
    ordered = sorted(values)
    rank = min(max(share, 0.0), 1.0) * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _changes(times: Sequence[float], values: Sequence[float], range_s: float, end: float) -> float | None:
    return float(sum(before != after for before, after in itertools.pairwise(values)))


def _resets(times: Sequence[float], values: Sequence[float], range_s: float, end: float) -> float | None:
    return float(sum(after < before for before, after in itertools.pairwise(values)))


def _plain(of: Callable[[Sequence[float]], float]) -> Callable[..., float | None]:
    return lambda times, values, range_s, end: float(of(values))


OVER_RANGE: dict[str, Callable[..., float | None]] = {
    "rate": _rate,
    "increase": _increase,
    "irate": _irate,
    "delta": _delta,
    "deriv": _deriv,
    "predict_linear": _predict,
    "changes": _changes,
    "resets": _resets,
    "avg_over_time": _plain(statistics.fmean),
    "min_over_time": _plain(min),
    "max_over_time": _plain(max),
    "sum_over_time": _plain(math.fsum),
    "count_over_time": _plain(len),
    "last_over_time": _plain(lambda values: values[-1]),
    "stddev_over_time": _plain(statistics.pstdev),
    "quantile_over_time": lambda times, values, range_s, end, share: quantile(share, values),
}


def bucket_quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    if len(buckets) < 2 or not math.isinf(buckets[-1][0]) or not buckets[-1][1]:
        return math.nan
    rank = share * buckets[-1][1]
    below_edge = below = 0.0
    for edge, count in buckets:
        if count >= rank:
            if math.isinf(edge):
                return below_edge
            inside = count - below
            return below_edge + (edge - below_edge) * ((rank - below) / inside if inside else 1.0)
        below_edge, below = edge, count
    return below_edge
