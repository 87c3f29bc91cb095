from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from sqlforge.core.errors import DatabaseError
from sqlforge.core.schema import ForeignKey
from sqlforge.database import introspect
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.database.introspect import schema_from_sqlite, schema_from_url
from sqlforge.database.place import without_secrets


def test_tables_views_keys_and_declared_types_are_read_in_order(shop_file: Path) -> None:
    schema = schema_from_sqlite(shop_file)
    assert [t.name for t in schema.tables] == ["shop", "sale", "secret", "big_sale", "leak"]
    sale = schema.tables[1]
    assert [(c.name, c.type, c.primary_key) for c in sale.columns] == [
        ("id", "INTEGER", True),
        ("line", "INTEGER", True),
        ("shop_id", "INTEGER", False),
        ("amount", "REAL", False),
        ("note", "TEXT", False),
    ]
    # The first one names no column and so means the primary key of its target.
    assert sale.foreign_keys == (ForeignKey(("shop_id",), "shop", ("id",)),) * 2


def test_a_view_over_a_missing_table_is_left_out(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "v.sqlite")
    connection.executescript("CREATE TABLE t (a); CREATE VIEW v AS SELECT * FROM t")
    connection.executescript("CREATE TABLE u (b); DROP TABLE t")
    connection.close()
    assert [t.name for t in schema_from_sqlite(tmp_path / "v.sqlite").tables] == ["u"]


@pytest.mark.parametrize("content", [b"not a database at all" * 50, b"{}"])
def test_a_file_that_is_not_sqlite_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"x\.sqlite \(file is not a database\), expected"):
        schema_from_sqlite(path)


def test_a_missing_file_is_named_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"no file at .*gone\.sqlite"):
        schema_from_sqlite(tmp_path / "gone.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_reading_a_wal_database_leaves_no_file_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "wal.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (a)")
    connection.close()
    assert [t.name for t in schema_from_sqlite(path).tables] == ["t"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_wal_that_is_in_use_is_read(tmp_path: Path) -> None:
    path = tmp_path / "live.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (a)")
    try:
        assert [t.name for t in schema_from_sqlite(path).tables] == ["t"]
    finally:
        connection.close()


def test_ddl_that_sqlite_refuses_is_read_by_the_parser() -> None:
    ddl = """CREATE TABLE a (id SERIAL PRIMARY KEY, n VARCHAR(20) DEFAULT now()::text);
             CREATE TABLE b (x INT, y INT, PRIMARY KEY (x, y),
                             FOREIGN KEY (x) REFERENCES a (id));
             CREATE INDEX i ON b (y)"""
    a, b = schema_from_ddl(ddl, "postgres").tables
    assert [(c.name, c.primary_key) for c in a.columns] == [("id", True), ("n", False)]
    assert a.columns[1].type == "VARCHAR(20)"
    assert all(c.primary_key for c in b.columns)
    assert b.foreign_keys == (ForeignKey(("x",), "a", ("id",)),)
    assert schema_from_ddl(ddl).tables[0].name == "a"


def test_ddl_can_attach_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made.sqlite"
    ddl = f"CREATE TABLE t (a); ATTACH '{target}' AS x; CREATE TABLE x.y (b)"
    assert schema_from_ddl(ddl).table("t") is not None
    assert not target.exists()


@pytest.mark.parametrize("ddl", ["", "SELECT 1", "hello world", "CREATE TABLE (", "(" * 3000])
def test_ddl_without_a_table_is_one_sentence(ddl: str) -> None:
    with pytest.raises(DatabaseError, match="DDL without a table"):
        schema_from_ddl(ddl)


def test_a_sqlite_url_reads_the_file(shop_file: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.sqlite"
    plain.write_bytes(shop_file.read_bytes())
    assert schema_from_url(f"sqlite:///{plain}") == schema_from_sqlite(shop_file)
    with pytest.raises(DatabaseError, match="no file at"):
        schema_from_url(f"sqlite:///{tmp_path}/none.sqlite")


def test_an_inspected_database_has_keys_and_its_dialect(shop_file: Path) -> None:
    from sqlalchemy import create_engine, inspect

    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(shop_file))
    schema = introspect._inspected(inspect(engine), "postgres")
    engine.dispose()
    assert schema.dialect == "postgres"
    sale = schema.table("sale")
    assert sale is not None
    assert [c.primary_key for c in sale.columns[:3]] == [True, True, False]
    assert ForeignKey(("shop_id",), "shop", ("id",)) in sale.foreign_keys


def test_a_database_in_memory_is_refused_as_it_has_no_rows() -> None:
    with pytest.raises(DatabaseError, match="a file with rows"):
        schema_from_url("sqlite://")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pa55w0rd@localhost:1/db",
        "mysql+nodriver://me:pa55w0rd@localhost/db",
        "oracle+cx_oracle://me:pa55w0rd@localhost/db",
        "nonsense://me:pa55w0rd@host/db",
        "me:pa55w0rd@host/db",
        "postgresql://me:pa55w0rd@host:port/db",
        "sqlite://me:pa55w0rd@host/db.sqlite",
    ],
)
def test_no_error_about_a_url_shows_its_password(url: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        schema_from_url(url)
    assert "pa55w0rd" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or "pa55w0rd" not in repr(caught.value.__context__)


def test_a_drivers_message_loses_passwords_in_every_spelling() -> None:
    from sqlalchemy import make_url

    url = make_url("postgresql://me:p%40ss%20w@host/db?sslpassword=other1")
    error = OperationalError("", {}, Exception("bad p@ss w, p%40ss%20w, p%40ss+w or other1\nmore"))
    text = without_secrets(error, url)
    assert text == "bad ***, ***, *** or ***"
