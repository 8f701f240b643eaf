"""Answers queries: walks their tree over the samples at one moment of simulated time."""

import itertools
import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aiops.sandbox.telemetry import promql
from aiops.sandbox.telemetry.promql import Aggregation, Binary, Call, Matcher, Negation, Node, Number, QueryError, Selector, Text
from aiops.sandbox.telemetry.series import Samples, Series

LabelMap = dict[str, str]


@dataclass(slots=True)
class Sample:
    """One element of an instant vector. Its labels hold `__name__` while it is still the metric itself."""

    labels: LabelMap
    value: float


Vector = list[Sample]
Value = float | str | Vector


def evaluate(query: str, samples: Samples, time: float, *, now_s: float | None = None) -> Value:
    """`time` is simulated; `now_s` is what `time()` says, seconds of the wall."""
    return _Evaluator(samples, time, time if now_s is None else now_s).value(promql.parse(query))


def vector(query: str, samples: Samples, time: float, *, now_s: float | None = None) -> Vector:
    """The same for queries that have to give a vector, such as those of rules."""
    found = evaluate(query, samples, time, now_s=now_s)
    if isinstance(found, list):
        return found
    if isinstance(found, float):
        return [Sample({}, found)]
    raise QueryError("a text is no vector")


def matching(selector: Selector, samples: Samples) -> Iterable[Series]:
    name = selector.name or next((m.value for m in selector.matchers if m.name == "__name__" and m.op == "="), "")
    matchers = [m for m in selector.matchers if not (m.name == "__name__" and m.op == "=")]
    of_name = samples.named(name) if name else samples.all()
    if not matchers:
        return of_name
    return (series for series in of_name if all(_fits(matcher, series) for matcher in matchers))


def _fits(matcher: Matcher, series: Series) -> bool:
    return matcher.fits(series.name if matcher.name == "__name__" else series.label_map.get(matcher.name, ""))


@dataclass(frozen=True)
class _Evaluator:
    samples: Samples
    time: float
    now_s: float

    def value(self, node: Node) -> Value:
        match node:
            case Number():
                return node.value
            case Text():
                return node.value
            case Negation():
                return _mapped(self.value(node.of), lambda value: -value)
            case Selector():
                return self._instant(node)
            case Call():
                return self._call(node)
            case Aggregation():
                return self._aggregate(node)
            case Binary():
                return self._binary(node)

    def _vector(self, node: Node) -> Vector:
        value = self.value(node)
        if not isinstance(value, list):
            raise QueryError("expected an instant vector")
        return value

    def _scalar(self, node: Node) -> float:
        value = self.value(node)
        if not isinstance(value, float | int):
            raise QueryError("expected a scalar")
        return float(value)

    def _instant(self, selector: Selector) -> Vector:
        if selector.range_s:
            raise QueryError("a range vector needs a function such as rate")
        at = self.time - selector.offset_s
        return [
            Sample(series.named_map, value) for series in matching(selector, self.samples) if (value := series.at(at)) is not None
        ]

    # functions

    def _call(self, call: Call) -> Value:
        name, arguments = call.function, call.arguments
        if name in _OVER_RANGE:
            return self._over_range(name, arguments)
        if name in ("absent", "absent_over_time"):
            return self._absent(arguments)
        if name == "time" and not arguments:
            return self.now_s
        if name == "vector" and len(arguments) == 1:
            return [Sample({}, self._scalar(arguments[0]))]
        if name == "scalar" and len(arguments) == 1:
            only = self._vector(arguments[0])
            return only[0].value if len(only) == 1 else math.nan
        if name in _ROUNDING and arguments:
            more = [self._scalar(argument) for argument in arguments[1:]]
            return _mapped(self.value(arguments[0]), lambda value: _ROUNDING[name](value, *more))
        if name == "histogram_quantile" and len(arguments) == 2:
            return _histogram_quantile(self._scalar(arguments[0]), self._vector(arguments[1]))
        if name == "label_replace" and len(arguments) == 5:
            return self._label_replace(arguments)
        if name in ("sort", "sort_desc") and len(arguments) == 1:
            return sorted(self._vector(arguments[0]), key=lambda sample: sample.value, reverse=name == "sort_desc")
        raise QueryError(f"unknown function {name} with {len(arguments)} arguments")

    def _over_range(self, name: str, arguments: Sequence[Node]) -> Vector:
        ranges = [argument for argument in arguments if isinstance(argument, Selector) and argument.range_s]
        if len(ranges) != 1:
            raise QueryError(f"{name} takes one range vector, as in {name}(metric[5m])")
        selector = ranges[0]
        extra = [self._scalar(argument) for argument in arguments if argument is not selector]
        end = self.time - selector.offset_s
        found: Vector = []
        for series in matching(selector, self.samples):
            times, values = series.between(end - selector.range_s, end)
            value = _OVER_RANGE[name](times, values, selector.range_s, end, *extra) if len(values) else None
            if value is not None:
                found.append(Sample(series.named_map if name == "last_over_time" else series.label_map, value))
        return found

    def _absent(self, arguments: Sequence[Node]) -> Vector:
        if len(arguments) != 1:
            raise QueryError("absent takes one argument")
        node = arguments[0]
        if isinstance(node, Selector) and node.range_s:
            end = self.time - node.offset_s
            there = any(len(series.between(end - node.range_s, end)[1]) for series in matching(node, self.samples))
        else:
            there = bool(self._vector(node))
        if there:
            return []
        known = {m.name: m.value for m in node.matchers if m.op == "="} if isinstance(node, Selector) else {}
        return [Sample(known, 1.0)]

    def _label_replace(self, arguments: Sequence[Node]) -> Vector:
        target, replacement, source, pattern = (self.value(argument) for argument in arguments[1:])
        if not all(isinstance(word, str) for word in (target, replacement, source, pattern)):
            raise QueryError("label_replace takes a vector and four texts")
        found: Vector = []
        for sample in self._vector(arguments[0]):
            match = re.fullmatch(str(pattern), sample.labels.get(str(source), ""))
            labels = dict(sample.labels)
            if match:
                labels[str(target)] = match.expand(re.sub(r"\$(\d)", r"\\\1", str(replacement)))
            found.append(Sample(labels, sample.value))
        return found

    # aggregations

    def _aggregate(self, node: Aggregation) -> Vector:
        groups: dict[tuple[tuple[str, str], ...], Vector] = {}
        for sample in self._vector(node.of):
            if node.without:
                kept = {key: value for key, value in sample.labels.items() if key not in node.labels and key != "__name__"}
            else:
                kept = {key: sample.labels[key] for key in node.labels if sample.labels.get(key)}
            groups.setdefault(tuple(sorted(kept.items())), []).append(sample)
        if node.function in ("topk", "bottomk"):
            count = int(self._parameter(node))
            return [
                sample
                for group in groups.values()
                for sample in sorted(group, key=lambda one: one.value, reverse=node.function == "topk")[:count]
            ]
        found: Vector = []
        for labels, group in groups.items():
            values = [sample.value for sample in group]
            value = _quantile(self._parameter(node), values) if node.function == "quantile" else _AGGREGATE[node.function](values)
            found.append(Sample(dict(labels), value))
        return found

    def _parameter(self, node: Aggregation) -> float:
        if node.parameter is None:
            raise QueryError(f"{node.function} takes a number and a vector")
        return self._scalar(node.parameter)

    # binary operators

    def _binary(self, node: Binary) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(left, str) or isinstance(right, str):
            raise QueryError("texts have no operators")
        if node.op in ("and", "or", "unless"):
            return _sets(node, left, right)
        if isinstance(left, list) and isinstance(right, list):
            return _joined(node, left, right)
        if isinstance(left, list):
            assert not isinstance(right, list)
            return _compared(node, [(sample, sample.value, right) for sample in left])
        if isinstance(right, list):
            return _compared(node, [(sample, left, sample.value) for sample in right])
        if node.op in _COMPARE:
            if not node.as_bool:
                raise QueryError("comparisons between scalars must use the bool modifier")
            return float(_COMPARE[node.op](left, right))
        return _ARITHMETIC[node.op](left, right)


def _mapped(value: Value, change: Callable[[float], float]) -> Value:
    if isinstance(value, list):
        return [Sample(_unnamed(sample.labels), change(sample.value)) for sample in value]
    if isinstance(value, str):
        raise QueryError("a text is no number")
    return change(value)


def _unnamed(labels: LabelMap) -> LabelMap:
    return {key: value for key, value in labels.items() if key != "__name__"}


def _compared(node: Binary, pairs: list[tuple[Sample, float, float]]) -> Vector:
    """A vector against a scalar: comparisons filter (or give 0 and 1), arithmetic changes the values."""
    found: Vector = []
    for sample, left, right in pairs:
        if node.op in _COMPARE:
            holds = _COMPARE[node.op](left, right)
            if node.as_bool:
                found.append(Sample(_unnamed(sample.labels), float(holds)))
            elif holds:
                found.append(sample)
        else:
            found.append(Sample(_unnamed(sample.labels), _ARITHMETIC[node.op](left, right)))
    return found


def _signature(node: Binary, labels: LabelMap) -> tuple[tuple[str, str], ...]:
    if node.on is not None:
        return tuple((name, labels.get(name, "")) for name in node.on)
    return tuple(sorted((key, value) for key, value in labels.items() if key != "__name__" and key not in node.ignoring))


def _joined(node: Binary, left: Vector, right: Vector) -> Vector:
    partners: dict[tuple[tuple[str, str], ...], Sample] = {}
    for sample in right:
        key = _signature(node, sample.labels)
        if key in partners:
            raise QueryError("many-to-many matching not allowed: found duplicate series on the right side")
        partners[key] = sample
    used: set[tuple[tuple[str, str], ...]] = set()
    found: Vector = []
    for sample in left:
        key = _signature(node, sample.labels)
        partner = partners.get(key)
        if partner is None:
            continue
        if node.group_left is None and key in used:
            raise QueryError("multiple matches for labels: grouping modifiers must be used")
        used.add(key)
        if node.op in _COMPARE:
            holds = _COMPARE[node.op](sample.value, partner.value)
            if not holds and not node.as_bool:
                continue
            value = float(holds) if node.as_bool else sample.value
        else:
            value = _ARITHMETIC[node.op](sample.value, partner.value)
        labels = sample.labels if node.op in _COMPARE and not node.as_bool else _unnamed(sample.labels)
        if node.group_left is None and (node.on is not None or node.ignoring):
            labels = {name: text for name, text in key if text}
        elif node.group_left is not None:
            labels = labels | {name: partner.labels[name] for name in node.group_left if name in partner.labels}
        found.append(Sample(labels, value))
    return found


def _sets(node: Binary, left: float | Vector, right: float | Vector) -> Vector:
    if not isinstance(left, list) or not isinstance(right, list):
        raise QueryError(f"{node.op} joins vectors, not scalars")
    if node.op == "or":
        known = {_signature(node, sample.labels) for sample in left}
        return left + [sample for sample in right if _signature(node, sample.labels) not in known]
    others = {_signature(node, sample.labels) for sample in right}
    return [sample for sample in left if (_signature(node, sample.labels) in others) is (node.op == "and")]


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


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divided,
    "%": lambda left, right: math.fmod(left, right) if right else math.nan,
    "^": _power,
}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
_AGGREGATE: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stddev": statistics.pstdev,
}
_ROUNDING: dict[str, Callable[..., float]] = {
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


def _quantile(share: float, values: Sequence[float]) -> float:
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


_OVER_RANGE: dict[str, Callable[..., float | None]] = {
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
    "quantile_over_time": lambda times, values, range_s, end, share: _quantile(share, values),
}


def _histogram_quantile(share: float, buckets: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for sample in buckets:
        if "le" not in sample.labels:
            continue
        rest = tuple(sorted((key, value) for key, value in sample.labels.items() if key not in ("le", "__name__")))
        groups.setdefault(rest, []).append((float(sample.labels["le"]), sample.value))
    return [Sample(dict(labels), _bucket_quantile(share, sorted(found))) for labels, found in groups.items()]


def _bucket_quantile(share: float, buckets: list[tuple[float, float]]) -> float:
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
