"""How many rows of each source a training mix takes, and which."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlforge.core.errors import DataError


@dataclass(frozen=True, slots=True)
class Portion:
    """What a recipe says about one source of the mix.

    ``rows`` is exact, unless they were ``made`` for the mix: then what is left of them is what
    it gives. ``cap`` is an upper bound, ``weight`` its share where the mix has a size.
    """

    source: str
    rows: int | None = None
    cap: int | None = None
    weight: float = 1.0
    made: bool = False


def plan_mix(
    portions: Sequence[Portion],
    available: Mapping[str, int],
    total: int | None = None,
    *,
    split: str = "train",
) -> dict[str, int]:
    """How many rows each source gives.

    Sources with ``rows`` give exactly those. Without ``total`` the others give all they have, up
    to their caps. With it they share what is left in proportion to their weights; what one
    cannot give, the others give in the same proportion.

    Args:
        portions: one a source.
        available: rows that each source has after cleaning.
        total: the size of the mix.
        split: for the message.

    Raises:
        DataError: a source, or all of them, have too few rows.

    >>> two = [Portion("a", weight=3), Portion("b", weight=1)]
    >>> plan_mix(two, {"a": 90, "b": 90}, 80)
    {'a': 60, 'b': 20}
    >>> plan_mix(two, {"a": 40, "b": 90}, 80)
    {'a': 40, 'b': 40}
    >>> plan_mix([Portion("a", 5, made=True)], {"a": 4})
    {'a': 4}
    """
    most = {p.source: min(p.cap or available[p.source], available[p.source]) for p in portions}
    given = {}
    for portion in portions:
        if portion.rows is not None:
            rows = min(portion.rows, available[portion.source])
            if rows < portion.rows and not portion.made:
                raise DataError(
                    f"{available[portion.source]:,} {split} examples of {portion.source}",
                    f"the {portion.rows:,} that the recipe asks for",
                    f"lower data.{split} rows",
                )
            given[portion.source] = rows
    if total is None:
        given |= {name: count for name, count in most.items() if name not in given}
    else:
        rest = {p.source: p.weight for p in portions if p.rows is None}
        given |= _shared(total - sum(given.values()), rest, most)
    return {portion.source: given[portion.source] for portion in portions}


def draw(count: int, wanted: int, seed: str) -> bytearray:
    """Which of ``count`` rows are drawn: 1 at the places of ``wanted`` of them.

    >>> list(draw(4, 4, "any")), sum(draw(100, 7, "any"))
    ([1, 1, 1, 1], 7)
    """
    if wanted >= count:
        return bytearray(b"\x01") * count
    drawn = bytearray(count)
    for place in random.Random(seed).sample(range(count), wanted):
        drawn[place] = 1
    return drawn


def _shared(total: int, weights: Mapping[str, float], most: Mapping[str, int]) -> dict[str, int]:
    """``total`` in proportion to the weights, none above its most."""
    if total < 0 or total > sum(most[name] for name in weights):
        raise DataError(
            f"{sum(most[name] for name in weights):,} training rows to be weighed",
            f"{total:,}, what the recipe's train_rows leave to them",
            "lower data.train_rows, raise a cap or add a source",
        )
    given: dict[str, int] = {}
    open_to = dict(weights)
    while open_to:
        left = total - sum(given.values())
        whole = sum(open_to.values())
        full = [name for name, weight in open_to.items() if left * weight / whole >= most[name]]
        if not full:
            break
        for name in full:
            given[name] = most[name]
            del open_to[name]
    return given | _rounded(total - sum(given.values()), open_to)


def _rounded(total: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers in proportion that add up: the largest remainders are rounded up."""
    whole = sum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    given = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (given[name] - exact[name], name))
    for name in by_remainder[: total - sum(given.values())]:
        given[name] += 1
    return given
