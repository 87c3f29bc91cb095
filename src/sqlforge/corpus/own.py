"""The user's own questions: CSV, JSONL or Parquet with ``question``, ``sql`` and a schema.

The schema comes as DDL text in the column ``schema``, as a database (URL or SQLite file) in the
column ``database``, or as one database for the whole file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlglot.dialects.dialect import Dialect

from sqlforge.core.errors import DataError
from sqlforge.core.files import sha256
from sqlforge.core.records import Database
from sqlforge.core.redact import without_password
from sqlforge.corpus.files import OnBadRow, SkippedRow
from sqlforge.corpus.raw import RawRow, Source
from sqlforge.corpus.rows import Columns, check_columns, count_rows, read_rows
from sqlforge.database.introspect import schema_from_sqlite, schema_from_url

COLUMNS = Columns(("question", "sql"), ("schema", "database", "kind"))
UNKNOWN_LICENCE = "LicenseRef-unknown"


def open_own(
    path: Path,
    *,
    name: str = "own",
    licence: str = UNKNOWN_LICENCE,
    database: str | None = None,
    dialect: str | None = None,
    on_bad_row: OnBadRow = "stop",
) -> Source:
    """Open a file of one's own.

    Args:
        path: the file; see :func:`sqlforge.corpus.rows.read_rows` for the layouts.
        name: what its examples carry as ``source``, and begin their ids with.
        licence: SPDX identifier, if it has one.
        database: a URL or SQLite file that every row asks about.
        dialect: sqlglot's name for the SQL; ``None`` takes the database's, and SQLite without.
        on_bad_row: what to do at a malformed row.

    Returns:
        Rows ``own-000000``, … numbered by their place. The schemas of databases are read once,
        now; only SQLite files can be executed on later.

    Raises:
        DataError: the file or a column is missing, or ``dialect`` is none.
        DatabaseError: a database cannot be read; no password is shown.
    """
    if not path.is_file():
        raise DataError(f"no file {path}", "a file of questions and SQL", "check the 'path'")
    if dialect and Dialect.get(dialect) is None:
        known = ", ".join(sorted(filter(None, Dialect.classes)))
        raise DataError(f"the dialect '{dialect}'", f"one of {known}", "mend it in the recipe")
    databases = {} if database is None else {_db_id(name, database): _database(name, database)}
    if database is None:
        for place in _databases_named(path):
            databases[_db_id(name, place)] = _database(name, place)
    spoken = (dialect,) if dialect else tuple({db.schema.dialect for db in databases.values()})

    def rows(skipped: list[SkippedRow]) -> Iterator[RawRow]:
        for position, row in read_rows(path, COLUMNS, on_bad_row=on_bad_row, skipped=skipped):
            place = database or row["database"] or None
            yield RawRow(
                f"{name}-{position:06d}",
                row["question"],
                row["sql"],
                ddl=row["schema"] if place is None else None,
                db_id=None if place is None else _db_id(name, place),
                kind=row["kind"] or None,
            )

    schemas = hashlib.sha256(repr(sorted(map(repr, databases.values()))).encode()).hexdigest()
    digest = f"sha256:{sha256(path)}, schemas sha256:{schemas}"
    dialects = tuple(sorted(spoken)) or ("sqlite",)
    return Source(name, licence, dialects, digest, rows, databases, count=count_rows(path))


def _databases_named(path: Path) -> list[str]:
    """The distinct values of the column ``database``, in the order of their first rows."""
    found: dict[str, None] = {}
    has_schema = False
    for _, row in read_rows(path, COLUMNS, on_bad_row="skip"):
        if row["database"]:
            found[row["database"]] = None
        has_schema = has_schema or bool(row["schema"])
    if not found and not has_schema:
        check_columns(str(path), COLUMNS.required, Columns((*COLUMNS.required, "schema")))
    return list(found)


def _database(name: str, place: str) -> Database:
    db_id = _db_id(name, place)
    if "://" not in place:
        file = Path(place).expanduser().absolute()
        return Database(db_id, schema_from_sqlite(file), file)
    schema = schema_from_url(place)
    local = place.removeprefix("sqlite:///") if place.startswith("sqlite:///") else None
    return Database(db_id, schema, Path(local).absolute() if local else None)


def _db_id(name: str, place: str) -> str:
    """A short id that no other source uses and that shows no password."""
    bare = without_password(place)
    stem = bare.rstrip("/").rpartition("/")[2].partition("?")[0].removesuffix(".sqlite")
    return f"{name}-{stem or 'db'}-{hashlib.sha256(bare.encode()).hexdigest()[:6]}"
