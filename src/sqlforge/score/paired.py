"""Two systems on the same examples: is one better, and by how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlforge.core.records import Example, Verdict
from sqlforge.score.clauses import clauses_of
from sqlforge.score.statistics import (
    Difference,
    McNemar,
    bootstrap_by_group,
    bootstrap_difference,
    mcnemar,
    paired_difference,
)

Pair = tuple[Verdict, Verdict]
_SLICES = ("by_hardness", "by_clause", "by_database")


@dataclass(frozen=True, slots=True)
class Paired:
    """McNemar's test and the second system's gain over the first, with intervals of three kinds.

    ``difference`` has Newcombe's, ``bootstrap`` draws examples, ``bootstrap_databases`` whole
    databases.
    """

    mcnemar: McNemar
    difference: Difference
    bootstrap: Difference
    bootstrap_databases: Difference


def paired(first: Iterable[Verdict], second: Iterable[Verdict], *, seed: int = 0) -> Paired:
    """Compare execution verdicts on the same examples in the same order.

    What one of the two could not execute is left out. Raises ``ValueError`` if one has more.

    >>> right, wrong = (Verdict("1", "shop", None, r, False, True, True) for r in (True, False))
    >>> paired([wrong], [right]).difference.value
    1.0
    """
    return _compared(_executed(first, second), seed)


def paired_json(
    examples: Iterable[Example], first: Iterable[Verdict], second: Iterable[Verdict]
) -> dict[str, Any]:
    """The same as JSON, overall and by hardness, by clause that the gold uses, and by database.

    All three belong together in their order. Slices by clause overlap; a slice that is one
    database has no interval over databases.

    >>> list(paired_json([], [], []))
    ['n', 'mcnemar', 'difference', 'bootstrap', 'bootstrap_databases', 'by_hardness', 'by_clause',
     'by_database']
    """
    pairs: list[Pair] = []
    slices: dict[str, dict[str, list[Pair]]] = {name: defaultdict(list) for name in _SLICES}
    for example, a, b in zip(examples, first, second, strict=True):
        if a.execution is None or b.execution is None:
            continue
        pairs.append((a, b))
        slices["by_hardness"][a.kind or "unknown"].append((a, b))
        slices["by_database"][a.db_id].append((a, b))
        for clause in clauses_of(example.sql):
            slices["by_clause"][clause].append((a, b))
    found: dict[str, Any] = {"n": len(pairs), **asdict(_compared(pairs, 0))}
    for name, sliced in slices.items():
        found[name] = {key: _slice(sliced[key]) for key in sorted(sliced)}
    return found


def _executed(first: Iterable[Verdict], second: Iterable[Verdict]) -> list[Pair]:
    both = zip(first, second, strict=True)
    return [(a, b) for a, b in both if a.execution is not None and b.execution is not None]


def _slice(pairs: Sequence[Pair]) -> dict[str, Any]:
    compared = {"n": len(pairs), **asdict(_compared(pairs, 0))}
    if len({a.db_id for a, _ in pairs}) < 2:  # drawing the one database says nothing
        del compared["bootstrap_databases"]
    return compared


def _compared(pairs: Sequence[Pair], seed: int) -> Paired:
    base, tuned = [a.execution is True for a, _ in pairs], [b.execution is True for _, b in pairs]
    return Paired(
        mcnemar(base, tuned),
        paired_difference(base, tuned),
        bootstrap_difference(base, tuned, seed=seed),
        bootstrap_by_group(base, tuned, [a.db_id for a, _ in pairs], seed=seed),
    )
