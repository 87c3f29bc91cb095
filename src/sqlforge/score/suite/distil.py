"""A database's suite: candidates made for golds in turn, and the fewest kept that do the work."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from sqlforge.core.records import Database
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.rules import Rules
from sqlforge.score.suite.trial import Pair, Trial

GENERAL = 10  # candidates made for all golds, before those for single golds
ROUNDS = 2  # candidates made for each gold that is still taken for a neighbour
TWICE = 2  # instances that tell a neighbour apart, where there are so many
ANSWERED = 4  # instances on which a gold has an answer, where there are so many


@dataclass(frozen=True, slots=True)
class Kept:
    """One instance of a suite, and the golds (as written) that have one answer on it."""

    path: Path
    golds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """Neighbours: how many there are, how many the original tells apart, how many the suite."""

    neighbours: int = 0
    by_original: int = 0
    by_suite: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.neighbours + other.neighbours,
            self.by_original + other.by_original,
            self.by_suite + other.by_suite,
        )


def distil(
    database: Database,
    golds: Sequence[str],
    rules: Rules,
    sandbox: Sandbox,
    folder: Path,
    *,
    seed: int,
    size: int,
    progress: Callable[[float], None] | None = None,
) -> tuple[tuple[Kept, ...], Counts]:
    """Make instances of one database in ``folder`` and keep at most ``size`` of them.

    An instance counts for a gold only if the gold has one answer there, and some answer: see
    :mod:`sqlforge.score.suite.probes`. Kept are the fewest, found greedily, that tell apart all
    the neighbours that any candidate told from their golds, each by two instances where two do,
    and give every gold an answer on four. ``progress`` is told the share that is done.
    """
    rng = random.Random(f"{seed}/{database.db_id}")
    trial = Trial(database, golds, rules, sandbox, rng)
    made: list[Kept] = []
    found: list[Set[Pair]] = []
    alive = set(trial.open)
    for number, focus in enumerate(_turns(trial, alive, progress)):
        path = folder / f"{number:03d}.sqlite"
        answers = trial.candidate(path, focus)
        apart = trial.told_apart(path, answers)
        alive -= apart
        made.append(Kept(path, frozenset(trial.golds[g].sql for g in answers)))
        found.append(apart | {(g, _ANSWER) for g in answers})
    chosen = cover(found, size, lambda pair: ANSWERED if pair[1] == _ANSWER else TWICE)
    for number, kept in enumerate(made):
        if number not in chosen:
            kept.path.unlink()
    told = {pair for number in chosen for pair in found[number] if pair[1] != _ANSWER}
    total = trial.by_original + len(trial.open)
    counts = Counts(total, trial.by_original, trial.by_original + len(told))
    return tuple(made[number] for number in chosen), counts


_ANSWER = -1  # in the place of a neighbour: the gold has an answer


def _turns(
    trial: Trial, alive: Set[Pair], progress: Callable[[float], None] | None
) -> Iterator[int | None]:
    """For which gold each candidate is made; ``alive`` shrinks meanwhile."""
    yield from [None] * GENERAL
    for turn in range(ROUNDS):
        for g in range(len(trial.golds)):
            if progress is not None:
                progress((turn + g / len(trial.golds)) / ROUNDS)
            if any(pair[0] == g for pair in alive):
                yield g


def cover(sets: Sequence[Set[Pair]], size: int, times: Callable[[Pair], int]) -> list[int]:
    """Numbers of at most ``size`` sets that cover greedily what all of them cover, best first.

    ``times`` says how often a member is to be covered, if so many sets hold it.

    >>> cover([{(0, 1)}, {(0, 1), (0, 2)}, {(0, 3)}, set()], 5, lambda pair: 1)
    [1, 2]
    """
    held = Counter(pair for members in sets for pair in members)
    missing = {pair: min(count, times(pair)) for pair, count in held.items()}
    left = dict(enumerate(sets))
    chosen: list[int] = []
    while missing and left and len(chosen) < size:
        best = max(left, key=lambda number: len(left[number] & missing.keys()))
        if not left[best] & missing.keys():
            break
        chosen.append(best)
        for pair in left.pop(best):
            if missing.get(pair, 0) > 1:
                missing[pair] -= 1
            else:
                missing.pop(pair, None)
    return chosen
