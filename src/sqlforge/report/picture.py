"""Curves as a picture of its own, for documents that bring no style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.report.markup import Html, el, join

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 200, 36, 52
_COLOURS = ("#1b6ca8", "#c2571a", "#3a7d44", "#7a4fa3")
_GREY, _INK = "#d9d9d9", "#333333"


@dataclass(frozen=True, slots=True)
class Curve:
    """A name and points ``(x, y)``, both fractions."""

    name: str
    points: tuple[tuple[float, float], ...]


def picture(title: str, across: str, up: str, curves: Sequence[Curve]) -> str:
    """An SVG file of curves over the unit square, both axes in percent, with a legend.

    Args:
        title: above the picture, and what a screen reader says.
        across, up: what the axes are.
        curves: at most four.

    >>> picture("t", "x", "y", [Curve("a", ((0, 0), (1, 1)))]).count("<polyline")
    1
    """
    drawing = el(
        "svg",
        el("rect", width=_WIDTH, height=_HEIGHT, fill="#ffffff"),
        _text(title, _LEFT, 20, "start", size=14),
        join(_grid(n / 5) for n in range(6)),
        join(_line(n, curve) for n, curve in enumerate(curves[: len(_COLOURS)])),
        _text(across, (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, "middle"),
        _text(up, 16, (_TOP + _HEIGHT - _BOTTOM) / 2, "middle", turned=True),
        xmlns="http://www.w3.org/2000/svg", width=_WIDTH, height=_HEIGHT, role="img",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}", font_family="sans-serif", aria_label=title,
    )  # fmt: skip
    return f"{drawing}\n"


def _place(x: float, y: float) -> tuple[float, float]:
    return (
        _LEFT + x * (_WIDTH - _LEFT - _RIGHT),
        _HEIGHT - _BOTTOM - y * (_HEIGHT - _TOP - _BOTTOM),
    )


def _grid(at: float) -> Html:
    (left, y), (right, _) = _place(0, at), _place(1, at)
    (x, bottom), (_, top) = _place(at, 0), _place(at, 1)
    return join(
        [
            _stroke(left, y, right, y),
            _stroke(x, bottom, x, top),
            _text(f"{at:.0%}", left - 8, y + 4, "end"),
            _text(f"{at:.0%}", x, bottom + 18, "middle"),
        ]
    )


def _line(number: int, curve: Curve) -> Html:
    colour = _COLOURS[number]
    places = [_place(x, y) for x, y in curve.points]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    legend, at = _WIDTH - _RIGHT + 16, _TOP + 16 + 22 * number
    return join(
        [
            el("polyline", points=points, fill="none", stroke=colour, stroke_width=2),
            el("rect", x=legend, y=at - 8, width=14, height=4, fill=colour),
            _text(curve.name, legend + 20, at, "start"),
        ]
    )


def _stroke(x1: float, y1: float, x2: float, y2: float) -> Html:
    return el("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", stroke=_GREY)


def _text(
    words: str, x: float, y: float, anchor: str, *, size: int = 12, turned: bool = False
) -> Html:
    turn = f"rotate(-90 {x:.1f} {y:.1f})" if turned else None
    return el(
        "text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, font_size=size,
        fill=_INK, transform=turn,
    )  # fmt: skip
