"""Rows of a database for getting to know it: all of a small table, some of a large one.

No statement scans a large table: whether it is large is found out with LIMIT, and its sample is
taken by seeking in its key, or as the database itself samples. Values that nobody should copy
around (passwords, tokens) and those that no question names (pictures, documents) are not read.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Column, Table
from sqlforge.database.reading import ReadOnlyDatabase

Row = tuple[SqlValue, ...]
COMPLETE_ROWS = 20_000  # a table of at most so many rows is read whole
SCANNED_ROWS = 200_000  # a larger one is not scanned for every question
SAMPLED_ROWS = 4_000
_CELLS = 600_000  # of one table, so that wide tables stay affordable
_CHARACTERS = 500
_RUN = 40  # neighbouring rows read at one place of the key
_SECRET = re.compile(
    r"pass(?:word|wd|phrase)|(?:^|_)pwd|secret|token|api_?key|private_?key|salt$|(?:^|_)hash"
    r"|credential|(?:^|_)cvv|(?:^|_)pin(?:_code)?$|(?:^|_)otp(?:_|$)",
    re.I,
)
_UNREADABLE = re.compile(
    r"blob|binary|bytea|image|json|xml|geo|point|polygon|linestring|vector|array|\[\]|struct|map\("
    r"|hstore|range|interval|union|null$",
    re.I,
)
_TEXT = re.compile(r"char|text|clob|string", re.I)


@dataclass(frozen=True, slots=True)
class TableRows:
    """What was read of one table, columns in declared order, NULL where a value was not read.

    ``complete`` says that no row is missing, ``large`` that the table has more than
    :data:`SCANNED_ROWS` rows (or answers so slowly that it should be treated so).
    """

    table: Table
    rows: tuple[Row, ...]
    complete: bool
    large: bool


@dataclass(frozen=True, slots=True)
class Sampled:
    """The rows of all readable tables, and why the others are missing."""

    tables: tuple[TableRows, ...]
    unreadable: tuple[tuple[str, str], ...]


def sample(
    database: ReadOnlyDatabase,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Sampled:
    """Read rows of every table and view; ``progress`` is called with tables done and to do."""
    found: list[TableRows] = []
    unreadable: list[tuple[str, str]] = []
    for number, table in enumerate(database.schema.tables):
        read = _table(database, table, random.Random(f"{seed}/{table.name}"))
        if isinstance(read, str):
            unreadable.append((table.name, read))
        else:
            found.append(read)
        if progress is not None:
            progress(number + 1, len(database.schema.tables))
    return Sampled(tuple(_with_parents(database, found)), tuple(unreadable))


def is_secret(column: str) -> bool:
    """Whether a column's name says that its values are nobody's business.

    >>> is_secret("password_hash"), is_secret("apiKey"), is_secret("passenger")
    (True, True, False)
    """
    return _SECRET.search(column) is not None


def single_key(table: Table) -> Column | None:
    """The column that alone is the table's primary key."""
    keys = [column for column in table.columns if column.primary_key]
    return keys[0] if len(keys) == 1 else None


def _table(database: ReadOnlyDatabase, table: Table, rng: random.Random) -> TableRows | str:
    limit = max(500, min(COMPLETE_ROWS, _CELLS // max(1, len(table.columns))))
    head = database.run(f"{_select(database, table)} LIMIT {limit + 1}")
    if not head.ok:
        return head.error or str(head.status)
    if len(head.rows) <= limit:
        return TableRows(table, head.rows, True, False)
    beyond = database.run(
        f"SELECT 1 FROM {database.quoted(table.name)} LIMIT 1 OFFSET {SCANNED_ROWS}"
    )
    wanted = min(SAMPLED_ROWS, limit)
    rows = _spread(database, table, rng, wanted) or _thinned(head.rows, wanted)
    return TableRows(table, rows, False, not beyond.ok or bool(beyond.rows))


def _select(database: ReadOnlyDatabase, table: Table) -> str:
    cells = ", ".join(_cell(database, column) for column in table.columns)
    return f"SELECT {cells} FROM {database.quoted(table.name)}"


def _cell(database: ReadOnlyDatabase, column: Column) -> str:
    """The column as it is read: long texts are cut, what must not be read is NULL."""
    name = database.quoted(column.name)
    if is_secret(column.name) or _UNREADABLE.search(column.type):
        return "NULL"
    if database.dialect == "sqlite":  # any value may stand in any column
        return (
            f"CASE typeof({name}) WHEN 'text' THEN substr({name}, 1, {_CHARACTERS})"
            f" WHEN 'blob' THEN NULL ELSE {name} END"
        )
    return f"LEFT({name}, {_CHARACTERS})" if _TEXT.search(column.type) else name


def _spread(
    database: ReadOnlyDatabase, table: Table, rng: random.Random, wanted: int
) -> tuple[Row, ...]:
    """Short runs of rows from all over the table; nothing if it cannot be seeked in."""
    key = single_key(table)
    if database.dialect == "sqlite":
        name = "rowid"
    elif key is not None and re.search(r"int|serial", key.type, re.I):
        name = database.quoted(key.name)
    else:
        return _as_sampled(database, table, wanted)
    source = database.quoted(table.name)
    # One end at a time: asked for both, SQLite scans.
    ends = [database.run(f"SELECT {end}({name}) FROM {source}") for end in ("MIN", "MAX")]
    low, high = (end.rows[0][0] if end.ok and end.rows else None for end in ends)
    if not isinstance(low, int) or not isinstance(high, int):
        return ()
    starts = sorted(rng.randint(low, high) for _ in range(max(1, wanted // _RUN)))
    results = database.run_many(
        f"{_select(database, table)} WHERE {name} >= {start} ORDER BY {name} LIMIT {_RUN}"
        for start in starts
    )
    return tuple(dict.fromkeys(row for result in results for row in result.rows))


def _as_sampled(database: ReadOnlyDatabase, table: Table, wanted: int) -> tuple[Row, ...]:
    """As PostgreSQL and DuckDB sample by blocks; the same blocks every time."""
    share = {"postgres": "TABLESAMPLE SYSTEM ({share:.4f}) REPEATABLE (7)"}.get(database.dialect)
    if database.dialect == "duckdb":
        result = database.run(
            f"SELECT * FROM ({_select(database, table)}) AS q USING SAMPLE reservoir({wanted} ROWS)"
            " REPEATABLE (7)"
        )
        return result.rows if result.ok else ()
    if share is None:
        return ()
    literal = table.name.replace("'", "''")
    counted = database.run(f"SELECT reltuples FROM pg_class WHERE relname = '{literal}'")
    total = counted.rows[0][0] if counted.ok and counted.rows else 0
    if not isinstance(total, int | float) or total < wanted:
        return ()
    clause = share.format(share=min(100.0, 200.0 * wanted / total))
    result = database.run(f"{_select(database, table)} {clause} LIMIT {wanted}")
    return result.rows if result.ok else ()


def _thinned(rows: Sequence[Row], wanted: int) -> tuple[Row, ...]:
    step = max(1, len(rows) // wanted)
    return tuple(rows[::step][:wanted])


def _with_parents(database: ReadOnlyDatabase, tables: Sequence[TableRows]) -> list[TableRows]:
    """Samples completed by the rows that other samples refer to, so that joins find them."""
    found = {read.table.name: read for read in tables}
    for read in tables:
        for link in read.table.foreign_keys:
            parent = found.get(link.ref_table)
            if len(link.columns) != 1 or parent is None or parent.complete:
                continue
            key = single_key(parent.table)
            if key is None or (link.ref_columns and link.ref_columns[0] != key.name):
                continue
            own = found[read.table.name]
            index = _position(own.table, link.columns[0])
            if index is not None:
                wanted = {row[index] for row in own.rows} - {None}
                found[link.ref_table] = _more(database, parent, key, wanted)
    return list(found.values())


def _more(
    database: ReadOnlyDatabase, parent: TableRows, key: Column, wanted: set[SqlValue]
) -> TableRows:
    index = _position(parent.table, key.name)
    assert index is not None
    here = {row[index] for row in parent.rows}
    missing = sorted((v for v in wanted - here if isinstance(v, int | str)), key=str)
    missing = missing[:SAMPLED_ROWS]
    queries = [
        f"{_select(database, parent.table)} WHERE {database.quoted(key.name)} IN ("
        + ", ".join(_literal(value) for value in missing[start : start + 200])
        + ")"
        for start in range(0, len(missing), 200)
    ]
    rows = [row for result in database.run_many(queries) for row in result.rows]
    return replace(parent, rows=(*parent.rows, *rows))


def _literal(value: SqlValue) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def _position(table: Table, column: str) -> int | None:
    names = [c.name.lower() for c in table.columns]
    return names.index(column.lower()) if column.lower() in names else None
