"""Whether two results are the same answer, as Spider's official evaluation counts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlforge.core.records import QueryResult, SqlValue

Row = tuple[SqlValue, ...]
MAX_STEPS = 20_000  # prefixes of column permutations tried before giving up


def gold_is_ordered(sql: str) -> bool:
    """Whether the order of rows counts: the gold says ORDER BY, in whatever part of it.

    >>> gold_is_ordered("SELECT a FROM t order  by a"), gold_is_ordered("SELECT a FROM t")
    (True, False)
    """
    return "order by" in " ".join(sql.lower().split())


def results_match(gold: QueryResult, predicted: QueryResult, *, ordered: bool) -> bool:
    """Whether ``predicted`` holds the rows of ``gold``, under some permutation of its columns.

    The rules are those of the official evaluation (Zhong et al. 2020, test-suite-sql-eval): rows
    are compared as bags, or as lists if ``ordered``; two empty results are equal whatever their
    columns; column names do not count; values are equal as Python's are (``1 == 1.0``, ``"1" !=
    1``). A result that is not OK matches nothing.

    >>> from sqlforge.core.records import Status
    >>> gold = QueryResult(Status.OK, ("a", "b"), ((1, "x"), (2, "y")))
    >>> swapped = QueryResult(Status.OK, ("b", "a"), (("y", 2), ("x", 1)))
    >>> results_match(gold, swapped, ordered=False), results_match(gold, swapped, ordered=True)
    (True, False)
    """
    if not (gold.ok and predicted.ok):
        return False
    if len(gold.rows) != len(predicted.rows):
        return False
    if not gold.rows:
        return True
    if len(gold.rows[0]) != len(predicted.rows[0]):
        return False
    if repr(gold.rows) == repr(predicted.rows):  # the same values of the same types
        return True
    if not _same_unordered_rows(gold.rows, predicted.rows, ordered):
        return False
    if gold.rows == predicted.rows:
        return True
    if ordered:
        return Counter(zip(*gold.rows, strict=True)) == Counter(zip(*predicted.rows, strict=True))
    return _match_bags(gold.rows, predicted.rows)


def _same_unordered_rows(gold: Sequence[Row], predicted: Sequence[Row], ordered: bool) -> bool:
    """The official evaluator's quick rejection: rows with their values sorted by text and type.

    It is part of the verdict, not only a shortcut: ``(1, 10.5)`` and ``(1.0, 10.5)`` sort
    differently, and so do not match.
    """
    left, right = [_sorted_row(row) for row in gold], [_sorted_row(row) for row in predicted]
    return left == right if ordered else set(left) == set(right)


def _sorted_row(row: Row) -> Row:
    if len(row) == 1:
        return row
    return tuple(sorted(row, key=lambda value: str(value) + str(type(value))))


def _match_bags(gold: Sequence[Row], predicted: Sequence[Row]) -> bool:
    """Search a permutation of the predicted columns that makes the bags of rows equal.

    Columns are fixed from the left. A choice is kept only while the bags of the rows' first
    columns agree, and of equal columns only one is tried, so that wide results stay cheap.
    """
    if Counter(gold) == Counter(predicted):
        return True
    wanted = list(zip(*gold, strict=True))
    offered = list(zip(*predicted, strict=True))
    bags = [Counter(column) for column in offered]
    candidates = [[j for j, bag in enumerate(bags) if bag == Counter(column)] for column in wanted]
    if not all(candidates):
        return False
    steps = iter(range(MAX_STEPS))

    def extend(chosen: list[int]) -> bool:
        depth = len(chosen)
        if depth == len(wanted):
            return True
        target = Counter(zip(*wanted[: depth + 1], strict=True))
        tried: list[int] = []
        for j in candidates[depth]:
            if j in chosen or any(offered[j] == offered[k] for k in tried):
                continue
            if next(steps, None) is None:
                return False
            tried.append(j)
            prefix = [offered[k] for k in (*chosen, j)]
            if Counter(zip(*prefix, strict=True)) == target and extend([*chosen, j]):
                return True
        return False

    return extend([])
