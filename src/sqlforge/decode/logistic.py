"""Logistic regression on a few columns, by Newton's method, from the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

_STEPS = 100
_ENOUGH = 1e-10
_RIDGE = 1.0  # holds the weights where right and wrong come apart entirely


def logistic(z: float) -> float:
    """1 / (1 + exp(-z)), for any ``z``.

    >>> logistic(0), logistic(-1e4)
    (0.5, 0.0)
    """
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    return math.exp(z) / (1 + math.exp(z)) if z > -700 else 0.0


def fit_logistic(rows: Sequence[Sequence[float]], right: Sequence[bool]) -> list[float]:
    """Bias and weights of the most likely logistic regression, with a unit Gaussian prior.

    Args:
        rows: standardised scores of each observation, ``[n, k]``.
        right: what is to be foretold of each.

    As in Platt (1999) what is foretold is not quite 1 and 0: one right and one wrong observation
    more than there are, so that nothing becomes certain. A step that would make it less likely is
    halved.

    >>> bias, weight = fit_logistic([[-1.0], [1.0]] * 50, [False, True] * 50)
    >>> abs(bias) < 1e-6, weight > 1
    (True, True)
    """
    width = len(rows[0]) + 1
    table = [(1.0, *row) for row in rows]
    hits = sum(map(bool, right))
    targets = [(hits + 1) / (hits + 2) if r else 1 / (len(right) - hits + 2) for r in right]
    weights = [0.0] * width
    loss = _loss(weights, table, targets)
    for _ in range(_STEPS):
        gradient = [_RIDGE * w if j else 0.0 for j, w in enumerate(weights)]
        curvature = [[_RIDGE * (i == j > 0) for j in range(width)] for i in range(width)]
        for row, target in zip(table, targets, strict=True):
            p = logistic(_dot(weights, row))
            for i, x in enumerate(row):
                gradient[i] += (p - target) * x
                for j, y in enumerate(row):
                    curvature[i][j] += p * (1 - p) * x * y
        step = _solved(curvature, gradient)
        while True:
            tried = [w - s for w, s in zip(weights, step, strict=True)]
            reached = _loss(tried, table, targets)
            if reached <= loss or max(map(abs, step)) < _ENOUGH:
                break
            step = [s / 2 for s in step]
        weights, loss = tried, reached
        if max(map(abs, step)) < _ENOUGH:
            break
    return weights


def _loss(
    weights: Sequence[float], table: Sequence[Sequence[float]], targets: Sequence[float]
) -> float:
    total = _RIDGE / 2 * math.fsum(w * w for w in weights[1:])
    for row, target in zip(table, targets, strict=True):
        z = _dot(weights, row)
        total += max(z, 0.0) + math.log1p(math.exp(-abs(z))) - target * z  # log(1 + exp(z))
    return total


def _dot(weights: Sequence[float], row: Sequence[float]) -> float:
    return sum(w * x for w, x in zip(weights, row, strict=True))


def _solved(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    """Gauss with pivots; an empty direction (a column of one value) gets no step."""
    rows = [[*row, value] for row, value in zip(matrix, vector, strict=True)]
    size = len(rows)
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        if abs(rows[i][i]) < 1e-12:
            rows[i][i] = 1e12
        for r in range(size):
            if r != i and rows[r][i]:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[-1] / row[i] for i, row in enumerate(rows)]
