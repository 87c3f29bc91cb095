"""Charts as inline SVG that needs no script and keeps its text size at any width.

Bars and curves are placed in percent of the width; all words stand beside them as HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from sqlforge.report.markup import Html, el, join

_MOST_POINTS = 400  # more than a screen is wide in lines, and the page stays small


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; ``value``, ``low`` and ``high`` are fractions, ``style`` names its colour."""

    label: str
    style: str
    value: float
    low: float | None
    high: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve through ``(x, y)`` points; ``style`` names its colour."""

    style: str
    points: tuple[tuple[float, float], ...]


def bar_chart(title: str, bars: Sequence[Bar], *, scale: bool = False) -> Html:
    """Horizontal bars over 0 to 100 %, a whisker where there is an interval.

    ``scale`` puts the percentages under the bars.

    >>> "71 %" in bar_chart("t", [Bar("tuned", "tuned", 0.71, 0.64, 0.77, "71 %")])
    True
    """
    rows = join(_bar_row(bar) for bar in bars)
    return el("figure", el("figcaption", title), rows, _scale() if scale else None, class_="bars")


def line_chart(
    title: str, description: str, lines: Sequence[Line], *, height: int = 220, unit: str = "step"
) -> Html:
    """Curves over a common x-axis that starts at the first and ends at the last point.

    The y-axis starts at 0. ``description`` is what a screen reader says instead of the picture.

    >>> line_chart("loss", "falls", [Line("raw", ((1, 2.0), (2, 1.0)))]).count("<polyline")
    1
    """
    xs = [x for line in lines for x, _ in line.points]
    first, last = min(xs), max(xs)
    ticks = _ticks(max(y for line in lines for _, y in line.points), 4 if height > 100 else 2)
    top = ticks[-1]
    curves = join(_polyline(line, first, last, top) for line in lines)
    plot = el(
        "svg", curves, x=0, y=10, width="100%", height=height,
        viewBox="0 0 100 100", preserveAspectRatio="none",
    )  # fmt: skip
    grid = join(_grid_line(tick, 10 + height * (1 - tick / top)) for tick in ticks)
    axis = join(_x_label(share, first, last, height + 28, unit) for share in (0.0, 0.5, 1.0))
    picture = el(
        "svg", grid, plot, axis, class_="curve", width="100%", height=height + 36,
        role="img", aria_label=f"{title}: {description}",
    )  # fmt: skip
    return el("figure", el("figcaption", title), picture, class_="lines")


def thinned(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """At most 400 points: means over equal stretches, the first and last x kept.

    >>> len(thinned([(x, 1.0) for x in range(5000)])) <= 400
    True
    """
    if len(points) <= _MOST_POINTS:
        return tuple(points)
    size = math.ceil(len(points) / _MOST_POINTS)
    chunks = [points[start : start + size] for start in range(0, len(points), size)]
    middle = [(c[len(c) // 2][0], sum(y for _, y in c) / len(c)) for c in chunks[1:-1]]
    return (points[0], *middle, points[-1])


def smoothed(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Means over a window of about a twentieth of the points, centred, so that nothing lags.

    Towards both ends the window shrinks evenly.

    >>> smoothed([(1, 4.0), (2, 1.0), (3, 4.0)])
    ((1, 4.0), (2, 3.0), (3, 4.0))
    """
    sums = [0.0, *accumulate(y for _, y in points)]
    most = max(2, len(points) // 40)
    found = []
    for index, (x, _) in enumerate(points):
        reach = min(most, index, len(points) - 1 - index)
        low, high = index - reach, index + reach + 1
        found.append((x, round((sums[high] - sums[low]) / (high - low), 6)))
    return tuple(found)


def _bar_row(bar: Bar) -> Html:
    parts = [
        el("rect", class_="track", x=0, y=2, width="100%", height=14),
        *(el("line", class_="grid", x1=x, x2=x, y1=2, y2=16) for x in ("25%", "50%", "75%")),
        el("rect", class_=f"bar {bar.style}", x=0, y=2, width=_share(bar.value), height=14),
    ]
    if bar.low is not None and bar.high is not None:
        low, high = _share(bar.low), _share(bar.high)
        parts += [
            el("line", class_="whisker", x1=low, x2=high, y1=9, y2=9),
            el("line", class_="whisker", x1=low, x2=low, y1=5, y2=13),
            el("line", class_="whisker", x1=high, x2=high, y1=5, y2=13),
        ]
    # The words beside the bar say all that it shows, so a screen reader may skip the drawing.
    drawing = el("svg", *parts, width="100%", height=18, aria_hidden="true")
    label, note = el("span", bar.label, class_="label"), el("span", bar.note, class_="value")
    return el("div", label, drawing, note, class_="row")


def _scale() -> Html:
    places = ((0, "start"), (25, "middle"), (50, "middle"), (75, "middle"), (100, "end"))
    labels = (
        el("text", f"{x} %", class_="tick", x=f"{x}%", y=12, text_anchor=anchor)
        for x, anchor in places
    )
    drawing = el("svg", *labels, width="100%", height=16, aria_hidden="true")
    return el("div", el("span", class_="label"), drawing, class_="row")


def _share(fraction: float) -> str:
    return f"{min(1.0, max(0.0, fraction)) * 100:.2f}%"


def _polyline(line: Line, first: float, last: float, top: float) -> Html:
    span = (last - first) or 1.0
    places = (f"{(x - first) / span * 100:.2f},{100 - y / top * 100:.2f}" for x, y in line.points)
    return el("polyline", class_=f"line {line.style}", points=" ".join(places))


def _ticks(highest: float, parts: int) -> list[float]:
    """Round values from 0 to at least ``highest``, about ``parts`` steps apart."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / parts
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= rough * 0.999)
    return [index * step for index in range(math.ceil(highest / step - 1e-9) + 1)]


def _grid_line(value: float, y: float) -> Html:
    line = el("line", class_="grid", x1="0", x2="100%", y1=f"{y:.1f}", y2=f"{y:.1f}")
    # The style sheet leaves room to the left of the drawing.
    label = el("text", f"{value:g}", class_="tick", x=-8, y=f"{y + 4:.1f}", text_anchor="end")
    return join([line, label])


def _x_label(share: float, first: float, last: float, y: int, unit: str) -> Html:
    anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
    words = f"{unit} {round(first + share * (last - first)):,}"
    return el("text", words, class_="tick", x=f"{share * 100:g}%", y=y, text_anchor=anchor)
