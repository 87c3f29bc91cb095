from __future__ import annotations

import random
import time

import pytest

from sqlforge.core.records import QueryResult, SqlValue, Status
from sqlforge.score.execution import gold_is_ordered, results_match

Rows = list[tuple[SqlValue, ...]]


def result(rows: Rows) -> QueryResult:
    return QueryResult(Status.OK, rows=tuple(rows))


@pytest.mark.parametrize(
    ("gold", "predicted", "bag", "ordered"),
    [
        ([], [], True, True),
        ([(1,)], [], False, False),
        ([(1,), (2,)], [(2,), (1,)], True, False),
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)], False, False),
        ([(1, "a"), (2, "b")], [("a", 1), ("b", 2)], True, True),
        ([(1, "a"), (2, "b")], [("b", 1), ("a", 2)], False, False),
        ([(1, 2), (3, 4)], [(1, 2), (4, 3)], False, False),
        ([(1, 2)], [(1, 2, 3)], False, False),
        ([(1,)], [(1.0,)], True, True),
        ([(1,)], [("1",)], False, False),
        ([(None,)], [(None,)], True, True),
        ([(None,)], [(0,)], False, False),
        ([(b"a",)], [("a",)], False, False),
        ([(1, 1), (1, 2)], [(1, 1), (2, 1)], True, True),
        ([(1, 2, 1), (3, 4, 3)], [(1, 1, 2), (3, 3, 4)], True, True),
        ([(1, 2), (2, 1)], [(1, 1), (2, 2)], False, False),
        ([(0, 1), (1, 0), (0, 1)], [(0, 1), (1, 0), (1, 0)], True, False),
        # The official evaluator sorts rows by text and type first, and so loses this pair.
        ([(9, "9.5")], [("9.5", 9.0)], False, False),
        ([(9, "x")], [("x", 9.0)], True, True),
    ],
)
def test_results_match_as_the_official_evaluator_counts(
    gold: Rows, predicted: Rows, bag: bool, ordered: bool
) -> None:
    assert results_match(result(gold), result(predicted), ordered=False) is bag
    assert results_match(result(gold), result(predicted), ordered=True) is ordered


def test_a_failed_result_matches_nothing() -> None:
    failed = QueryResult(Status.ERROR, error="no such table: t")
    assert not results_match(result([]), failed, ordered=False)
    assert not results_match(failed, failed, ordered=False)


@pytest.mark.parametrize("columns", [3, 8, 14])
def test_shuffled_rows_and_columns_still_match(columns: int) -> None:
    draw = random.Random(columns)
    rows = [tuple(draw.randrange(3) for _ in range(columns)) for _ in range(200)]
    order = draw.sample(range(columns), columns)
    shuffled = draw.sample([tuple(row[i] for i in order) for row in rows], len(rows))
    assert results_match(result(rows), result(shuffled), ordered=False)


def test_many_alike_columns_do_not_explode() -> None:
    draw = random.Random(1)
    rows = [tuple(draw.sample((0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1), 14)) for _ in range(60)]
    other = [tuple(draw.sample((0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1), 14)) for _ in range(60)]
    identity = [tuple(int(i == j) for j in range(14)) for i in range(14)]
    started = time.perf_counter()
    results_match(result(rows), result(other), ordered=False)
    assert results_match(result(identity), result(identity[::-1]), ordered=False)
    assert time.perf_counter() - started < 30  # seconds; trying all permutations takes days


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\n by a", True),
        ("SELECT a FROM t", False),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 1)", True),
    ],
)
def test_order_counts_where_the_gold_says_order_by(sql: str, ordered: bool) -> None:
    assert gold_is_ordered(sql) is ordered
