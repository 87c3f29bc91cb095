"""Two systems on the same examples: is one better, and by how much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlforge.core.records import Verdict
from sqlforge.score.statistics import (
    Difference,
    McNemar,
    bootstrap_by_group,
    bootstrap_difference,
    mcnemar,
    paired_difference,
)

Pair = tuple[Verdict, Verdict]


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


def paired_json(first: Iterable[Verdict], second: Iterable[Verdict]) -> dict[str, Any]:
    """The same as JSON, with the comparisons of each hardness under ``by_hardness``."""
    pairs = _executed(first, second)
    kinds = sorted({verdict.kind or "unknown" for verdict, _ in pairs})
    by_kind = {k: [p for p in pairs if (p[0].kind or "unknown") == k] for k in kinds}
    return {
        "n": len(pairs),
        **asdict(_compared(pairs, 0)),
        "by_hardness": {k: {"n": len(p), **asdict(_compared(p, 0))} for k, p in by_kind.items()},
    }


def _executed(first: Iterable[Verdict], second: Iterable[Verdict]) -> list[Pair]:
    both = zip(first, second, strict=True)
    return [(a, b) for a, b in both if a.execution is not None and b.execution is not None]


def _compared(pairs: Sequence[Pair], seed: int) -> Paired:
    base, tuned = [a.execution is True for a, _ in pairs], [b.execution is True for _, b in pairs]
    return Paired(
        mcnemar(base, tuned),
        paired_difference(base, tuned),
        bootstrap_difference(base, tuned, seed=seed),
        bootstrap_by_group(base, tuned, [a.db_id for a, _ in pairs], seed=seed),
    )
