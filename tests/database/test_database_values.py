from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.database.values import distinct_text_values


def test_distinct_texts_come_sorted_by_column(shop: Database) -> None:
    values = distinct_text_values(shop)
    assert values["shop", "city"] == ("Bergen", "Oslo")
    assert len(values["shop", "name"]) == 30
    assert values["sale", "note"] == ("AB",)  # what is not UTF-8 is dropped
    assert ("sale", "amount") not in values
    assert ("secret", "word") not in values


def test_a_large_column_is_read_up_to_the_limit_in_order(shop: Database) -> None:
    values = distinct_text_values(shop, limit_per_column=3)
    assert values["shop", "name"] == ("Shop 0", "Shop 1", "Shop 10")


def test_empty_and_long_texts_are_left_out_and_numbers_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    connection = sqlite3.connect(path)
    connection.execute('CREATE TABLE "odd `name" ("a b", c)')
    rows = [("", 1), ("x" * 81, 2), ("x" * 80, "3"), (b"blob", None)]
    connection.executemany('INSERT INTO "odd `name" VALUES (?, ?)', rows)
    connection.commit()
    connection.close()
    columns = (Column("a b", ""), Column("c", ""), Column("missing", ""))
    database = Database("v", Schema((Table("odd `name", columns), Table("gone", columns))), path)
    assert distinct_text_values(database) == {
        ("odd `name", "a b"): ("x" * 80,),
        ("odd `name", "c"): ("3",),
    }


def test_a_database_without_rows_has_no_values() -> None:
    assert distinct_text_values(Database("d", Schema(()))) == {}


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    schema = Schema((Table("t", (Column("a", ""),)),))
    with pytest.raises(DatabaseError, match="expected a readable"):
        distinct_text_values(Database("d", schema, tmp_path / "none.sqlite"))
    (tmp_path / "bad.sqlite").write_bytes(b"nothing of the sort" * 100)
    with pytest.raises(DatabaseError, match="not a database"):
        distinct_text_values(Database("d", schema, tmp_path / "bad.sqlite"))
