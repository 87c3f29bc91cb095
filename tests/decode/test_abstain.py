"""Calibration and refusal curves, on answers drawn from a known truth."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from sqlforge.core.decoding import CALIBRATED_ON
from sqlforge.core.errors import DataError
from sqlforge.decode.abstain import OF_ONE_SAMPLE, OF_VOTES, Calibration, calibrate
from sqlforge.decode.logistic import fit_logistic, logistic
from sqlforge.decode.reliability import (
    expected_calibration_error,
    refusal_curve,
    reliability,
    separation,
)
from sqlforge.decode.vote import Candidate, Choice, only


def answered(logprob: float, votes: int = 4) -> Choice:
    candidate = Candidate("SELECT 1", "SELECT 1", logprob, 4)
    return Choice(candidate, 8, votes, 0, logprob + 0.1, votes / 8, False, True)


def drawn(n: int, seed: int) -> tuple[list[Choice], list[bool], list[int]]:
    """Answers that are right with a probability that logprob and votes determine."""
    rng = Random(seed)
    choices = [answered(-rng.expovariate(0.3), rng.randint(1, 8)) for _ in range(n)]
    truth = [logistic(1.0 + 0.5 * c.candidate.logprob + 0.4 * (c.votes - 4)) for c in choices]
    return choices, [rng.random() < p for p in truth], [k % 12 for k in range(n)]


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return calibrate(*drawn(1500, seed=1), {"samples": 8})


def test_confidence_is_the_share_of_right_answers_on_answers_never_seen(
    calibration: Calibration,
) -> None:
    choices, right, _ = drawn(3000, seed=2)
    confidences = [calibration.confidence(choice) for choice in choices]
    assert expected_calibration_error(confidences, right) < 0.03
    assert calibration.error < 0.05, "held out by database, as the calibration says of itself"
    for found in reliability(confidences, right):
        assert abs(found.confidence - found.right) < 0.1


def test_an_uncalibrated_probability_is_told_as_such(calibration: Calibration) -> None:
    choices, right, _ = drawn(3000, seed=3)
    raw = [math.exp(choice.candidate.logprob) for choice in choices]
    assert expected_calibration_error(raw, right) > 0.1


def test_the_mean_confidence_is_the_share_of_right_answers_fitted_on(
    calibration: Calibration,
) -> None:
    choices, right, _ = drawn(1500, seed=1)
    mean = sum(calibration.confidence(choice) for choice in choices) / len(choices)
    assert mean == pytest.approx(sum(right) / len(right), abs=2e-3)


def test_both_kinds_of_score_tell_more_than_either() -> None:
    fitted, new = drawn(1500, seed=4), drawn(1500, seed=5)
    told = {}
    for names in (OF_ONE_SAMPLE, OF_VOTES, None):
        found = calibrate(*fitted, {}, names)
        confidences = [found.confidence(choice) for choice in new[0]]
        hits = [c for c, right in zip(confidences, new[1], strict=True) if right]
        misses = [c for c, right in zip(confidences, new[1], strict=True) if not right]
        told[names] = separation(misses, hits)
    assert told[None] > max(told[OF_ONE_SAMPLE], told[OF_VOTES])


def test_an_answer_of_which_nothing_ran_has_no_confidence(calibration: Calibration) -> None:
    assert calibration.confidence(replace(answered(-0.01, 8), ran=False)) == 0.0
    assert calibration.confidence(answered(-0.01, 8)) > 0.8


def test_one_sample_is_calibrated_by_its_probability_alone() -> None:
    choices, right, groups = drawn(400, seed=6)
    found = calibrate([only(c.candidate) for c in choices], right, groups, {})
    assert found.scores == OF_ONE_SAMPLE


@pytest.mark.parametrize(
    ("n", "hits"),
    [(CALIBRATED_ON - 1, 10), (CALIBRATED_ON, 4), (CALIBRATED_ON, CALIBRATED_ON - 4), (0, 0)],
    ids=str,
)
def test_too_little_to_calibrate_on_is_said(n: int, hits: int) -> None:
    choices = [answered(-1.0 - k) for k in range(n)]
    with pytest.raises(DataError, match=f"{hits} right and {n - hits} wrong answers"):
        calibrate(choices, [k < hits for k in range(n)], list(range(n)), {})


def test_scores_that_separate_entirely_or_are_all_the_same_have_finite_weights() -> None:
    rows = [[float(k), 3.0, -float(k)] for k in range(60)]
    found = fit_logistic(rows, [k >= 30 for k in range(60)])
    assert all(math.isfinite(weight) for weight in found)
    choices = [answered(-1.0) for _ in range(60)]
    same = calibrate(choices, [k % 3 == 0 for k in range(60)], [k % 4 for k in range(60)], {})
    assert same.confidence(choices[0]) == pytest.approx(1 / 3, abs=0.02)


def test_the_curve_runs_from_nothing_refused_to_everything() -> None:
    points = refusal_curve([0.2, 0.9, 0.6], [False, True, True], [0.1, 0.3, 0.6])
    first, last = points[0], points[-1]
    assert (first.refused_wrong_database, first.refused, first.accuracy) == (0, 0, 2 / 3)
    assert (last.refused_wrong_database, last.refused, last.refused_right) == (1, 1, 1)
    at = next(point for point in points if point.threshold == 0.6)
    assert (at.refused_wrong_database, at.refused, at.refused_right) == (2 / 3, 1 / 3, 0)
    assert at.accuracy == 1
    assert refusal_curve([], [], [0.1]) == ()


def test_refusing_more_of_the_one_refuses_more_of_the_other() -> None:
    rng = Random(9)
    own = [rng.random() for _ in range(200)]
    points = refusal_curve(own, [rng.random() < c for c in own], [c / 2 for c in own])
    for earlier, later in pairwise(points):
        assert earlier.threshold < later.threshold
        assert earlier.refused_wrong_database <= later.refused_wrong_database
        assert earlier.refused <= later.refused and earlier.refused_right <= later.refused_right


def test_bins_hold_every_answer_once() -> None:
    found = reliability([k / 37 for k in range(37)], [k % 2 == 0 for k in range(37)])
    assert sum(b.n for b in found) == 37 and max(b.n for b in found) - min(b.n for b in found) <= 1
    assert reliability([], []) == ()
