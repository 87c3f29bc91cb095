"""WikiSQL's table rows as SQLite files in the cache, built once per tables file.

A folder ``CACHE/wikisql/SPLIT-KEY`` holds ``000.sqlite``, ``001.sqlite``, … of 200 tables each:
SQLite reads the whole schema when it opens a file, which takes 0.2 s for 14,000 tables in one
file, at every query of a scorer that opens it anew.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from sqlforge.core.files import sha256
from sqlforge.core.names import sql_name
from sqlforge.core.paths import cache_dir
from sqlforge.corpus.archive import building
from sqlforge.corpus.files import OnBadRow, SkippedRow, bad_row, read_jsonl
from sqlforge.corpus.wikisql_rows import Cell, WikiTable, convert_table

LAYOUT = 1
"""Part of the cache key: raise it when what is written here changes."""

_TABLES_PER_FILE = 200
_INDEX = "CREATE TABLE sqlforge_tables (id TEXT, columns TEXT, types TEXT, title TEXT)"


def build_store(
    tables_file: Path, split: str, on_bad_row: OnBadRow, skipped: list[SkippedRow]
) -> Path:
    """The folder with the rows of one tables file, built if it is not there yet.

    Malformed tables are treated as :func:`sqlforge.corpus.files.read_jsonl` says; those left
    out at the first building are listed again at every later reading.

    Raises:
        DataError: the file cannot be read or a table is malformed.
        StorageError: the cache cannot be written.
    """
    target = cache_dir() / "wikisql" / f"{split}-{sha256(tables_file)[:16]}-{LAYOUT}"
    if not target.is_dir():
        with building(target) as folder:
            left_out: list[SkippedRow] = []
            read = read_jsonl(tables_file, _once(), on_bad_row=on_bad_row, skipped=left_out)
            tables = (row for _, row in read)
            for number in itertools.count():
                batch = list(itertools.islice(tables, _TABLES_PER_FILE))
                if not batch:
                    break
                _write(folder / f"{number:03d}.sqlite", batch)
            lines = [[row.line, row.reason] for row in left_out]
            (folder / "skipped.json").write_text(json.dumps(lines), encoding="utf-8")
    again = json.loads((target / "skipped.json").read_text(encoding="utf-8"))
    for line, reason in again:
        bad_row(SkippedRow(tables_file, line, reason), on_bad_row, skipped)
    return target


def stored_tables(folder: Path) -> Iterator[tuple[WikiTable, Path]]:
    """Every table of the store with the file that holds it, in the published order."""
    for path in sorted(folder.glob("*.sqlite")):
        with closing(open_store(path)) as connection:
            for name, columns, types, title in connection.execute("SELECT * FROM sqlforge_tables"):
                table = WikiTable(name, tuple(json.loads(columns)), tuple(json.loads(types)), title)
                yield table, path


def open_store(path: Path) -> sqlite3.Connection:
    """A read-only connection to one file of the store; close it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _once() -> Callable[[object], tuple[WikiTable, list[list[Cell]]]]:
    """``convert_table`` that refuses a second table of a name already seen."""
    seen: set[str] = set()

    def convert(value: object) -> tuple[WikiTable, list[list[Cell]]]:
        table, rows = convert_table(value)
        if table.sql_name.lower() in seen:
            raise ValueError(f"the table '{table.id}' occurs twice")
        seen.add(table.sql_name.lower())
        return table, rows

    return convert


def _write(path: Path, batch: list[tuple[WikiTable, list[list[Cell]]]]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # the folder takes its name only when all is written, so no journal is needed
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.execute(_INDEX)
        for table, rows in batch:
            declared = ", ".join(
                f"{sql_name(column)} " + ("REAL" if kind == "real" else "TEXT COLLATE NOCASE")
                for column, kind in zip(table.columns, table.types, strict=True)
            )
            connection.execute(f"CREATE TABLE {table.sql_name} ({declared})")
            places = ", ".join("?" * len(table.columns))
            connection.executemany(f"INSERT INTO {table.sql_name} VALUES ({places})", rows)
            connection.execute(
                "INSERT INTO sqlforge_tables VALUES (?, ?, ?, ?)",
                (table.id, json.dumps(table.columns), json.dumps(table.types), table.title),
            )
        connection.execute("COMMIT")
