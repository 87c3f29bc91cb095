"""Schemas from SQLite files and from any database that SQLAlchemy reaches."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlforge.core.errors import DatabaseError
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.database.duck import duckdb_schema, open_duckdb
from sqlforge.database.place import Place, engine_for, place_of, without_secrets
from sqlforge.database.readonly import connect

if TYPE_CHECKING:  # loaded where a file is not enough
    from sqlalchemy import Engine
    from sqlalchemy.engine.reflection import Inspector


def schema_from_sqlite(path: Path) -> Schema:
    """The tables and views of a SQLite file, in the order in which they were created.

    Raises :class:`DatabaseError` if the file is missing, unreadable or no SQLite database.

    >>> schema_from_sqlite(Path("nowhere.sqlite"))
    Traceback (most recent call last):
    ...
    sqlforge.core.errors.DatabaseError: Got no file at nowhere.sqlite, expected a SQLite ...
    """
    if not path.is_file():
        raise DatabaseError(
            f"no file at {path}", "a SQLite database", "give the path of an existing file"
        )
    try:
        connection = connect(str(path))
        try:
            return read_schema(connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DatabaseError(
            f"{path} ({error})", "a readable SQLite database", "check that it is the right file"
        ) from error


def schema_from_url(url: str) -> Schema:
    """The tables and views behind any SQLAlchemy database URL.

    Raises :class:`DatabaseError` if the URL is malformed, its driver missing or the database out
    of reach; no password of the URL is ever part of the message.
    """
    place = place_of(url)
    if place.kind == "sqlite" and place.path is not None:
        return schema_from_sqlite(place.path)
    if place.kind == "duckdb" and place.path is not None:
        connection = open_duckdb(place.path)
        try:
            return duckdb_schema(connection)
        finally:
            connection.close()
    engine = engine_for(place)
    try:
        return schema_of_engine(engine, place)
    finally:
        engine.dispose()


def schema_of_engine(engine: Engine, place: Place) -> Schema:
    """The tables and views in the default schema of a server.

    Raises :class:`DatabaseError` if it cannot be reached.
    """
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return _inspected(inspect(engine), place.dialect)
    except (SQLAlchemyError, OSError, ValueError) as error:
        raise DatabaseError(
            f"{place.shown} ({without_secrets(error, place.url)})",
            "a database that can be reached",
            "check host, name, user and password",
        ) from None


def read_schema(connection: sqlite3.Connection) -> Schema:
    """The tables and views of an open SQLite database."""
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
    ).fetchall()
    tables = []
    for (name,) in names:
        try:
            columns = _columns(connection, name)
        except sqlite3.OperationalError:  # a view over a table that is gone
            continue
        if columns:
            tables.append(Table(name, columns, _foreign_keys(connection, name)))
    return Schema(tuple(tables))


def _columns(connection: sqlite3.Connection, table: str) -> tuple[Column, ...]:
    rows = connection.execute(
        "SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,)
    )
    return tuple(Column(name, kind, bool(key)) for name, kind, key in rows)


def _foreign_keys(connection: sqlite3.Connection, table: str) -> tuple[ForeignKey, ...]:
    rows = connection.execute(
        'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq',
        (table,),
    ).fetchall()  # SQLite numbers them from the last to the first
    keys = []
    for key_id in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == key_id]
        target = own[0][1]
        referred = tuple(row[3] for row in own)
        if None in referred:  # REFERENCES without columns means the primary key
            referred = tuple(c.name for c in _columns(connection, target) if c.primary_key)
        keys.append(ForeignKey(tuple(row[2] for row in own), target, referred))
    return tuple(keys)


def _inspected(inspector: Inspector, dialect: str) -> Schema:
    """All tables, then all views; asked for in a few questions where the server can answer so."""
    from sqlalchemy.engine.reflection import ObjectKind

    keys = _named(inspector.get_multi_pk_constraint(kind=ObjectKind.TABLE))
    columns = _named(inspector.get_multi_columns(kind=ObjectKind.TABLE))
    columns |= _view_columns(inspector)
    foreign = _named(inspector.get_multi_foreign_keys(kind=ObjectKind.TABLE))
    tables = []
    for name in [*inspector.get_table_names(), *inspector.get_view_names()]:
        if name not in columns:  # it went away in between, or what a view rests on did
            continue
        key = set((keys.get(name) or {}).get("constrained_columns") or ())
        tables.append(
            Table(
                name,
                tuple(
                    Column(c["name"], str(c["type"]), c["name"] in key, c.get("comment"))
                    for c in columns[name]
                ),
                tuple(
                    ForeignKey(
                        tuple(k["constrained_columns"]),
                        k["referred_table"],
                        tuple(k["referred_columns"]),
                    )
                    for k in foreign.get(name) or ()
                ),
            )
        )
    return Schema(tuple(tables), dialect)


def _view_columns(inspector: Inspector) -> dict[str, Any]:
    """Those of the views that the user may look at: MySQL wants a right of its own for that."""
    from sqlalchemy.engine.reflection import ObjectKind
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return _named(inspector.get_multi_columns(kind=ObjectKind.ANY_VIEW))
    except SQLAlchemyError:
        found: dict[str, Any] = {}
        for name in inspector.get_view_names():
            with contextlib.suppress(SQLAlchemyError):
                found[name] = inspector.get_columns(name)
        return found


def _named(found: Mapping[tuple[str | None, str], Any]) -> dict[str, Any]:
    return {name: value for (_, name), value in found.items()}
