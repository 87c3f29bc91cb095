"""Abstaining: how likely an answer is right, and refusing those that are likely wrong.

A constraint forces SQL onto questions that the schema cannot answer. What tells them apart is how
sure the model is: the probability of its text, and how far its samples agree on one result. A
calibration turns these into the probability that the answer is right, by a logistic regression on
answers whose verdicts are known (Platt 1999, with more than one score). It means what it says for
questions like those it was fitted on: with golds, on databases that training never saw.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlforge.core.decoding import CALIBRATED_ON
from sqlforge.core.errors import DataError
from sqlforge.decode.logistic import fit_logistic, logistic
from sqlforge.decode.reliability import expected_calibration_error
from sqlforge.decode.vote import Choice

_LEAST_OF_EACH = 5
_FOLDS = 5

SCORES: Mapping[str, Callable[[Choice], float]] = {
    "logprob": lambda choice: choice.candidate.logprob,
    "mean_logprob": lambda choice: choice.candidate.logprob / choice.candidate.tokens,
    "votes": lambda choice: choice.votes / choice.samples,
    "share": lambda choice: choice.share,
    "mass": lambda choice: choice.mass,
}
"""What an answer's confidence is made of, by name.

Its text's log-probability, whole and a token; the part of the samples with its result, of their
summed probability, and the logarithm of the latter sum itself.
"""
OF_ONE_SAMPLE = ("logprob", "mean_logprob")
OF_VOTES = ("votes", "share")
OF_BOTH = tuple(SCORES)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The probability of being right: logistic(bias + weights · (scores - means) / scales).

    ``n`` answers were fitted on, ``right`` of them right; ``error`` is the expected calibration
    error on databases left out of the fit, in five turns. ``circumstances`` are what the scores
    depend on (decoding, prompt): another decoding needs a calibration of its own.
    """

    scores: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    n: int
    right: int
    error: float
    circumstances: Mapping[str, Any]

    def confidence(self, choice: Choice) -> float:
        """The probability that ``choice`` is right; 0 where nothing of it ran."""
        if choice.ran is False:
            return 0.0
        values = zip(self.scores, self.means, self.scales, self.weights, strict=True)
        return logistic(
            self.bias + sum(w * (SCORES[name](choice) - m) / s for name, m, s, w in values)
        )


def calibrate(
    choices: Sequence[Choice],
    right: Sequence[bool],
    groups: Sequence[Hashable],
    circumstances: Mapping[str, Any],
    scores: Sequence[str] | None = None,
) -> Calibration:
    """Fit a calibration on answers whose verdicts are known.

    Args:
        choices: the answers taken.
        right: whether each is right.
        groups: the database of each; its questions stand or fall together.
        circumstances: what the scores depend on, as JSON has it.
        scores: names in :data:`SCORES`; those that the answers have if ``None``.

    Raises:
        DataError: too few answers, or too few right or wrong ones, to tell them apart.
    """
    names = tuple(scores or (OF_BOTH if any(c.samples > 1 for c in choices) else OF_ONE_SAMPLE))
    ran = [
        (choice, bool(verdict), group)
        for choice, verdict, group in zip(choices, right, groups, strict=True)
        if choice.ran is not False  # these are refused whatever the calibration says
    ]
    hits = sum(verdict for _, verdict, _ in ran)
    if len(ran) < CALIBRATED_ON or min(hits, len(ran) - hits) < _LEAST_OF_EACH:
        raise DataError(
            f"{hits} right and {len(ran) - hits} wrong answers to calibrate on",
            f"{CALIBRATED_ON} at least of which SQL ran, {_LEAST_OF_EACH} of either kind",
            "take more questions, or leave the refusal out",
        )
    blind = held_out_calibrations(
        [choice for choice, _, _ in ran],
        [verdict for _, verdict, _ in ran],
        [group for _, _, group in ran],
        names,
    )
    confidences = [blind[group].confidence(choice) for choice, _, group in ran]
    error = expected_calibration_error(confidences, [verdict for _, verdict, _ in ran])
    return _fit([(c, v) for c, v, _ in ran], names, error, circumstances)


def held_out_calibrations(
    choices: Sequence[Choice],
    right: Sequence[bool],
    groups: Sequence[Hashable],
    scores: Sequence[str] = OF_BOTH,
) -> dict[Hashable, Calibration]:
    """For each group a calibration that has seen neither it nor a fifth of the other groups.

    The groups are dealt out to five parts in the order in which they come, and each part's
    calibration is fitted on the other four; one group alone is fitted on itself. All three
    sequences belong together in their order.
    """
    names = list(dict.fromkeys(groups))
    parts = min(_FOLDS, len(names))
    found = {}
    for part in range(parts):
        held = set(names[part::parts])
        seen = [
            (choice, bool(verdict))
            for choice, verdict, group in zip(choices, right, groups, strict=True)
            if group not in held or parts == 1
        ]
        calibration = _fit(seen, tuple(scores), 0.0, {})
        found.update(dict.fromkeys(held, calibration))
    return found


def _fit(
    answers: Sequence[tuple[Choice, bool]],
    names: tuple[str, ...],
    error: float,
    circumstances: Mapping[str, Any],
) -> Calibration:
    columns = [[SCORES[name](choice) for choice, _ in answers] for name in names]
    means = tuple(math.fsum(column) / len(column) for column in columns)
    scales = tuple(
        math.sqrt(math.fsum((x - mean) ** 2 for x in column) / len(column)) or 1.0
        for column, mean in zip(columns, means, strict=True)
    )
    scaled = [
        [(x - mean) / scale for x in column]
        for column, mean, scale in zip(columns, means, scales, strict=True)
    ]
    right = [verdict for _, verdict in answers]
    bias, *weights = fit_logistic(list(zip(*scaled, strict=True)), right)
    return Calibration(
        names, means, scales, tuple(weights), bias, len(right), sum(right), error, circumstances
    )
