"""Instances as small SQLite files, and shadows of them that differ in the order of rows only."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.score.suite.perturb import Rows
from sqlforge.score.suite.profile import DatabaseProfile, Link, Row, TableProfile


def write_instance(path: Path, profile: DatabaseProfile, rows: Rows) -> None:
    """Make the file: the original's own tables, with the rows that their constraints accept.

    Rows that break CHECK, UNIQUE or NOT NULL are left out, then those that refer to nothing.
    """
    with contextlib.closing(_new_file(path)) as connection:
        for statement in profile.statements:
            with contextlib.suppress(sqlite3.Error):  # a view over what is not there
                connection.execute(statement)
        for table in profile.tables:
            _insert(connection, table, rows[table.name.lower()])
        links = [link for table in profile.tables for link in table.links]
        while any(_remove_orphans(connection, link) for link in links):
            pass
        connection.commit()


def write_shadow(path: Path, original: Path, profile: DatabaseProfile, rng: random.Random) -> None:
    """The same rows in another order, in tables without keys or indexes.

    What a query returns from both depends on its meaning, not on how SQLite walks the tables.
    """
    with (
        contextlib.closing(sqlite3.connect(original)) as source,
        contextlib.closing(_new_file(path)) as connection,
    ):
        for statement in _bare_statements(profile):
            with contextlib.suppress(sqlite3.Error):
                connection.execute(statement)
        for table in profile.tables:
            columns = ", ".join(_quoted(column.name) for column in table.columns)
            rows = source.execute(f"SELECT {columns} FROM {_quoted(table.name)}").fetchall()
            rng.shuffle(rows)
            _insert(connection, table, rows)
        connection.commit()


def _new_file(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    for pragma in ("page_size=1024", "journal_mode=OFF", "synchronous=OFF"):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.create_function("regexp", 2, lambda pattern, text: True)  # of CHECK constraints
    return connection


def _insert(connection: sqlite3.Connection, table: TableProfile, rows: Sequence[Row]) -> None:
    columns = ", ".join(_quoted(column.name) for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    statement = f"INSERT OR IGNORE INTO {_quoted(table.name)} ({columns}) VALUES ({marks})"
    with contextlib.suppress(sqlite3.OperationalError):  # a table that could not be made
        for row in rows:
            with contextlib.suppress(sqlite3.IntegrityError):  # a STRICT table's type
                connection.execute(statement, row)


def _remove_orphans(connection: sqlite3.Connection, link: Link) -> bool:
    child, parent = _quoted(link.table), _quoted(link.ref_table)
    given = " AND ".join(f"c.{_quoted(name)} IS NOT NULL" for name in link.columns)
    same = " AND ".join(
        f"p.{_quoted(theirs)} = c.{_quoted(own)}"
        for own, theirs in zip(link.columns, link.ref_columns, strict=True)
    )
    try:
        done = connection.execute(
            f"DELETE FROM {child} AS c WHERE {given} "
            f"AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {same})"
        )
    except sqlite3.OperationalError:  # one of the tables could not be made
        return False
    return done.rowcount > 0


def _bare_statements(profile: DatabaseProfile) -> Iterator[str]:
    """CREATE TABLE with names, types and collations only; views as they are."""
    for table in profile.tables:
        collations = _collations(profile, table)
        columns = (
            f"{_quoted(column.name)} {column.declared} {collations.get(column.key[1], '')}"
            for column in table.columns
        )
        yield f"CREATE TABLE {_quoted(table.name)} ({', '.join(columns)})"
    for statement in profile.statements:
        if statement.split(maxsplit=2)[1].upper() == "VIEW":
            yield statement


def _collations(profile: DatabaseProfile, table: TableProfile) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement in profile.statements:
        if "collate" not in statement.lower():
            continue
        try:
            create = sqlglot.parse_one(statement, dialect="sqlite")
        except (SqlglotError, RecursionError, ValueError):
            continue
        made = create.find(exp.Table)
        if made is not None and made.name.lower() == table.name.lower():
            for column in create.find_all(exp.ColumnDef):
                collation = column.find(exp.CollateColumnConstraint)
                if collation is not None:
                    found[column.name.lower()] = f"COLLATE {collation.this.name}"
    return found


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
