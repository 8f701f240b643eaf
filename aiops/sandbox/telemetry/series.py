"""Samples in simulated time: appended by scrapes, read by queries, forgotten after a while."""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]  # sorted, without the name
RETENTION_S = 4 * 3600.0
LOOKBACK_S = 300.0  # how old a sample may be and still count as now, as in Prometheus
_STALE = math.nan


def labels(**pairs: str) -> Labels:
    return tuple(sorted(pairs.items()))


@dataclass(slots=True)
class Series:
    name: str
    labels: Labels
    times: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    label_map: dict[str, str] = field(default_factory=dict)
    named_map: dict[str, str] = field(default_factory=dict)  # shared by all samples of the series, never changed

    def __post_init__(self) -> None:
        self.label_map = dict(self.labels)
        self.named_map = {"__name__": self.name} | self.label_map

    def at(self, time: float) -> float | None:
        """The newest value not older than the lookback; None where there is none, or the series had ended by then."""
        place = bisect_right(self.times, time) - 1
        if place < 0 or self.times[place] <= time - LOOKBACK_S or math.isnan(self.values[place]):
            return None
        return self.values[place]

    def between(self, begin: float, end: float) -> tuple[Sequence[float], Sequence[float]]:
        """(times, values) after `begin` and up to `end`, without marks of staleness."""
        low, high = bisect_right(self.times, begin), bisect_right(self.times, end)
        times, values = self.times[low:high], self.values[low:high]
        if any(map(math.isnan, values)):
            kept = [(time, value) for time, value in zip(times, values, strict=True) if not math.isnan(value)]
            return [time for time, _ in kept], [value for _, value in kept]
        return times, values

    @property
    def is_stale(self) -> bool:
        return math.isnan(self.values[-1])


class Samples:
    """All series by name. What a scrape no longer shows is marked stale at once, so that a query does not see it again."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[Labels, Series]] = {}
        self._scrapes = 0

    def scrape(self, time: float, samples: Iterator[tuple[str, Labels, float]]) -> None:
        for name, which, value in samples:
            series = self._by_name.setdefault(name, {}).get(which)
            if series is None:
                series = self._by_name[name][which] = Series(name, which)
            series.times.append(time)
            series.values.append(value)
        for group in self._by_name.values():
            for series in group.values():
                if series.times[-1] != time and not series.is_stale:
                    series.times.append(time)
                    series.values.append(_STALE)
        self._scrapes += 1
        if self._scrapes % 60 == 0:
            self._forget(time - RETENTION_S)

    def named(self, name: str) -> Iterator[Series]:
        return iter(self._by_name.get(name, {}).values())

    def all(self) -> Iterator[Series]:
        for group in self._by_name.values():
            yield from group.values()

    @property
    def names(self) -> list[str]:
        return sorted(self._by_name)

    def _forget(self, before: float) -> None:
        for name, group in list(self._by_name.items()):
            for which, series in list(group.items()):
                if series.times[-1] < before:
                    del group[which]
                elif series.times[0] < before:
                    place = bisect_left(series.times, before)
                    del series.times[:place], series.values[:place]
            if not group:
                del self._by_name[name]
