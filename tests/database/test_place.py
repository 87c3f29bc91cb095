from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlforge.core.errors import DatabaseError
from sqlforge.database.place import place_of


def test_a_file_is_known_by_its_content_not_its_name(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (a)")
    place = place_of(str(file))
    assert (place.kind, place.name, place.dialect) == ("sqlite", "shop", "sqlite")
    assert place_of(f"sqlite:///{file}").path == file


@pytest.mark.parametrize(
    ("url", "dialect", "shown"),
    [
        ("postgresql://a:p%40w@h/shop", "postgres", "postgresql://a:***@h/shop"),
        ("mysql://a:pw@h:33/shop", "mysql", "mysql://a:***@h:33/shop"),
        ("mariadb://a:pw@h/shop?ssl_key=k&password=pw", "mysql", None),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, dialect: str, shown: str | None) -> None:
    place = place_of(url)
    assert (place.kind, place.name, place.dialect) == ("server", "shop", dialect)
    assert "pw" not in place.shown and "p%40w" not in place.shown
    assert shown is None or place.shown == shown


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nowhere.sqlite", "no file at nowhere.sqlite"),
        ("user:pa55@host/shop", "cannot be parsed"),
        ("postgresql://ann:x@pa55@host/shop", "cannot be parsed"),
        ("duckdb://", "without a file"),
        ("sqlite:///:memory:", "without a file"),
    ],
)
def test_what_names_no_database_ends_in_one_sentence(named: str, said: str) -> None:
    with pytest.raises(DatabaseError, match=said) as caught:
        place_of(named)
    assert "pa55" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, only words", "utf-8")
    with pytest.raises(DatabaseError, match="which is no SQLite or DuckDB database"):
        place_of(str(text))
    with pytest.raises(DatabaseError, match="which is no duckdb database"):
        place_of(f"duckdb:///{text}")
