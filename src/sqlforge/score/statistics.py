"""Intervals for proportions, and tests for two systems on the same examples.

Everything here is the standard library's: the scorer installs without SciPy, whose results the
tests hold these against.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import exp, lgamma, log, sqrt
from statistics import NormalDist

from sqlforge.core.records import Metric

CONFIDENCE = 0.95
RESAMPLES = 10_000
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


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

    Nothing measured (``n = 0``) is the value 0 with the interval from 0 to 1. Raises
    ``ValueError`` unless ``0 <= correct <= n``.

    >>> m = wilson(45, 50)
    >>> f"{m.value:.2f} [{m.low:.3f}, {m.high:.3f}]"
    '0.90 [0.786, 0.957]'
    """
    if not 0 <= correct <= n:
        raise ValueError(f"{correct} correct of {n}")
    if n == 0:
        return Metric(0.0, 0.0, 1.0, 0, 0)
    share, weight = correct / n, _Z**2 / n
    middle = (share + weight / 2) / (1 + weight)
    reach = _Z / (1 + weight) * sqrt(share * (1 - share) / n + weight / (4 * n))
    low = 0.0 if correct == 0 else middle - reach
    high = 1.0 if correct == n else middle + reach
    return Metric(share, low, high, correct, n)


def mcnemar(base: Sequence[bool], tuned: Sequence[bool]) -> McNemar:
    """McNemar's exact test: a binomial test on the examples that only one of the two gets right.

    Both sequences belong to the same examples in the same order; unequal lengths raise
    ``ValueError``.

    >>> mcnemar([True, False, False, False], [True, True, True, True])
    McNemar(only_base=0, only_tuned=3, p_value=0.25)
    """
    _, only_base, only_tuned, _ = _pairs(base, tuned)
    return McNemar(only_base, only_tuned, _sign_test(only_base, only_tuned))


def paired_difference(base: Sequence[bool], tuned: Sequence[bool]) -> Difference:
    """Tuned minus base accuracy with Newcombe's interval for paired proportions (1998, no. 10).

    >>> paired_difference([False] * 10, [True] * 10).value
    1.0
    """
    both, only_base, only_tuned, neither = _pairs(base, tuned)
    n = both + only_base + only_tuned + neither
    before, after = wilson(both + only_base, n), wilson(both + only_tuned, n)
    phi = _correlation(both, only_tuned, only_base, neither)
    value = after.value - before.value
    down = ((after.value - after.low), (before.high - before.value))
    up = ((after.high - after.value), (before.value - before.low))
    low, high = (_combined(*side, phi) for side in (down, up))
    return Difference(value, max(-1.0, value - low), min(1.0, value + high))


def bootstrap_difference(
    base: Sequence[bool], tuned: Sequence[bool], *, seed: int = 0, resamples: int = RESAMPLES
) -> Difference:
    """Tuned minus base accuracy with the percentile bootstrap's 95 % interval (Efron 1979).

    Examples are drawn with replacement, each with both systems' answers. Only three things can
    happen to a pair (lost, the same, won), so that a resample is one draw of a multinomial: the
    same distribution as drawing ``n`` examples one by one, and as fast for 10,000 as for ten.
    The same ``seed`` gives the same interval.

    >>> found = bootstrap_difference([False] * 50 + [True] * 50, [True] * 100)
    >>> f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
    '0.50 [0.40, 0.60]'
    """
    _, only_base, only_tuned, _ = _pairs(base, tuned)
    n, differing = len(base), only_base + only_tuned
    if differing == 0:
        return Difference(0.0, 0.0, 0.0)
    rng = random.Random(f"bootstrap/{seed}")
    binomial = lru_cache(maxsize=None)(_distribution)  # goes with the call: tables are long
    drawn = []
    for _ in range(resamples):
        discordant = min(n, bisect_left(binomial(n, differing / n), rng.random()))
        chances = binomial(discordant, only_tuned / differing)
        won = min(discordant, bisect_left(chances, rng.random()))
        drawn.append((2 * won - discordant) / n)
    return _percentiles((only_tuned - only_base) / n, drawn)


def bootstrap_by_group(
    base: Sequence[bool],
    tuned: Sequence[bool],
    groups: Sequence[Hashable],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """The same, but whole groups (databases) are drawn, not single examples.

    Questions about one database stand or fall together. This interval says what other databases
    of the kind might show, and is wider where the systems differ on a few databases only. All
    three sequences belong to the same examples; unequal lengths raise ``ValueError``.

    >>> found = bootstrap_by_group([False] * 4, [True] * 2 + [False] * 2, ["a", "a", "b", "b"])
    >>> (found.value, found.low, found.high)
    (0.5, 0.0, 1.0)
    """
    sums: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for before, after, group in zip(base, tuned, groups, strict=True):
        sums[group][0] += int(after) - int(before)
        sums[group][1] += 1
    if not sums:
        return Difference(0.0, 0.0, 0.0)
    found = list(sums.values())
    rng = random.Random(f"bootstrap/{seed}")
    drawn = []
    for _ in range(resamples):
        sample = rng.choices(found, k=len(found))
        drawn.append(sum(gain for gain, _ in sample) / sum(n for _, n in sample))
    return _percentiles(sum(gain for gain, _ in found) / len(base), drawn)


def _pairs(base: Sequence[bool], tuned: Sequence[bool]) -> tuple[int, int, int, int]:
    """How many examples both, only base, only tuned and neither get right."""
    pairs = list(zip(base, tuned, strict=True))
    both = sum(b and t for b, t in pairs)
    only_base, only_tuned = sum(map(bool, base)) - both, sum(map(bool, tuned)) - both
    return both, only_base, only_tuned, len(pairs) - both - only_base - only_tuned


def _sign_test(first: int, second: int) -> float:
    """Twice the smaller tail of a binomial with p = 1/2, in whole numbers until the end."""
    n, term, tail = first + second, 1, 0
    for successes in range(min(first, second) + 1):
        tail += term
        term = term * (n - successes) // (successes + 1)
    return min(1.0, 2 * tail / (1 << n))


def _distribution(n: int, p: float) -> list[float]:
    """The cumulative probabilities of 0 to ``n`` successes."""
    if p <= 0 or p >= 1:
        return [float(p <= 0)] * n + [1.0]
    start, chance, other = lgamma(n + 1), log(p), log(1 - p)
    return list(
        accumulate(
            exp(start - lgamma(k + 1) - lgamma(n - k + 1) + k * chance + (n - k) * other)
            for k in range(n + 1)
        )
    )


def _percentiles(value: float, drawn: list[float]) -> Difference:
    drawn.sort()
    outside = round((1 - CONFIDENCE) / 2 * (len(drawn) - 1))
    return Difference(value, drawn[outside], drawn[-1 - outside])


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
