"""A small SQLite copy of what was sampled, to try queries on before the database is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sqlforge.core.files import make_folder, storage_error, storing
from sqlforge.core.schema import Table
from sqlforge.database.sample import TableRows

_STEPS = 4_000_000  # of SQLite's machine: a quarter of a second; a try that needs more is dropped


def open_replica(tables: Iterable[TableRows]) -> sqlite3.Connection:
    """A database in memory with the sampled rows, its types as declared, without constraints."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _fill(connection, tables)
    connection.execute("PRAGMA query_only = ON")
    connection.set_progress_handler(lambda: 1, _STEPS)
    return connection


def write_replica(path: Path, tables: Iterable[TableRows]) -> None:
    """The same as a file at ``path``, whole or absent."""
    partial = path.with_suffix(".partial")
    with storing(path):
        make_folder(path.parent)
        partial.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = OFF")
                connection.execute("PRAGMA synchronous = OFF")
                _fill(connection, tables)
            partial.replace(path)
        except sqlite3.OperationalError as fault:
            raise storage_error(path, str(fault)) from fault
        finally:
            partial.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection, tables: Iterable[TableRows]) -> None:
    connection.execute("BEGIN")
    for read in tables:
        connection.execute(_create(read.table))
        marks = ", ".join("?" * len(read.table.columns))
        connection.executemany(
            f"INSERT INTO {_quoted(read.table.name)} VALUES ({marks})", read.rows
        )
    connection.execute("COMMIT")


def _create(table: Table) -> str:
    columns = ", ".join(f"{_quoted(c.name)} {_affinity(c.type)}".strip() for c in table.columns)
    return f"CREATE TABLE {_quoted(table.name)} ({columns})"


def _affinity(declared: str) -> str:
    """The declared type, if SQLite can read it where a type stands."""
    plain = declared.replace("(", " ").replace(")", " ").replace(",", " ").replace("_", " ")
    words = plain.split()
    if not words or not all(word.isalnum() for word in words):
        return ""
    return '"' + declared.partition("(")[0].strip().replace('"', "") + '"'


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
