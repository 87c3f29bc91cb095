"""Which examples each epoch goes through, and how hard they are where they come in that order."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Group = tuple[int, list[int]]
"""Size in tokens, and indices of the examples, of what shares a schema in a pack."""


@dataclass(frozen=True, slots=True)
class Curriculum:
    """By an example's id how hard it is; holds in the first ``epochs``, but for ``mixed`` of it."""

    difficulty: Mapping[str, float]
    epochs: int
    mixed: float

    def of(self, ids: Sequence[str], epoch: int) -> list[float] | None:
        """The difficulty of each row of an epoch; ``None`` where the order does not matter."""
        return [self.difficulty[name] for name in ids] if epoch < self.epochs else None


@dataclass(frozen=True, slots=True)
class Passes:
    """How often examples come in all ``epochs`` together; those that are not named in each.

    Of ``of`` 2 passes in 8 epochs every epoch holds about a quarter of the examples, and each
    example is in exactly two.
    """

    epochs: int
    seed: int
    of: Mapping[str, float] = field(default_factory=dict)

    def taken(self, ids: Sequence[str], epoch: int) -> list[int] | None:
        """The rows that an epoch goes through; ``None`` for all.

        >>> twice = Passes(4, seed=7, of={"a": 2, "b": 1})
        >>> [twice.taken(["a", "b", "c"], epoch) for epoch in range(4)]
        [[2], [0, 2], [2], [0, 1, 2]]
        """
        if not self.of:
            return None
        return [row for row, name in enumerate(ids) if self._takes(name, epoch)]

    def _takes(self, name: str, epoch: int) -> bool:
        if name not in self.of:
            return True
        drawn = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()[:4]
        phase = int.from_bytes(drawn, "big") / 2**32
        share = self.of[name] / self.epochs
        return math.floor((epoch + 1) * share + phase) > math.floor(epoch * share + phase)


def from_easy_to_hard(
    groups: Sequence[Group], difficulty: Sequence[float], mixed: float, rng: random.Random
) -> list[Group]:
    """Groups by the mean difficulty of their examples; the first share ``mixed`` comes anywhere.

    Args:
        groups: in an order that was drawn, which holds among equals.
        difficulty: of each example.
        mixed: the share of groups whose place is drawn.
        rng: draws these places.
    """
    strewn = round(mixed * len(groups))
    means = {id(g): sum(difficulty[i] for i in g[1]) / len(g[1]) for g in groups}
    ordered = sorted(groups[strewn:], key=lambda group: means[id(group)])
    placed = [(rng.random(), group) for group in groups[:strewn]]
    placed += [((n + 0.5) / len(ordered), group) for n, group in enumerate(ordered)]
    return [group for _, group in sorted(placed, key=lambda pair: pair[0])]
