"""The lines of an incident's page: the last hour as it was seen when deciding, drawn from what was stored then."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

from django.utils.safestring import SafeString
from pydantic import BaseModel, ConfigDict, ValidationError

from aiops.charts import lines
from incidents.models import Evidence

GAP_STEPS = 1.5  # so many steps without a point are a gap, not a straight line
HEADROOM = 1.15


class Curve(BaseModel):
    """One line as its collector stored it: `points` are (unix seconds, value)."""

    model_config = ConfigDict(frozen=True)

    name: str
    unit: str = ""
    limit: float | None = None
    points: tuple[tuple[float, float], ...]


class Drawn(BaseModel):
    model_config = ConfigDict(frozen=True)

    series: tuple[Curve, ...]
    began_s: float


class Signal(NamedTuple):
    """One chart with its last value in words."""

    name: str
    now: str
    is_bad: bool
    chart: SafeString


def signals(evidence: Iterable[Evidence]) -> list[Signal]:
    """Of the newest item that holds curves; what cannot be read as such is not drawn."""
    stored = [item for item in evidence if item.kind == "curves" and item.facts]
    try:
        drawn = Drawn.model_validate(stored[-1].facts) if stored else None
    except ValidationError:
        return []
    return [_signal(curve, drawn.began_s) for curve in drawn.series if len(curve.points) > 1] if drawn else []


def _signal(curve: Curve, began_s: float) -> Signal:
    first, last = curve.points[0][0], curve.points[-1][0]
    values = [value for _, value in curve.points]
    known = [*values, *([curve.limit] if curve.limit is not None else [])]
    top, low = max(known) * HEADROOM or 1.0, min(0.0, *values)
    limit = (curve.limit, f"limit {_shown(curve.limit, curve.unit)}") if curve.limit is not None else None
    began = (began_s - first) / (last - first) * 100
    marks = [(began, "alert", "accent")] if 0 < began <= 100 else []
    now = _shown(values[-1], curve.unit)
    is_bad = curve.limit is not None and values[-1] > curve.limit
    words = (
        f"{curve.name}: {now} at {_clock(last)}, between {_shown(min(values), curve.unit)} and {_shown(max(values), curve.unit)}"
    )
    chart = lines(
        [("bad" if is_bad else "text", _even(curve.points))],
        words,
        lo=low,
        hi=top,
        y=[(top / HEADROOM, _shown(top / HEADROOM, curve.unit))],
        x=[(0, _clock(first)), (100, _clock(last))],
        limit=limit,
        marks=marks,
    )
    return Signal(curve.name, now, is_bad, chart)


def _even(points: Sequence[tuple[float, float]]) -> list[float | None]:
    """The values at even steps, None where there was none."""
    step = min(later - earlier for (earlier, _), (later, _) in pairwise(points))
    even: list[float | None] = []
    before: float | None = None
    for at, value in points:
        if before is not None and step > 0 and at - before > GAP_STEPS * step:
            even += [None] * (round((at - before) / step) - 1)
        even.append(value)
        before = at
    return even


def _shown(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip()


def _clock(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%H:%M} UTC"
