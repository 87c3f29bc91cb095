"""Hold out whole schemas: no table signature is on both sides of a split.

Examples whose schemas share a table (the same name and columns, see
:func:`sqlforge.corpus.fingerprints.table_signature`) belong together, and so do those that share
one with them. A test set takes some examples of such a group; the rest of the group is left out
of training.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction

from sqlforge.core.errors import DataError

LARGEST_GROUP = 50
"""Larger groups stay in training: to test on a few of their examples would cost all the others."""

Stratum = tuple[str, str]
"""Source and complexity."""

Quotas = dict[Stratum, int]


class Side(IntEnum):
    """Where an example goes; ``LEFT_OUT`` is on neither side: its schema is in the test set."""

    TRAIN = 0
    TEST = 1
    LEFT_OUT = 2


@dataclass(frozen=True, slots=True)
class Row:
    """What a split looks at: an id, the stratum (source and complexity), the schema's tables."""

    id: str
    stratum: Stratum
    tables: Sequence[str]


@dataclass(frozen=True, slots=True)
class Split:
    """A side for each row, in their order, as bytes of :class:`Side`.

    ``strata`` says how many test examples each stratum got.
    """

    sides: bytes
    strata: Mapping[Stratum, int]

    def count(self, side: Side) -> int:
        """The rows on one side."""
        return self.sides.count(side)


def split_by_schema(
    rows: Iterable[Row], test_rows: int, seed: int, *, largest_group: int = LARGEST_GROUP
) -> Split:
    """Draw a test set whose table signatures do not occur in what is left for training.

    Each stratum gets its share of the test set (largest remainders first); of a group of connected
    schemas one example a stratum at most is taken, as long as there are enough groups. Rows
    without tables are never drawn. The order of draws follows a hash of seed and id, so the same
    rows and seed give the same split on any machine. Memory: about 150 bytes a row and 200 a
    table signature.

    Args:
        rows: read once.
        test_rows: the size of the test set.
        seed: another seed, another test set.
        largest_group: groups of more rows are left to training.

    Raises:
        DataError: there are not enough rows in groups small enough.

    >>> rows = [Row(f"r{i}", ("mine", "simple"), [f"table{i // 2}"]) for i in range(10)]
    >>> split = split_by_schema(rows, 2, seed=7)
    >>> [split.count(side) for side in Side]
    [6, 2, 2]
    """
    groups, strata, order = _Groups(), array("i"), array("Q")
    names: dict[Stratum, int] = {}
    for row in rows:
        groups.add(row.tables)
        strata.append(names.setdefault(row.stratum, len(names)))
        order.append(_rank(seed, row.id))
    group = groups.resolved()
    sizes = Counter(group)
    usable = [i for i, g in enumerate(group) if g >= 0 and sizes[g] <= largest_group]
    usable.sort(key=lambda i: (order[i], i))
    labels = list(names)
    everywhere, there = (
        {labels[number]: count for number, count in Counter(some).items()}
        for some in (strata, (strata[i] for i in usable))
    )
    quotas = _quotas(everywhere, there, test_rows)
    chosen = _drawn(usable, group, strata, {names[s]: count for s, count in quotas.items()})
    if len(chosen) < test_rows:
        raise DataError(
            f"{len(usable):,} of {len(group):,} rows in groups of at most {largest_group} rows "
            "that share tables",
            f"enough for a test set of {test_rows:,} rows with schemas of its own",
            "ask for fewer test rows, or add a source with more schemas",
        )
    held = {group[i] for i in chosen}
    sides = bytearray(
        Side.LEFT_OUT if g in held else Side.TRAIN  # those without tables have the group -1
        for g in group
    )
    for i in chosen:
        sides[i] = Side.TEST
    got = Counter(strata[i] for i in chosen)
    return Split(bytes(sides), {name: got[number] for name, number in names.items()})


class _Groups:
    """Rows joined by the tables that they share (union-find over table signatures)."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._parents = array("q")
        self._of_row = array("q")

    def add(self, tables: Sequence[str]) -> None:
        first = -1
        for table in tables:
            number = self._numbers.setdefault(table, len(self._parents))
            if number == len(self._parents):
                self._parents.append(number)
            root = self._root(number)
            if first < 0:
                first = root
            elif root != first:
                first, root = min(first, root), max(first, root)
                self._parents[root] = first
        self._of_row.append(first)

    def resolved(self) -> list[int]:
        """The group of every row; -1 for rows without tables."""
        return [-1 if number < 0 else self._root(number) for number in self._of_row]

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number


def _rank(seed: int, name: str) -> int:
    text = f"{seed}/{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def _quotas(rows: Mapping[Stratum, int], usable: Mapping[Stratum, int], total: int) -> Quotas:
    """The test rows of each stratum: in proportion to its rows, as far as it has usable ones.

    What a stratum cannot give is shared out among the others.
    """
    quotas = dict.fromkeys(sorted(rows), 0)
    while left := total - sum(quotas.values()):
        able = [s for s in quotas if quotas[s] < usable.get(s, 0)]
        if not able:
            break
        whole = sum(rows[s] for s in able)
        shares = {s: Fraction(left * rows[s], whole) for s in able}
        floors = {s: int(share) for s, share in shares.items()}
        over = left - sum(floors.values())
        for stratum in sorted(able, key=lambda s: floors[s] - shares[s])[:over]:
            floors[stratum] += 1
        for stratum, count in floors.items():
            quotas[stratum] += min(count, usable[stratum] - quotas[stratum])
    return quotas


def _drawn(
    usable: Sequence[int], group: Sequence[int], strata: Sequence[int], quotas: dict[int, int]
) -> list[int]:
    """Rows in order until the quotas are full; rows of a group met already come last."""
    left = dict(quotas)
    chosen: list[int] = []
    met: dict[int, set[int]] = defaultdict(set)
    again = []
    for i in usable:
        if left[strata[i]] and group[i] not in met[strata[i]]:
            left[strata[i]] -= 1
            met[strata[i]].add(group[i])
            chosen.append(i)
        else:
            again.append(i)
    for i in again:
        if left[strata[i]]:
            left[strata[i]] -= 1
            chosen.append(i)
    return chosen
