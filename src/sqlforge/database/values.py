"""The text values that a database holds, for finding the ones a question mentions."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database
from sqlforge.database.readonly import connect

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
    try:
        connection = connect(str(database.path))
    except sqlite3.Error as error:
        raise DatabaseError(
            f"{database.path} ({error})", "a readable SQLite database", "check the path"
        ) from error
    try:
        return _read(connection, database, limit_per_column)
    finally:
        connection.close()


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
            try:
                rows = connection.execute(query, (limit,)).fetchall()
            except sqlite3.OperationalError as error:
                if "no such" in str(error):  # described in the schema, missing in the file
                    continue
                raise DatabaseError(
                    f"{database.path} ({error})", "a readable database", "check the file"
                ) from error
            if texts := tuple(dict.fromkeys(text for (text,) in rows if text)):
                found[table.name, column.name] = texts
    return found


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
