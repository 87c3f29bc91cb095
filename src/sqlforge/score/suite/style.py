"""How one perturbed instance departs from the original."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    """How one instance departs from the original.

    ``keep`` is the share of cells that stay as in a row of the original; ``size`` scales the
    number of rows; ``few`` and ``distinct`` are the shares of columns with two to four values
    and without any value twice; ``nulls`` the share of NULLs where they are allowed; ``skew``
    how unevenly children are spread over their parents; ``empty`` the chance of an empty table.
    """

    keep: float
    size: float
    few: float
    distinct: float
    nulls: float
    skew: float
    empty: float


def random_style(rng: random.Random) -> Style:
    """A style drawn at random, so that instances differ in more than their values.

    >>> random_style(random.Random(1)) == random_style(random.Random(1))
    True
    """
    return Style(
        keep=rng.choice((0.0, 0.3, 0.6)),
        size=rng.choice((0.4, 1.0, 1.0, 1.6)),
        few=rng.choice((0.15, 0.4, 0.6)),
        distinct=rng.choice((0.2, 0.4)),
        nulls=rng.choice((0.0, 0.1, 0.3)),
        skew=rng.choice((0.0, 1.0, 2.0)),
        empty=rng.choice((0.0, 0.0, 0.0, 0.15)),
    )
