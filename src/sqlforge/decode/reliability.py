"""Whether confidences mean what they say, and what refusing by them does."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """``n`` answers of about one confidence: its mean, and the share of them that are right."""

    confidence: float
    right: float
    n: int


@dataclass(frozen=True, slots=True)
class Point:
    """What refusing below ``threshold`` does.

    ``refused_wrong_database`` is the share refused of the questions that were asked of a database
    which cannot answer them, ``refused`` that of those asked of their own, and ``refused_right``
    that of those among the latter whose answer is right. ``accuracy`` is the share of right ones
    among the answers that their own database's questions still get; 0 where there is none.
    """

    threshold: float
    refused_wrong_database: float
    refused: float
    refused_right: float
    accuracy: float


def reliability(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> tuple[Bin, ...]:
    """The answers in bins of as equal size as may be, from the least to the most confident.

    >>> reliability([0.1, 0.9, 0.2, 0.8], [False, True, False, False], bins=2)
    (Bin(confidence=0.15..., right=0.0, n=2), Bin(confidence=0.85..., right=0.5, n=2))
    """
    pairs = sorted(zip(confidences, right, strict=True))
    bins = min(bins, len(pairs))
    edges = [len(pairs) * n // bins for n in range(bins + 1)] if bins else []
    found = []
    for start, end in pairwise(edges):
        part = pairs[start:end]
        mean = sum(confidence for confidence, _ in part) / len(part)
        found.append(Bin(mean, sum(r for _, r in part) / len(part), len(part)))
    return tuple(found)


def expected_calibration_error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """How far confidence and share of right answers are apart, over ten bins of equal size.

    The mean of the bins' distances by their sizes (Naeini et al. 2015; bins of equal size as in
    Nguyen and O'Connor 2015). Chance alone gives about sqrt(p (1 - p) / bin size) · 0.8.

    >>> round(expected_calibration_error([0.5] * 10, [True] * 10), 2)
    0.5
    """
    bins = reliability(confidences, right)
    total = sum(b.n for b in bins)
    return sum(b.n * abs(b.confidence - b.right) for b in bins) / total if total else 0.0


def refusal_curve(
    confidences: Sequence[float],
    right: Sequence[bool],
    wrong_database: Sequence[float],
    points: int = 100,
) -> tuple[Point, ...]:
    """What refusing does at thresholds from nothing refused to everything refused.

    Args:
        confidences, right: of questions asked of their own database.
        wrong_database: confidences of questions asked of one that cannot answer them.
        points: how many thresholds between the ends; they lie at quantiles of all confidences.
    """
    every = sorted([*confidences, *wrong_database])
    if not confidences or not wrong_database:
        return ()
    at = {every[len(every) * n // points] for n in range(points)}
    own, foreign = sorted(confidences), sorted(wrong_database)
    hits = sorted(c for c, r in zip(confidences, right, strict=True) if r)
    found = []
    for threshold in [0.0, *sorted(at - {0.0}), every[-1] + 1e-9]:
        refused = bisect_left(own, threshold)
        refused_right = bisect_left(hits, threshold)
        given = len(own) - refused
        found.append(
            Point(
                threshold,
                bisect_left(foreign, threshold) / len(foreign),
                refused / len(own),
                refused_right / len(hits) if hits else 0.0,
                (len(hits) - refused_right) / given if given else 0.0,
            )
        )
    return tuple(found)


def separation(lower: Sequence[float], higher: Sequence[float]) -> float:
    """The chance that one of ``lower`` is below one of ``higher`` (the area under the ROC curve).

    Equals count half; 0.5 says nothing, 1 tells all apart. Both have at least one value.

    >>> separation([0.1, 0.2], [0.2, 0.9])
    0.875
    """
    ranked = sorted(lower)
    wins = sum((bisect_left(ranked, x) + bisect_right(ranked, x)) / 2 for x in higher)
    return wins / (len(lower) * len(higher))
