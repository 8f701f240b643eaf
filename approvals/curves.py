"""The alert's own metric around an act, as a small chart: where it was, when the act came, where it should be."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from django.utils.safestring import SafeString
from pydantic import JsonValue

from aiops.charts import lines

POINTS_MAX = 240
HEIGHT = 96


class Curve(NamedTuple):
    """`words` is the value now against its band."""

    name: str
    words: str
    chart: SafeString


def curve_of(metric: JsonValue, acted_at: datetime | None) -> Curve | None:
    """From what a verification has stored; None where the metric was not to be had."""
    if not isinstance(metric, dict):
        return None
    points = _points(metric.get("curve"))
    if len(points) < 2:
        return None
    name, words = str(metric.get("name") or "metric"), str(metric.get("words") or "")
    edge = metric.get("high") if metric.get("high") is not None else metric.get("low")
    limit = (float(edge), "before the incident") if isinstance(edge, int | float) else None
    known = [value for _, value in points] + ([limit[0]] if limit else [])
    lo, hi = min(0.0, *known), max(known)
    began, ended = points[0][0], points[-1][0]
    marks: Sequence[tuple[float, str, str]] = ()
    if acted_at is not None and began <= acted_at.timestamp() <= ended:
        marks = (((acted_at.timestamp() - began) / (ended - began) * 100, "act", "accent"),)
    minutes = round((ended - began) / 60)
    label = f"{name} over {minutes} min: {points[0][1]:.4g} at first, {points[-1][1]:.4g} at last. {words}"
    ends = ((0.0, f"{minutes} min before"), (100.0, "last look"))
    top = hi + (hi - lo or 1) * 0.12
    chart = lines(
        [("accent", _even(points))], label, lo=lo, hi=top, y=((hi, f"{hi:.4g}"),), x=ends, height=HEIGHT, limit=limit, marks=marks
    )
    return Curve(name, words, chart)


def _points(stored: JsonValue) -> list[tuple[float, float]]:
    pairs = [pair for pair in stored if isinstance(pair, list) and len(pair) == 2] if isinstance(stored, list) else []
    return [(float(at), float(value)) for at, value in pairs if isinstance(at, int | float) and isinstance(value, int | float)]


def _even(points: Sequence[tuple[float, float]]) -> list[float | None]:
    """At equal steps, None where nothing was measured: a gap stays a gap."""
    step = min(after[0] - before[0] for before, after in pairwise(points)) or 1.0
    began = points[0][0]
    places = min(POINTS_MAX, round((points[-1][0] - began) / step) + 1)
    even: list[float | None] = [None] * places
    for at, value in points:
        even[min(places - 1, round((at - began) / (points[-1][0] - began) * (places - 1)))] = value
    return even
