"""Intervals for proportions, and tests for two systems on the same examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.core.records import Metric

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class McNemar:
    """Discordant pairs of two systems and the exact two-sided p-value that they are alike."""

    only_base: int
    only_tuned: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Difference:
    """``value`` = tuned minus base, as a fraction, with its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(correct: int, n: int) -> Metric:
    """The proportion ``correct / n`` with its 95 % Wilson score interval (Wilson 1927).

    Nothing measured (``n = 0``) is the value 0 with the interval from 0 to 1.

    >>> m = wilson(45, 50)
    >>> f"{m.value:.2f} [{m.low:.3f}, {m.high:.3f}]"
    '0.90 [0.786, 0.957]'
    """
    if n == 0:
        return Metric(0.0, 0.0, 1.0, 0, 0)
    from scipy.stats import binomtest

    interval = binomtest(correct, n).proportion_ci(CONFIDENCE, method="wilson")
    return Metric(correct / n, float(interval.low), float(interval.high), correct, n)


def mcnemar(base: Sequence[bool], tuned: Sequence[bool]) -> McNemar:
    """McNemar's exact test: a binomial test on the examples that only one of the two gets right.

    Both sequences belong to the same examples in the same order; unequal lengths raise
    ``ValueError``.

    >>> mcnemar([True, False, False, False], [True, True, True, True])
    McNemar(only_base=0, only_tuned=3, p_value=0.25)
    """
    pairs = list(zip(base, tuned, strict=True))
    only_base = sum(b and not t for b, t in pairs)
    only_tuned = sum(t and not b for b, t in pairs)
    if only_base + only_tuned == 0:
        return McNemar(0, 0, 1.0)
    from scipy.stats import binomtest

    p_value = binomtest(only_tuned, only_base + only_tuned, 0.5).pvalue
    return McNemar(only_base, only_tuned, float(p_value))


def paired_difference(base: Sequence[bool], tuned: Sequence[bool]) -> Difference:
    """Tuned minus base accuracy with Newcombe's interval for paired proportions (1998, no. 10).

    >>> paired_difference([False] * 10, [True] * 10).value
    1.0
    """
    pairs = list(zip(base, tuned, strict=True))
    n = len(pairs)
    both = sum(b and t for b, t in pairs)
    only_base = sum(b and not t for b, t in pairs)
    only_tuned = sum(t and not b for b, t in pairs)
    neither = n - both - only_base - only_tuned
    before, after = wilson(both + only_base, n), wilson(both + only_tuned, n)
    phi = _correlation(both, only_tuned, only_base, neither)
    value = after.value - before.value
    down = ((after.value - after.low), (before.high - before.value))
    up = ((after.high - after.value), (before.value - before.low))
    low, high = (_combined(*side, phi) for side in (down, up))
    return Difference(value, max(-1.0, value - low), min(1.0, value + high))


def _combined(first: float, second: float, phi: float) -> float:
    return float(max(0.0, first**2 + second**2 - 2 * phi * first * second) ** 0.5)


def _correlation(a: int, b: int, c: int, d: int) -> float:
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    product, n = a * d - b * c, a + b + c + d
    if product > n / 2:  # Newcombe's continuity correction
        product = int(product - n / 2)
    elif product > 0:
        product = 0
    return float(product / margins**0.5)
