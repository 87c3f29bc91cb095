"""Extraction, canonical spelling and validity, each against its data pairs."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlforge.core.records import Database
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.score.canonical import canonical_sql, exact_match
from sqlforge.score.extract import extract_sql
from sqlforge.score.validity import check_validity

FIXTURES = Path(__file__).parents[1] / "fixtures"

ENDS = 30  # seconds: far above what it takes, far below an exponential search


def cases(name: str) -> list[Any]:
    rows = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=row["claim"]) for row in rows]


@pytest.mark.parametrize("case", cases("extract/pairs.json"))
def test_the_query_is_found_in_what_a_model_wrote(case: dict[str, str]) -> None:
    assert extract_sql(case["text"]) == case["sql"]


@pytest.mark.parametrize("case", cases("extract/pairs.json"))
def test_extraction_leaves_its_own_result_alone(case: dict[str, str]) -> None:
    assert extract_sql(case["sql"]) == case["sql"]


@pytest.mark.parametrize("case", cases("canonical/equal.json"))
def test_spelling_does_not_count(case: dict[str, str], shop: Database) -> None:
    left, right = (canonical_sql(case[side], shop.schema) for side in ("left", "right"))
    assert left is not None
    assert left == right


@pytest.mark.parametrize("case", cases("canonical/different.json"))
def test_meaning_counts(case: dict[str, str], shop: Database) -> None:
    assert not exact_match(case["left"], case["right"], shop.schema)
    assert exact_match(case["left"], case["left"], shop.schema)


@pytest.mark.parametrize("case", cases("canonical/equal.json"))
def test_a_canonical_query_is_its_own_canonical_form(case: dict[str, str], shop: Database) -> None:
    form = canonical_sql(case["left"], shop.schema)
    assert form is not None
    assert canonical_sql(form, shop.schema) == form


@pytest.mark.parametrize(
    "sql", ["", "SELECT 1; SELECT 2", "SELECT FROM", "'", "x" * 60_000, "?(" * 900]
)
def test_what_is_no_single_query_has_no_canonical_form(sql: str) -> None:
    assert canonical_sql(sql) is None


def test_texts_that_do_not_parse_match_by_their_words() -> None:
    assert exact_match("SELECT  FROM FROM", "SELECT FROM\nFROM")
    assert not exact_match("SELECT FROM FROM", "SELECT FROM t t t t t FROM")


def test_prefixes_need_a_schema_that_knows_all_tables(shop: Database) -> None:
    sql = "SELECT name FROM shop JOIN nowhere ON shop.id = nowhere.id"
    assert canonical_sql(sql, shop.schema) == canonical_sql(sql)


@pytest.mark.parametrize("case", cases("validity/cases.json"))
def test_validity_needs_a_parse_and_names_that_exist(case: dict[str, Any], shop: Database) -> None:
    found = check_validity(case["sql"], shop.schema)
    assert found.error == case["error"]
    assert found.parsed == case["parsed"]
    assert found.valid == (case["error"] is None)


@pytest.mark.parametrize(
    ("sql", "valid"),
    [
        ('SELECT name FROM shop WHERE city = "Oslo"', True),
        ('SELECT name FROM shop WHERE city LIKE "%o" AND id != "1"', True),
        ('SELECT name FROM shop WHERE city IN ("Oslo", \'x\', "Bergen", 1)', True),
        ('SELECT name FROM shop WHERE name BETWEEN "A" AND "C"', True),
        ('SELECT "Oslo" FROM shop', False),
        ('SELECT name FROM shop WHERE "citty" = "Oslo"', False),
        ('SELECT name FROM shop WHERE id = 1 AND "citty" = "Oslo"', False),
        ('SELECT name, "citty" FROM shop', False),
        ('SELECT name FROM shop ORDER BY "citty"', False),
        ('"Oslo"', False),
    ],
)
def test_quoted_literals_are_strings_only_where_a_value_belongs(
    shop: Database, sql: str, valid: bool
) -> None:
    assert check_validity(sql, shop.schema, quoted_literals=True).valid is valid


@pytest.mark.parametrize("body", ["SELECT a FROM t", "SELECT 1 AS a", 'SELECT "a" FROM "t"'])
@pytest.mark.parametrize("name", ["c{}", '"C{}"', "c{}(a)", "c{}"])
def test_common_table_expressions_that_double_each_other_end_at_once(body: str, name: str) -> None:
    schema = Schema((Table("t", (Column("a", ""),)),))
    names = [name.format(i) for i in range(40)]
    plain = [n.removesuffix("(a)") for n in names]
    steps = [
        f"{names[i]} AS NOT MATERIALIZED (SELECT x.a FROM {plain[i - 1]} x JOIN {plain[i - 1]})"
        for i in range(1, 40)
    ]
    sql = f"WITH {names[0]} AS ({body}), {', '.join(steps)} SELECT a FROM {plain[-1]}"
    backwards = f"WITH {', '.join(steps[::-1])}, {names[0]} AS ({body}) SELECT a FROM {plain[-1]}"
    started = time.perf_counter()
    assert not check_validity(sql, schema).valid
    assert not check_validity(backwards, schema).valid
    assert time.perf_counter() - started < ENDS


def test_a_long_chain_of_common_table_expressions_ends_at_once(shop: Database) -> None:
    chain = "".join(f", c{i} AS (SELECT * FROM c{i - 1})" for i in range(1, 3000))
    sql = f"WITH c0 AS (SELECT 1){chain} SELECT * FROM c2999"
    assert not check_validity(sql, shop.schema).valid


def test_checks_may_come_from_several_threads(shop: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: check_validity(f"SELECT {i}", shop.schema), range(200)))
    assert {validity.error for validity in found} == {None}


def test_honest_common_table_expressions_may_be_named_often(shop: Database) -> None:
    sql = """WITH big AS (SELECT shop_id, sum(amount) AS total FROM sale GROUP BY shop_id),
        named AS (SELECT s.name, b.total FROM shop s JOIN big b ON b.shop_id = s.id)
        SELECT named.name FROM named WHERE named.total > (SELECT avg(total) FROM big)
        AND named.total < (SELECT max(big.total) FROM big) ORDER BY named.total"""
    assert check_validity(sql, shop.schema).error is None


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="SELECTFROMWHERE selectfrom\"'`[]();,.=*1ab-\n\0", max_size=60))
def test_no_text_breaks_the_text_rules(text: str) -> None:
    schema = Schema((Table("t", (Column("a", ""),)),))
    sql = extract_sql(text)
    found = check_validity(sql, schema)
    assert found.valid == (found.error is None)
    canonical_sql(sql, schema)


def test_a_schema_that_lists_sqlites_own_tables_can_be_checked_against() -> None:
    listed = Schema(
        (Table("sqlite_sequence", (Column("name", ""),)), Table("t", (Column("a", ""),)))
    )
    assert check_validity("SELECT a FROM t", listed).valid
    assert not check_validity("SELECT b FROM t", listed).valid
