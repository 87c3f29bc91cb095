"""Exact set match on a real parser: data pairs, and that it never outruns what the rows say."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlforge.core.records import Database, Example, Prediction
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.exact_set import exact_set_match
from sqlforge.score.judge import judge

from .spellings import QUERIES, respelled

FIXTURES = Path(__file__).parents[1] / "fixtures"


def cases(name: str) -> list[Any]:
    rows = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=row["claim"]) for row in rows]


@pytest.mark.parametrize("case", [*cases("exact_set/equal.json"), *cases("canonical/equal.json")])
def test_what_has_no_order_and_what_is_spelling_does_not_count(
    case: dict[str, str], shop: Database
) -> None:
    assert exact_set_match(case["left"], case["right"], shop.schema)
    assert exact_set_match(case["right"], case["left"], shop.schema)


@pytest.mark.parametrize("case", cases("exact_set/different.json"))
def test_parts_that_differ_count(case: dict[str, str], shop: Database) -> None:
    assert not exact_set_match(case["left"], case["right"], shop.schema)
    assert not exact_set_match(case["right"], case["left"], shop.schema)
    assert exact_set_match(case["left"], case["left"] + " ", shop.schema)


@pytest.mark.parametrize("case", cases("exact_set/equal.json"))
def test_queries_that_match_have_the_same_rows(case: dict[str, str], shop: Database) -> None:
    connection = sqlite3.connect(f"file:{shop.path}?mode=ro", uri=True)
    bags = []
    for side in ("left", "right"):
        rows = connection.execute(case[side]).fetchall()
        bags.append(Counter(tuple(sorted(map(repr, row))) for row in rows))
    connection.close()
    assert bags[0] == bags[1]


def test_texts_that_do_not_parse_match_by_their_words() -> None:
    assert exact_set_match("SELECT  FROM FROM", "SELECT FROM\nFROM")
    assert not exact_set_match("SELECT FROM FROM (", "SELECT a FROM (")


def test_many_copies_of_a_table_are_tried_within_bounds(shop: Database) -> None:
    tables = ", ".join(f"shop t{i}" for i in range(9))
    chain = " AND ".join(f"t{i}.id < t{i + 1}.id" for i in range(8))
    back = " AND ".join(f"t{i + 1}.id < t{i}.id" for i in range(8))
    first, second = (f"SELECT t0.id FROM {tables} WHERE {c}" for c in (chain, back))
    assert not exact_set_match(first, second, shop.schema)


def test_common_table_expressions_that_double_end_in_time(shop: Database) -> None:
    parts = ["t0 AS (SELECT id FROM shop)"]
    parts += [f"t{i} AS (SELECT a.id FROM t{i - 1} a, t{i - 1} b)" for i in range(1, 30)]
    query = f"WITH {', '.join(parts)} SELECT count(*) FROM t29"
    assert exact_set_match(query, query.lower(), shop.schema)
    assert not exact_set_match(query, query.replace("count(*)", "max(id)"), shop.schema)


@settings(max_examples=150, deadline=None)
@given(query=st.sampled_from(QUERIES), rng=st.randoms(use_true_random=False))
def test_no_spelling_of_a_query_breaks_the_match(query: str, rng: Any, shop: Database) -> None:
    assert exact_set_match(query, respelled(query, rng), shop.schema)


def test_the_strict_mode_matches_by_parts(shop: Database, sandbox: Sandbox) -> None:
    gold = "SELECT name, city FROM shop WHERE id = 1 AND city = 'Oslo'"
    predicted = 'SELECT s.name, s.city FROM shop s WHERE s.city = "Oslo" AND 1 = s.id'
    example = Example("1", "?", gold, "shop", "spider", "CC0-1.0", "easy")
    answers = [Prediction("1", predicted, "")]
    (verdict,) = judge([example], answers, {"shop": shop}, sandbox, match="strict")
    assert verdict.exact and verdict.execution
