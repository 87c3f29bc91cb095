import json
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.clean import (
    MAX_CELL,
    Dropped,
    Kept,
    Origin,
    Reason,
    Rules,
    clean,
    ddl_id,
)
from sqlforge.corpus.dedupe import without_duplicates
from sqlforge.corpus.fingerprints import fingerprint
from sqlforge.corpus.raw import RawRow

CASES = json.loads((Path(__file__).parents[1] / "fixtures" / "cleaning" / "cases.json").read_text())
SHOP = "CREATE TABLE shop (id INTEGER, name VARCHAR)"


def cleaned(row: RawRow, rules: Rules | None = None, *dialects: str) -> Kept | Dropped:
    return clean(row, Origin("mine", "MIT", dialects or ("sqlite",)), rules or Rules(), {})


def row(question: str | None, sql: str | None, ddl: str | None = SHOP, name: str = "r") -> RawRow:
    return RawRow(name, question, sql, ddl=ddl)


def kept(question: str, sql: str, ddl: str = SHOP, name: str = "r") -> Kept:
    found = cleaned(row(question, sql, ddl, name))
    assert isinstance(found, Kept), found
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['reason']}: {case['sql']}")
def test_a_row_ends_as_the_case_says(case: dict[str, Any]) -> None:
    found = cleaned(row(case["question"], case["sql"], case["ddl"]), None, *case["dialects"])
    if case["reason"] is None:
        assert isinstance(found, Kept), found
    else:
        assert isinstance(found, Dropped)
        assert found.reason.value == case["reason"]
        assert case["detail"] in (None, found.detail)


def test_statements_that_are_no_queries_stay_by_choice() -> None:
    everything = Rules(only_queries=False)
    for sql in ("INSERT INTO shop VALUES (1, 'x')", "CREATE TABLE t (a INT)", "DROP TABLE shop"):
        assert isinstance(cleaned(row("Do it.", sql), everything), Kept)
        assert isinstance(cleaned(row("Do it.", sql)), Dropped)


def test_a_cell_of_fifty_megabytes_is_left_out_and_not_copied_into_the_list() -> None:
    huge = "x" * 50_000_000
    for one in (row(huge, "SELECT 1"), row("Who?", huge), row("Who?", "SELECT 1", huge)):
        found = cleaned(one)
        assert isinstance(found, Dropped) and found.reason is Reason.CELL_TOO_LARGE
        assert "50,000,000 characters" in found.detail
        assert len(found.question) + len(found.sql) + len(found.detail) < 2_000
    assert isinstance(cleaned(row("x" * MAX_CELL, "SELECT name FROM shop")), Kept)


def test_an_answer_that_cannot_fit_the_window_is_left_out() -> None:
    sql = "SELECT name FROM shop WHERE id IN (" + ", ".join(map(str, range(100))) + ")"
    assert isinstance(cleaned(row("Which?", sql), Rules(max_answer=len(sql))), Kept)
    found = cleaned(row("Which?", sql), Rules(max_answer=len(sql) - 1))
    assert isinstance(found, Dropped) and found.reason is Reason.ANSWER_TOO_LONG


def test_sql_nested_too_deep_to_parse_is_a_reason_and_no_crash() -> None:
    deep = "SELECT " + "(" * 3_000 + "1" + ")" * 3_000
    found = cleaned(row("How deep?", deep))
    assert isinstance(found, Dropped) and found.reason is Reason.SQL_DOES_NOT_PARSE


def test_white_space_and_a_last_semicolon_go_and_nothing_else_changes() -> None:
    found = kept("  Which  shop? ", ' SELECT  "name" FROM shop ;\n')
    assert (found.example.question, found.example.sql) == (
        "Which  shop?",
        'SELECT  "name" FROM shop',
    )


def test_equal_schemas_are_one_database_and_others_are_not() -> None:
    one = kept("Which?", "SELECT name FROM shop")
    same = kept("What?", "SELECT id FROM shop", "create table shop (id INTEGER,\n name VARCHAR);")
    other = kept("What?", "SELECT id FROM shop", "CREATE TABLE shop (id TEXT, name VARCHAR)")
    assert one.example.db_id == same.example.db_id != other.example.db_id
    assert one.schema == same.schema
    assert one.schema is not None and one.example.db_id == ddl_id(one.schema)


def test_a_row_about_a_known_database_is_checked_against_its_schema() -> None:
    schemas = {"d": Schema((Table("shop", (Column("name", "TEXT"),)),))}
    origin = Origin("mine", "MIT", ("sqlite",))
    good = clean(RawRow("1", "Who?", "SELECT name FROM shop", db_id="d"), origin, Rules(), schemas)
    bad = clean(RawRow("2", "Who?", "SELECT age FROM shop", db_id="d"), origin, Rules(), schemas)
    assert isinstance(good, Kept) and good.schema is None and good.example.db_id == "d"
    assert isinstance(bad, Dropped) and bad.detail == "column age"


def test_made_rows_are_taken_as_they_are() -> None:
    schemas = {"d": Schema((Table("shop", (Column("name", "TEXT"),)),))}
    origin = Origin("mine", "MIT", ("sqlite",))
    made = RawRow("1", "Who?", "SELECT age FROM shop", db_id="d")
    assert isinstance(clean(made, origin, Rules(trusted=True), schemas), Kept)


def test_of_duplicates_the_first_stays_and_the_others_name_it() -> None:
    rows = [
        kept("Which shops are there?", "SELECT name FROM shop", name="a"),
        kept("which SHOPS are there", "select NAME from Shop", name="b"),
        kept("Which shops are there?", "SELECT id FROM shop", name="c"),
        kept("Which shops are there", "SELECT T1.name FROM shop AS T1", name="d"),
    ]
    ends = [dropped for _, dropped in without_duplicates(rows)]
    assert [dropped and (dropped.reason, dropped.detail) for dropped in ends] == [
        None,
        (Reason.DUPLICATE, "of a"),
        None,
        (Reason.DUPLICATE, "of a"),
    ]


def test_near_duplicates_need_the_same_sql_and_can_be_let_in() -> None:
    question = "What is the name of every shop in the old town of Bath"
    rows = [
        kept(question, "SELECT name FROM shop", name="a"),
        kept(question + " today", "SELECT name FROM shop", name="b"),
        kept(question + " now", "SELECT id FROM shop", name="c"),
        kept("List them all by name", "SELECT name FROM shop", name="d"),
    ]
    ends = [dropped and dropped.reason for _, dropped in without_duplicates(rows)]
    assert ends == [None, Reason.NEAR_DUPLICATE, None, None]
    assert [dropped for _, dropped in without_duplicates(rows, near=False)] == [None] * 4


def test_duplicates_come_out_in_order_whatever_stands_between_them() -> None:
    rows = []
    for i in range(200):
        rows += [
            kept(f"Which shops have number {i}?", f"SELECT name FROM shop WHERE id = {i}"),
            kept(f"Which SHOPS have number {i}", f"SELECT name FROM shop WHERE id = {i}"),
        ]
    for near in (True, False):
        out = list(without_duplicates(rows, near=near))
        assert [row for row, _ in out] == rows
        assert [dropped is None for _, dropped in out] == [True, False] * 200


def test_the_fingerprint_made_of_the_parsed_tree_is_that_of_the_text() -> None:
    found = kept("Which?", "SELECT T1.name FROM shop AS T1 WHERE id > 3")
    assert found.fingerprint == fingerprint(found.example, found.schema)
