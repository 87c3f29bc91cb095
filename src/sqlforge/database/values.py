"""The text values that a database holds, for finding the ones a question mentions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database, SqlValue
from sqlforge.database.readonly import connect

_LONGEST_SAMPLE = 40  # characters
_ROWS_SAMPLED = 10_000  # looked at for sample values: enough, and quick in any table
MAX_CHARACTERS = 80  # a longer text is prose, and no question quotes it whole


def distinct_text_values(
    database: Database, *, limit_per_column: int = 5000
) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Distinct non-empty texts of at most 80 characters by ``(table, column)``, sorted.

    Columns without such values are left out, as are columns that the file lacks; a database
    without rows gives an empty mapping. Of a column with more than ``limit_per_column`` values
    the first in binary order are read. Raises :class:`DatabaseError` if the file cannot be read.

    >>> from sqlforge.core.schema import Schema
    >>> distinct_text_values(Database("empty", Schema(())))
    {}
    """
    if database.path is None:
        return {}
    with _opened(database) as connection:
        return _read(connection, database, limit_per_column)


def sample_values(database: Database, count: int) -> Mapping[tuple[str, str], tuple[SqlValue, ...]]:
    """Up to ``count`` distinct values of each column by lower-case ``(table, column)``.

    They are the first that the file holds, NULL, empty, binary and texts of more than 40
    characters aside. Raises :class:`DatabaseError` if the file cannot be read.

    >>> from sqlforge.core.schema import Schema
    >>> sample_values(Database("empty", Schema(())), 3)
    {}
    """
    if database.path is None:
        return {}
    found: dict[tuple[str, str], tuple[SqlValue, ...]] = {}
    with _opened(database) as connection:
        for table in database.schema.tables:
            for column in table.columns:
                name, owner = _quoted(column.name), _quoted(table.name)
                query = (
                    f"SELECT DISTINCT {name} COLLATE BINARY FROM (SELECT {name} FROM {owner} "
                    f"LIMIT {_ROWS_SAMPLED}) WHERE typeof({name}) IN ('text', 'integer', 'real') "
                    f"AND length({name}) BETWEEN 1 AND {_LONGEST_SAMPLE} LIMIT ?"
                )
                rows = _rows(connection, database, query, count)
                if rows:
                    place = table.name.lower(), column.name.lower()
                    found[place] = tuple(value for (value,) in rows)
    return found


@contextmanager
def _opened(database: Database) -> Iterator[sqlite3.Connection]:
    try:
        connection = connect(str(database.path))
    except sqlite3.Error as error:
        raise DatabaseError(
            f"{database.path} ({error})", "a readable SQLite database", "check the path"
        ) from error
    try:
        yield connection
    finally:
        connection.close()


def _rows(
    connection: sqlite3.Connection, database: Database, query: str, limit: int
) -> list[tuple[SqlValue, ...]]:
    """The rows of a query over one column; none where the file lacks what the schema tells of."""
    try:
        return connection.execute(query, (limit,)).fetchall()
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            return []
        raise DatabaseError(
            f"{database.path} ({error})", "a readable database", "check the file"
        ) from error


def _read(
    connection: sqlite3.Connection, database: Database, limit: int
) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for table in database.schema.tables:
        for column in table.columns:
            # Brackets of another kind would not do: SQLite takes unknown "names" for strings.
            name, owner = _quoted(column.name), _quoted(table.name)
            query = (
                f"SELECT DISTINCT {name} COLLATE BINARY AS v FROM {owner} WHERE typeof({name}) "
                f"= 'text' AND length({name}) BETWEEN 1 AND {MAX_CHARACTERS} ORDER BY v LIMIT ?"
            )
            rows = _rows(connection, database, query, limit)
            if texts := tuple(dict.fromkeys(str(text) for (text,) in rows if text)):
                found[table.name, column.name] = texts
    return found


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
