"""WikiSQL's tables as its own evaluator has them: columns by number, all text in lower case.

The store that prompts read (:mod:`sqlforge.corpus.wikisql_store`) keeps the spelling of names and
cells; its files are copied here once, into the cache, so that what the official evaluation would
execute can be executed to the letter.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

from sqlforge.core.files import sha256
from sqlforge.core.paths import cache_dir
from sqlforge.core.records import Database
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.archive import building
from sqlforge.corpus.wikisql_store import open_store

LAYOUT = 1
"""Part of the cache key: raise it when what is written here changes."""


@cache
def official_database(database: Database) -> Database:
    """The same table with columns ``col0``, ``col1``, … and lower-case text.

    ``database`` is one that :func:`sqlforge.corpus.wikisql.read_wikisql` made: a single table in
    a SQLite file that many tables share. The copy of that file is made at the first call.

    Raises:
        StorageError: the cache cannot be written.
    """
    assert database.path is not None, "read_wikisql gives every database a file"
    table = database.schema.tables[0]
    columns = tuple(Column(f"col{i}", column.type) for i, column in enumerate(table.columns))
    return replace(
        database,
        schema=Schema((Table(table.name, columns),)),
        path=_lower_case_copy(database.path),
    )


@cache
def _lower_case_copy(path: Path) -> Path:
    folder = cache_dir() / "wikisql" / f"official-{sha256(path)[:16]}-{LAYOUT}"
    if not folder.is_dir():
        with (
            building(folder) as temporary,
            closing(open_store(path)) as source,
            closing(sqlite3.connect(temporary / "tables.sqlite", isolation_level=None)) as target,
        ):
            # the folder takes its name only when all is written, so no journal is needed
            target.execute("PRAGMA journal_mode = OFF")
            target.execute("PRAGMA synchronous = OFF")
            target.execute("BEGIN")
            _copy(source, target)
            target.execute("COMMIT")
    return folder / "tables.sqlite"


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    names = source.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
    for (name,) in names.fetchall():
        if name == "sqlforge_tables":
            continue
        types = [row[2] for row in source.execute(f'PRAGMA table_info("{name}")')]
        declared = ", ".join(f"col{i} {kind}" for i, kind in enumerate(types))
        target.execute(f'CREATE TABLE "{name}" ({declared})')
        rows = source.execute(f'SELECT * FROM "{name}" ORDER BY rowid')
        places = ", ".join("?" * len(types))
        target.executemany(f'INSERT INTO "{name}" VALUES ({places})', map(_lower, rows))


def _lower(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(cell.lower() if isinstance(cell, str) else cell for cell in row)
