"""Refusing by calibrated confidence: is it calibrated, and what does it tell apart.

Every confidence comes from a calibration that has not seen the question's database: it was fitted
on the other databases of Spider dev, in five turns. See ``decode_gain.py``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from claims import ClaimRow
from decode_gain_rows import Judged, share
from sqlforge.core.files import write_text
from sqlforge.decode.abstain import OF_BOTH, OF_ONE_SAMPLE, OF_VOTES, held_out_calibrations
from sqlforge.decode.reliability import (
    Point,
    expected_calibration_error,
    refusal_curve,
    reliability,
    separation,
)
from sqlforge.decode.vote import Choice, only
from sqlforge.report.picture import Curve, picture
from sqlforge.score.statistics import wilson

THRESHOLDS = tuple(n / 10 for n in range(1, 10))
WRONG_REFUSALS = (0.05, 0.1, 0.2)
_NAMES = {
    "one_answer": "its probability, one answer",
    "probability": "its probability, after a vote",
    "agreement": "agreement of eight",
    "both": "both",
}


@dataclass(frozen=True, slots=True)
class Confident:
    """Confidences in answers to a database's own questions and to questions about another."""

    own: Sequence[float]
    right: Sequence[bool]
    foreign: Sequence[float]


def refusal_rows(arms: Mapping[str, Judged], foreign: Judged, images: Path) -> Iterator[ClaimRow]:
    """Calibration, separation and the curve, by what confidence is made of; two pictures."""
    own, once = arms["spider_vote"], arms["spider_constrained"]
    firsts = [only(candidates[0]) for candidates in foreign.arm.candidates]
    found = {
        "one_answer": _confident(once, firsts, OF_ONE_SAMPLE),
        "probability": _confident(own, foreign.choices, OF_ONE_SAMPLE),
        "agreement": _confident(own, foreign.choices, OF_VOTES),
        "both": _confident(own, foreign.choices, OF_BOTH),
    }
    raw = [math.exp(choice.candidate.logprob) for choice in own.choices]
    n = len(raw)
    yield ClaimRow(
        "uncalibrated_calibration_error",
        expected_calibration_error(raw, own.right),
        "fraction",
        n=n,
    )
    for name, confident in found.items():
        yield from _summary_rows(name, confident)
    yield from _curve_rows(found["both"])
    write_text(images / "refusing.svg", _refusing(found))
    write_text(images / "reliability.svg", _reliability(found["both"]))


def _confident(own: Judged, foreign: Sequence[Choice], scores: tuple[str, ...]) -> Confident:
    ran = [i for i, choice in enumerate(own.choices) if choice.ran is not False]
    blind = held_out_calibrations(
        [own.choices[i] for i in ran],
        [own.right[i] for i in ran],
        [own.groups[i] for i in ran],
        scores,
    )
    # A foreign question is one of the same databases, asked elsewhere.
    first = next(iter(blind.values()))
    by_place = [blind.get(group, first) for group in own.groups]
    return Confident(
        [c.confidence(choice) for c, choice in zip(by_place, own.choices, strict=True)],
        own.right,
        [c.confidence(choice) for c, choice in zip(by_place, foreign, strict=True)],
    )


def _summary_rows(name: str, confident: Confident) -> Iterator[ClaimRow]:
    n = len(confident.own)
    error = expected_calibration_error(confident.own, confident.right)
    yield ClaimRow(f"{name}_calibration_error", error, "fraction", n=n)
    told = separation(confident.foreign, confident.own)
    yield ClaimRow(f"{name}_tells_wrong_database", told, "fraction", n=n)
    hits = _of(confident, True)
    if hits and len(hits) < n:
        told = separation(_of(confident, False), hits)
        yield ClaimRow(f"{name}_tells_wrong_answer", told, "fraction", n=n)
        told = separation(confident.foreign, hits)
        yield ClaimRow(f"{name}_tells_wrong_database_from_right_answer", told, "fraction", n=n)
    for most in WRONG_REFUSALS:
        point = _at_most(_curve(confident), most)
        yield ClaimRow(
            f"{name}_wrong_database_refused_at_{most * 100:.0f}_percent_of_right_answers",
            point.refused_wrong_database,
            "fraction",
            n=len(confident.foreign),
        )


def _curve_rows(confident: Confident) -> Iterator[ClaimRow]:
    for threshold in THRESHOLDS:
        name = f"refuse_below_{threshold * 100:.0f}"
        foreign = sum(c < threshold for c in confident.foreign)
        own = [c < threshold for c in confident.own]
        hits = [c < threshold for c in _of(confident, True)]
        given = len(own) - sum(own)
        yield share(f"{name}_wrong_database_refused", wilson(foreign, len(confident.foreign)))
        yield share(f"{name}_own_refused", wilson(sum(own), len(own)))
        yield share(f"{name}_right_refused", wilson(sum(hits), len(hits)))
        yield share(f"{name}_accuracy_of_answers", wilson(len(hits) - sum(hits), given))
    for place, found in enumerate(reliability(confident.own, confident.right)):
        right = wilson(round(found.right * found.n), found.n)
        yield ClaimRow(f"reliability_{place}_confidence", found.confidence, "fraction", n=found.n)
        yield share(f"reliability_{place}_right", right)


def _of(confident: Confident, right: bool) -> list[float]:
    pairs = zip(confident.own, confident.right, strict=True)
    return [confidence for confidence, verdict in pairs if verdict is right]


def _curve(confident: Confident) -> tuple[Point, ...]:
    return refusal_curve(confident.own, confident.right, confident.foreign)


def _at_most(points: Sequence[Point], most: float) -> Point:
    return max((p for p in points if p.refused_right <= most), key=lambda p: p.threshold)


def _refusing(found: Mapping[str, Confident]) -> str:
    curves = [
        Curve(
            _NAMES[name],
            tuple((p.refused_right, p.refused_wrong_database) for p in _curve(confident)),
        )
        for name, confident in found.items()
    ]
    return picture(
        "Refusing by confidence, Spider dev",
        "right answers refused",
        "refused of questions to a wrong database",
        curves,
    )


def _reliability(confident: Confident) -> str:
    bins = reliability(confident.own, confident.right)
    curves = [
        Curve("confidence and outcome", tuple((b.confidence, b.right) for b in bins)),
        Curve("what it should be", ((0.0, 0.0), (1.0, 1.0))),
    ]
    return picture(
        "Is confidence the share of right answers? Spider dev",
        "confidence",
        "right answers",
        curves,
    )
