"""Strict execution match: data pairs, and whole judgements on a database with rows."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.records import Database, Example, Prediction, QueryResult, Status, Verdict
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.judge import judge
from sqlforge.score.strict import gold_text, ordering, same_result

FIXTURES = Path(__file__).parents[1] / "fixtures"


def cases(name: str) -> list[Any]:
    rows = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=row["claim"]) for row in rows]


def result(rows: list[list[Any]], columns: tuple[str, ...] = ()) -> QueryResult:
    return QueryResult(Status.OK, columns, tuple(tuple(row) for row in rows))


@pytest.mark.parametrize("case", cases("strict/results.json"))
def test_results_are_equal_as_the_strict_rules_say(case: dict[str, Any]) -> None:
    gold, predicted = result(case["gold_rows"]), result(case["predicted_rows"])
    assert same_result(gold, predicted, case["gold"]) is case["equal"]


def test_empty_results_need_the_same_number_of_columns() -> None:
    gold = result([], ("a", "b", "key"))
    assert same_result(gold, result([], ("x", "y")), "SELECT a, b FROM t ORDER BY c")
    assert not same_result(gold, result([], ("x",)), "SELECT a, b FROM t ORDER BY c")


def test_a_failed_result_equals_nothing() -> None:
    failed = QueryResult(Status.ERROR, error="no such table: t")
    assert not same_result(result([]), failed, "SELECT 1")
    assert not same_result(failed, failed, "SELECT 1")


def test_many_nearly_equal_rows_are_compared_in_time() -> None:
    draw = random.Random(1)
    rows = [[draw.random(), draw.random(), "x"] for _ in range(20_000)]
    close = [[a * (1 + 1e-13), b * (1 - 1e-13), c] for a, b, c in draw.sample(rows, len(rows))]
    apart = [[a * 1.001, b, c] for a, b, c in rows]
    started = time.perf_counter()
    assert same_result(result(rows), result(close), "SELECT a, b, c FROM t")
    assert not same_result(result(rows), result(apart), "SELECT a, b, c FROM t")
    assert time.perf_counter() - started < 30  # seconds; all pairs would take minutes


@pytest.mark.parametrize(
    ("sql", "text", "keys"),
    [
        ("SELECT a FROM t", "SELECT a FROM t", ()),
        ("SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t ORDER BY a DESC", (0,)),
        ("SELECT t.a FROM t ORDER BY A", "SELECT t.a FROM t ORDER BY A", (0,)),
        ("SELECT a FROM t ORDER BY b LIMIT 1", "SELECT a , b FROM t ORDER BY b LIMIT 1", (-1,)),
        ("SELECT * FROM t ORDER BY a", "SELECT * , a FROM t ORDER BY a", (-1,)),
        (
            "SELECT a FROM t ORDER BY b, a, c",
            "SELECT a , b, c FROM t ORDER BY b, a, c",
            (-2, 0, -1),
        ),
        ("SELECT x.a FROM x ORDER BY y.a", "SELECT x.a , y.a FROM x ORDER BY y.a", (-1,)),
        (
            "SELECT (SELECT 1 FROM u) FROM t ORDER BY count(*)",
            "SELECT (SELECT 1 FROM u) , COUNT(*) FROM t ORDER BY count(*)",
            (-1,),
        ),
        ("SELECT DISTINCT a FROM t ORDER BY b", "SELECT DISTINCT a FROM t ORDER BY b", None),
        ("SELECT a AS n FROM t ORDER BY n + 1", "SELECT a AS n FROM t ORDER BY n + 1", None),
        ("SELECT 1 AS a ORDER BY b", "SELECT 1 AS a ORDER BY b", None),
        ("SELECT a FROM (ORDER BY a", "SELECT a FROM (ORDER BY a", None),
        (
            "SELECT x.a FROM x UNION SELECT a FROM t ORDER BY a",
            "SELECT x.a FROM x UNION SELECT a FROM t ORDER BY a",
            (0,),
        ),
    ],
)
def test_the_keys_of_an_ordered_gold_are_found_or_appended(
    sql: str, text: str, keys: tuple[int, ...] | None
) -> None:
    found = ordering(sql)
    assert (found.text, found.keys) == (text, keys)
    assert gold_text(sql) == text


def strictly(predicted: str, gold: str, shop: Database, sandbox: Sandbox) -> Verdict:
    example = Example("1", "?", gold, "shop", "spider", "CC0-1.0", "easy")
    prediction = Prediction("1", predicted, predicted)
    return judge([example], [prediction], {"shop": shop}, sandbox, match="strict")[0]


@pytest.mark.parametrize("case", cases("strict/executed.json"))
def test_queries_are_judged_as_they_are_written(
    case: dict[str, Any], shop: Database, sandbox: Sandbox
) -> None:
    assert strictly(case["predicted"], case["gold"], shop, sandbox).execution is case["equal"]


def test_the_official_mode_forgives_what_the_strict_one_does_not(
    shop: Database, sandbox: Sandbox
) -> None:
    gold = Example("1", "?", "SELECT DISTINCT city, id FROM shop", "shop", "spider", "CC0-1.0")
    prediction = Prediction("1", "SELECT id, city FROM shop", "")
    for match, right in (("official", True), ("strict", False)):
        (verdict,) = judge([gold], [prediction], {"shop": shop}, sandbox, match=match)
        assert verdict.execution is right


def test_rows_that_tie_under_nocase_may_come_in_either_order() -> None:
    sql = "SELECT name FROM shop ORDER BY city COLLATE NOCASE"
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE shop (name TEXT, city TEXT)")
        connection.execute("INSERT INTO shop VALUES ('a', 'x'), ('b', 'X'), ('c', 'y')")
        gold = QueryResult(Status.OK, rows=tuple(connection.execute(gold_text(sql))))
    for names, same in (("abc", True), ("bac", True), ("acb", False)):
        found = QueryResult(Status.OK, rows=tuple((name,) for name in names))
        assert same_result(gold, found, sql) is same
