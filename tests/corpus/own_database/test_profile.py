from __future__ import annotations

import pytest

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Column
from sqlforge.corpus.own_database.profile import profile
from sqlforge.corpus.own_database.words import words_of

_NAMES = ["Ada Archer", "Ben Baker", "Cleo Cooper", "Dora Dyer", "Emil Ewing"]
_PROSE = "It arrived late, and the box was open, but nothing was missing when we looked. "


def role_of(name: str, declared: str, values: list[SqlValue]) -> str | None:
    found = profile(Column(name, declared), words_of(name), values, complete=True)
    return found.role if found else None


@pytest.mark.parametrize(
    ("name", "declared", "values", "role"),
    [
        ("born_on", "TEXT", ["1990-01-02", "1991-05-06", "1990-01-02"], "date"),
        ("seen_at", "TIMESTAMP", ["2020-01-02 10:11:12", "2021-02-03 00:00:00"], "date"),
        ("born_on", "TEXT", ["2 Jan 1990", "6 May 1991", "7 May 1991"], "name"),
        ("active", "BOOLEAN", [1, 0, 1], "flag"),
        ("is_active", "INTEGER", [1, 0, 1], "flag"),
        ("paid_yn", "CHAR(1)", ["Y", "N", "Y"], "flag"),
        ("vegan", "TEXT", ["yes", "no", "yes"], "flag"),
        ("cylinders", "INTEGER", [0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 0], "category"),
        ("founded", "INTEGER", [1969, 2003, 1999], "year"),
        ("year", "TEXT", ["1969", "2003", "1999"], "year"),
        ("price", "REAL", [1.5, 2.5, 9.0], "money"),
        ("age", "INTEGER", [30, 41, 30], "number"),
        ("weight", "VARCHAR(9)", ["9.5", "10.25", "9.1"], "code"),
        ("weight", "VARCHAR(9)", ["9.50", "8.25", "9.12"], "number"),
        ("weight", "VARCHAR(9)", ["9.50", "10.2", "9.12"], "code"),
        ("balance", "TEXT", ["-2.5", "-3.5", "-1.5"], "code"),
        ("phone", "INTEGER", [5551234, 5559876, 5550000], "code"),
        ("zip_code", "INTEGER", [90210, 10001, 60601], "code"),
        ("flight_number", "INTEGER", [12, 45, 78], "code"),
        ("num_seats", "INTEGER", [120, 45, 78], "number"),
        ("advisor", "INTEGER", [1121, 7712, 7792], "code"),
        ("status", "TEXT", ["open", "closed"] * 5, "category"),
        ("full_name", "TEXT", _NAMES, "name"),
        ("remarks", "TEXT", [_PROSE + name for name in _NAMES], "text"),
        ("mixed", "TEXT", [1, "two", 3, "four"], "code"),
    ],
)  # fmt: skip
def test_a_columns_role_follows_from_its_name_type_and_values(
    name: str, declared: str, values: list[SqlValue], role: str
) -> None:
    assert role_of(name, declared, values) == role


def test_numbers_kept_as_text_are_ordered_only_where_all_of_them_were_seen() -> None:
    values: list[SqlValue] = ["9.50", "8.25", "9.12"]
    seen = profile(Column("weight", "TEXT"), ["weight"], values, complete=False)
    assert seen is not None and seen.role == "code"


def test_a_column_without_values_has_no_profile() -> None:
    for values in ([None, None], ["", " "], [b"\x00\x01"]):
        assert role_of("note", "TEXT", list(values)) is None


@pytest.mark.parametrize(
    ("name", "added", "averaged"),
    [("quantity", True, True), ("age", False, True), ("rank", False, False)],
)
def test_only_amounts_are_added_up(name: str, added: bool, averaged: bool) -> None:
    found = profile(Column(name, "INTEGER"), [name], [3, 7, 12, 3], complete=True)
    assert found is not None
    functions = found.functions or ("AVG", "SUM")
    assert ("SUM" in functions, "AVG" in functions) == (added, averaged)


def test_values_that_no_question_can_quote_are_not_asked_for() -> None:
    values: list[SqlValue] = ["Oslo", "n/a", " padded", "x" * 90, "null", 'a "b"', "tab\tbed"]
    found = profile(Column("city", "TEXT"), ["city"], [*values, *["Oslo"] * 90], complete=True)
    assert found is not None
    assert set(found.facts.values) == {"Oslo"}
    assert found.facts.has_null, "what stands for nothing counts as missing"


def test_a_sample_proves_no_column_unique() -> None:
    column = Column("name", "TEXT")
    whole = profile(column, ["name"], list(_NAMES), complete=True)
    part = profile(column, ["name"], list(_NAMES), complete=False)
    assert whole is not None and part is not None
    assert (whole.facts.unique, part.facts.unique) == (True, False)
