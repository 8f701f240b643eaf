"""Answers queries: walks their tree over the samples at one moment of simulated time."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from aiops.sandbox.telemetry import functions, promql
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
        if name in functions.OVER_RANGE:
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
        if name in functions.ROUNDING and arguments:
            more = [self._scalar(argument) for argument in arguments[1:]]
            return _mapped(self.value(arguments[0]), lambda value: functions.ROUNDING[name](value, *more))
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
            value = functions.OVER_RANGE[name](times, values, selector.range_s, end, *extra) if len(values) else None
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
            value = (
                functions.quantile(self._parameter(node), values)
                if node.function == "quantile"
                else functions.AGGREGATE[node.function](values)
            )
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
        if node.op in functions.COMPARE:
            if not node.as_bool:
                raise QueryError("comparisons between scalars must use the bool modifier")
            return float(functions.COMPARE[node.op](left, right))
        return functions.ARITHMETIC[node.op](left, right)


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
        if node.op in functions.COMPARE:
            holds = functions.COMPARE[node.op](left, right)
            if node.as_bool:
                found.append(Sample(_unnamed(sample.labels), float(holds)))
            elif holds:
                found.append(sample)
        else:
            found.append(Sample(_unnamed(sample.labels), functions.ARITHMETIC[node.op](left, right)))
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
        if node.op in functions.COMPARE:
            holds = functions.COMPARE[node.op](sample.value, partner.value)
            if not holds and not node.as_bool:
                continue
            value = float(holds) if node.as_bool else sample.value
        else:
            value = functions.ARITHMETIC[node.op](sample.value, partner.value)
        labels = sample.labels if node.op in functions.COMPARE and not node.as_bool else _unnamed(sample.labels)
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


def _histogram_quantile(share: float, buckets: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for sample in buckets:
        if "le" not in sample.labels:
            continue
        rest = tuple(sorted((key, value) for key, value in sample.labels.items() if key not in ("le", "__name__")))
        groups.setdefault(rest, []).append((float(sample.labels["le"]), sample.value))
    return [Sample(dict(labels), functions.bucket_quantile(share, sorted(found))) for labels, found in groups.items()]
