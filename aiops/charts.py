"""Server-rendered SVG charts: plain functions from numbers to markup.

No script and no inline style, so they pass a strict CSP; every colour is a class from app.css. A chart is an <svg>
without a viewBox: text, dots and bars are placed with percentages and keep their size at any width. Only shapes that
need path data live in a nested, stretched <svg>. Labels and texts are escaped here, so the markup is safe.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from math import isfinite

from django.utils.safestring import SafeString

Run = list[tuple[float, float]]

X_LABELS_PX = 18  # kept free under a plot
# Height of a tick in percent: a failed run is also taller, so that colour is not the only signal.
TICKS = {"ok": 62, "warn": 80, "bad": 100, "none": 30}


def _num(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _scale(value: float, lo: float, hi: float) -> float:
    """Where a value sits between lo and hi, 0 to 100, clamped."""
    if not isfinite(value) or hi <= lo:
        return 0.0
    return max(0.0, min(100.0, (value - lo) / (hi - lo) * 100))


def _runs(values: Sequence[float | None], lo: float, hi: float) -> list[Run]:
    """Runs of (x, y); a None is a gap and starts a new run, never a straight line across it."""
    runs: list[Run] = [[]]
    last = max(len(values) - 1, 1)
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((index / last * 100, 100 - _scale(value, lo, hi)))
    return [run for run in runs if run]


def _path(run: Run) -> str:
    return "M" + "L".join(f"{_num(x)} {_num(y)}" for x, y in run)


def _area(run: Run) -> str:
    return f"{_path(run)}L{_num(run[-1][0])} 100L{_num(run[0][0])} 100Z"


def _rect(css: str, *, x: float, width: float, y: str, height: str, more: str = "") -> str:
    return f'<rect class="{css}" x="{_num(x)}%" width="{_num(width)}%" y="{y}" height="{height}"{more}/>'


def _tick(css: str, x: float, *, y: int, height: int) -> str:
    return f'<rect class="{css}" x="{_num(x)}%" width="2" y="{y}" height="{height}" transform="translate(-1 0)"/>'


def _stretched(shapes: Iterable[str], height: str = "100%") -> str:
    return f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="{height}">{"".join(shapes)}</svg>'


def _svg(css: str, label: str, height: int, *shapes: str) -> SafeString:
    head = f'<svg class="plot {css}" width="100%" height="{height}" role="img" aria-label="{escape(label)}">'
    return SafeString(f"{head}{''.join(shapes)}</svg>")


def _x_labels(x: Sequence[tuple[float, str]], height: int) -> Iterable[str]:
    for position, text in x:
        anchor = "start" if position < 4 else "end" if position > 96 else "middle"
        yield f'<text x="{_num(position)}%" y="{height - 4}" text-anchor="{anchor}">{escape(text)}</text>'


def spark(
    values: Sequence[float | None],
    label: str,
    *,
    tone: str = "accent",
    height: int = 28,
    lo: float | None = None,
    hi: float | None = None,
) -> SafeString:
    """A word-sized line with a soft area under it; the label carries the numbers for a screen reader."""
    known = [value for value in values if value is not None and isfinite(value)]
    if not known:
        return _svg(f"spark tone-{tone}", label, height)
    lo = min(known) if lo is None else lo
    hi = max(known) if hi is None else hi
    pad = (hi - lo or 1) * 0.12
    runs = _runs(values, lo - pad, hi + pad)
    areas = (f'<path class="area" d="{_area(run)}"/>' for run in runs)
    lines = (f'<path class="line" d="{_path(run)}"/>' for run in runs)
    return _svg(f"spark tone-{tone}", label, height, _stretched([*areas, *lines]))


def lines(
    series: Sequence[tuple[str, Sequence[float | None]]],
    label: str,
    *,
    lo: float,
    hi: float,
    y: Sequence[tuple[float, str]] = (),
    x: Sequence[tuple[float, str]] = (),
    height: int = 150,
    limit: tuple[float, str] | None = None,
    band: tuple[float, float] | None = None,
    marks: Sequence[tuple[float, str, str]] = (),
) -> SafeString:
    """A time chart. `series` is (tone, values); x positions and marks `(position, text, tone)` are percent of the width.

    A limit is a dashed line, a band the normal range.
    """
    plot = height - X_LABELS_PX

    def at(value: float) -> str:
        return _num((100 - _scale(value, lo, hi)) * plot / height) + "%"

    shapes = [f'<line class="grid" x1="0" x2="100%" y1="{at(value)}" y2="{at(value)}"/>' for value, _ in y]
    if band:
        depth = (_scale(band[1], lo, hi) - _scale(band[0], lo, hi)) * plot / height
        shapes.append(_rect("band", x=0, width=100, y=at(band[1]), height=f"{_num(depth)}%"))
    foot = _num(plot / height * 100)
    for position, _, tone in marks:
        px = _num(position)
        shapes.append(f'<line class="mark tone-{tone}" x1="{px}%" x2="{px}%" y1="0" y2="{foot}%"/>')
    paths = []
    for tone, values in series:
        for run in _runs(values, lo, hi):
            paths.append(f'<path class="area tone-{tone}" d="{_area(run)}"/>')
            paths.append(f'<path class="line tone-{tone}" d="{_path(run)}"/>')
    shapes.append(_stretched(paths, str(plot)))
    if limit:
        shapes.append(f'<line class="limit" x1="0" x2="100%" y1="{at(limit[0])}" y2="{at(limit[0])}"/>')
        text = f'<text class="on-limit" x="100%" dx="-2" dy="-5" y="{at(limit[0])}" text-anchor="end">{escape(limit[1])}</text>'
        shapes.append(text)
    for tone, values in series:
        runs = _runs(values, lo, hi)
        if runs and values[-1] is not None:
            end_x, end_y = runs[-1][-1]
            shapes.append(f'<circle class="dot tone-{tone}" cx="{_num(end_x)}%" cy="{_num(end_y * plot / height)}%" r="3"/>')
    shapes.extend(f'<text x="2" dy="-3" y="{at(value)}">{escape(text)}</text>' for value, text in y)
    for position, text, tone in marks:
        anchor, dx = ("end", -5) if position > 60 else ("start", 5)
        place = f'x="{_num(position)}%" dx="{dx}" y="11" text-anchor="{anchor}"'
        shapes.append(f'<text class="on-mark tone-{tone}" {place}>{escape(text)}</text>')
    return _svg("lines", label, height, *shapes, *_x_labels(x, height))


def columns(
    rows: Sequence[Sequence[float]],
    tones: Sequence[str],
    label: str,
    *,
    height: int = 120,
    x: Sequence[tuple[float, str]] = (),
) -> SafeString:
    """Stacked columns, first tone at the bottom."""
    plot = height - X_LABELS_PX
    top = max((sum(row) for row in rows), default=0) or 1
    step = 100 / max(len(rows), 1)
    shapes = [f'<line class="grid" x1="0" x2="100%" y1="{plot}" y2="{plot}"/>']
    for index, row in enumerate(rows):
        base = 0.0
        for tone, value in zip(tones, row, strict=True):
            if not value:
                continue
            depth = value / top * plot / height * 100
            y0 = plot / height * 100 - base - depth
            size = {"x": index * step + step * 0.17, "width": step * 0.66}
            shapes.append(
                _rect(f"tone-{tone}", **size, y=f"{_num(y0)}%", height=f"{_num(max(depth - 0.8, 0.6))}%", more=' rx="1.5"')
            )
            base += depth
    return _svg("columns", label, height, *shapes, *_x_labels(x, height))


def strip(outcomes: Sequence[str], label: str, *, height: int = 18) -> SafeString:
    """One tick per run, oldest first: ok, warn, bad, none."""
    step = 100 / max(len(outcomes), 1)
    ticks = (
        _rect(
            f"tick-{outcome}",
            x=index * step + step * 0.14,
            width=step * 0.72,
            y=f"{100 - TICKS[outcome]}%",
            height=f"{TICKS[outcome]}%",
            more=' rx="1"',
        )
        for index, outcome in enumerate(outcomes)
    )
    return _svg("strip", label, height, *ticks)


def meter(
    value: float, label: str, *, of: float = 100, tone: str = "accent", marks: Sequence[float] = (), height: int = 6
) -> SafeString:
    """A bar; a tick on it is always a limit."""
    round_ends = f' rx="{height / 2}"'
    return _svg(
        f"meter tone-{tone}",
        label,
        height,
        _rect("track", x=0, width=100, y="0", height=str(height), more=round_ends),
        _rect("fill", x=0, width=_scale(value, 0, of), y="0", height=str(height), more=round_ends),
        *(_tick("tick", _scale(mark, 0, of), y=-3, height=height + 6) for mark in marks),
    )


def blast(score: int, label: str, *, tiers: Sequence[int] = (30, 60, 85)) -> SafeString:
    """The 0-100 blast scale: four tier zones, the reached part filled, a needle at the score."""
    score = max(0, min(100, score))
    zones = []
    for index, (start, end) in enumerate(pairwise([0, *tiers, 100])):
        left = start + (0.5 if index else 0)
        zones.append(_rect("zone", x=left, width=end - left, y="6", height="8", more=' rx="2"'))
        if score > left:
            zones.append(_rect(f"zone z{index}", x=left, width=min(score, end) - left, y="6", height="8", more=' rx="2"'))
    needle = f'<rect class="needle" x="{score}%" y="0" width="3" height="20" rx="1.5" transform="translate(-1.5 0)"/>'
    return _svg("blast-scale", label, 20, *zones, needle)


def bullet(
    value: float | None,
    label: str,
    *,
    target: float,
    red: float,
    hi: float,
    lower_is_better: bool = False,
    tone: str = "ok",
    height: int = 22,
) -> SafeString:
    """An SLO gauge: the value as a bar, the red line and the target as ticks (their numbers are in the HTML)."""
    low, high = (red, hi) if lower_is_better else (0.0, red)
    bar = {"y": _num(height / 2 - 4), "height": "8", "more": ' rx="2"'}
    start = _scale(low, 0, hi)
    shapes = [
        _rect("track", x=0, width=100, **bar),
        _rect("red-zone", x=start, width=_scale(high, 0, hi) - start, **bar),
    ]
    if value is not None:
        shapes.append(_rect("fill", x=0, width=_scale(value, 0, hi), **bar))
    shapes.append(_tick("tick red", _scale(red, 0, hi), y=2, height=height - 4))
    shapes.append(_tick("tick", _scale(target, 0, hi), y=2, height=height - 4))
    return _svg(f"bullet tone-{tone}", label, height, *shapes)
