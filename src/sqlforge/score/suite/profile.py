"""What a database's tables look like: the constraints and values that its instances keep to."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database, SqlValue
from sqlforge.core.schema import Table
from sqlforge.database.readonly import connect
from sqlforge.score.suite.hints import Hints
from sqlforge.score.suite.names import ColumnKey

Kind = Literal["integer", "real", "text", "number text", "date text", "bytes"]
Row = tuple[SqlValue, ...]

MAX_READ = 25_000  # rows of a table that are looked at
MAX_KEPT = 200  # rows and distinct values that are remembered
NATURAL_ROWS = 100  # a text column without any value twice in so many rows is a key
_CLOSED_VALUES, _CLOSED_ROWS = 3, 12
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2})?)?\Z")
_NUMBER = re.compile(r"-?\d+(\.\d+)?\Z")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column: the ``kind`` of value that it holds, values seen, and what it must keep to.

    ``closed`` is an enumeration such as ``'F'``, ``'M'``: no other values are made up.
    """

    key: ColumnKey
    name: str
    kind: Kind
    values: tuple[SqlValue, ...]
    nullable: bool
    closed: bool
    max_length: int | None
    declared: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """``columns`` of ``table`` hold only what ``ref_columns`` of ``ref_table`` hold."""

    table: str
    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableProfile:
    """One table: insertable columns, keys (lower-case names), links to parents, sample rows."""

    name: str
    columns: tuple[ColumnProfile, ...]
    keys: tuple[tuple[str, ...], ...]
    links: tuple[Link, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class DatabaseProfile:
    """Tables with parents before children, and the statements that make them anew."""

    tables: tuple[TableProfile, ...]
    statements: tuple[str, ...]


def profile_database(database: Database, hints: Hints) -> DatabaseProfile:
    """Read the tables of ``database.schema`` with their constraints and a sample of their rows.

    A column may be NULL in an instance only where NULLs were seen or a query asks for them; a
    column that queries join on and whose values all stand in another table's key is treated as a
    foreign key, declared or not; a table without a key whose rows all differ keeps them so, and
    so does a text column of at least ``NATURAL_ROWS`` rows.

    Raises :class:`DatabaseError` if the file cannot be read.
    """
    try:
        connection = connect(str(database.path))
        try:
            return _read(connection, database, hints)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DatabaseError(
            f"{database.path} ({error})", "a readable SQLite database", "check the file"
        ) from error


@dataclass(frozen=True, slots=True)
class _Raw:
    table: Table
    names: tuple[str, ...]
    types: tuple[str, ...]
    not_null: frozenset[str]
    keys: tuple[tuple[str, ...], ...]
    rows: list[Row]

    def column(self, name: str) -> list[SqlValue]:
        position = [n.lower() for n in self.names].index(name)
        return [row[position] for row in self.rows]


def _read(connection: sqlite3.Connection, database: Database, hints: Hints) -> DatabaseProfile:
    wanted = {table.name.lower() for table in database.schema.tables}
    listed = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND type <> 'trigger' ORDER BY rowid"
    ).fetchall()
    virtual = {name.lower() for _, name, _, sql in listed if sql.upper().startswith("CREATE VIRT")}
    real = {name.lower() for kind, name, _, _ in listed if kind == "table"} - virtual
    raws = {
        table.name.lower(): _raw(connection, table)
        for table in database.schema.tables
        if table.name.lower() in real
    }
    links = _links(raws, hints)
    order = _parents_first(raws, links)
    statements = [
        sql
        for kind, name, owner, sql in listed
        if (kind == "view" and name.lower() in wanted) or owner.lower() in raws
    ]
    return DatabaseProfile(
        tuple(_table(raws[name], links[name], links, hints) for name in order), tuple(statements)
    )


def _raw(connection: sqlite3.Connection, table: Table) -> _Raw:
    info = connection.execute(
        'SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?) WHERE hidden = 0',
        (table.name,),
    ).fetchall()
    names = tuple(row[0] for row in info)
    listed = ", ".join(_quoted(name) for name in names)
    rows = connection.execute(f"SELECT {listed} FROM {_quoted(table.name)} LIMIT {MAX_READ}")
    primary = tuple(n.lower() for n, _, _, pk in sorted(info, key=lambda r: r[3]) if pk)
    keys = [primary] if primary else []
    unique = connection.execute(
        'SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial', (table.name,)
    ).fetchall()
    for (index,) in unique:
        parts = connection.execute("SELECT name FROM pragma_index_info(?)", (index,)).fetchall()
        if all(name is not None for (name,) in parts):  # an index on an expression has none
            keys.append(tuple(name.lower() for (name,) in parts))
    return _Raw(
        table,
        names,
        tuple(row[1] for row in info),
        frozenset(row[0].lower() for row in info if row[2] or row[3]),
        tuple(dict.fromkeys(keys)),
        rows.fetchall(),
    )


def _links(raws: Mapping[str, _Raw], hints: Hints) -> dict[str, tuple[Link, ...]]:
    found: dict[str, list[Link]] = {name: [] for name in raws}
    for name, raw in raws.items():
        own = {n.lower() for n in raw.names}
        for key in raw.table.foreign_keys:
            link = Link(
                name,
                tuple(c.lower() for c in key.columns),
                key.ref_table.lower(),
                tuple(c.lower() for c in key.ref_columns),
            )
            parent = raws.get(link.ref_table)
            theirs = {n.lower() for n in parent.names} if parent else set()
            fits = len(link.columns) == len(link.ref_columns) and own >= set(link.columns)
            if fits and theirs >= set(link.ref_columns) and link not in found[name]:
                found[name].append(link)
    for pair in hints.equal:
        for child, parent_key in (pair, pair[::-1]):
            if child[0] in raws and parent_key[0] in raws and _implied(child, parent_key, raws):
                linked = {c for link in found[child[0]] for c in link.columns}
                back = {link.ref_table for link in found[parent_key[0]]}
                if child[1] not in linked and child[0] not in back:
                    found[child[0]].append(
                        Link(child[0], (child[1],), parent_key[0], (parent_key[1],))
                    )
    return {name: tuple(links) for name, links in found.items()}


def _implied(child: ColumnKey, parent: ColumnKey, raws: Mapping[str, _Raw]) -> bool:
    if child[0] == parent[0] or (parent[1],) not in raws[parent[0]].keys:
        return False
    held = {str(v) for v in raws[child[0]].column(child[1]) if v is not None}
    return bool(held) and held <= {str(v) for v in raws[parent[0]].column(parent[1])}


def _parents_first(raws: Mapping[str, _Raw], links: Mapping[str, Sequence[Link]]) -> list[str]:
    order: list[str] = []
    waiting = list(raws)
    while waiting:
        free = [
            name
            for name in waiting
            if all(link.ref_table in (*order, name) for link in links[name])
        ]
        chosen = free or waiting[:1]  # a circle of references starts somewhere
        order.extend(chosen)
        waiting = [name for name in waiting if name not in chosen]
    return order


def _table(
    raw: _Raw, own: tuple[Link, ...], links: Mapping[str, Sequence[Link]], hints: Hints
) -> TableProfile:
    name = raw.table.name.lower()
    referred = [
        link.ref_columns for many in links.values() for link in many if link.ref_table == name
    ]
    keys = [*raw.keys, *(key for key in referred if _all_differ(raw, key)), *_natural_keys(raw)]
    everything = tuple(n.lower() for n in raw.names)
    if not keys and _all_differ(raw, everything):
        keys.append(everything)
    step = max(1, len(raw.rows) // MAX_KEPT)
    in_key = {name for key in keys if len(key) < len(everything) for name in key}
    columns = tuple(
        _column(raw, position, hints, raw.names[position].lower() in in_key)
        for position in range(len(raw.names))
    )
    return TableProfile(
        raw.table.name, columns, tuple(dict.fromkeys(keys)), own, tuple(raw.rows[::step])
    )


def _natural_keys(raw: _Raw) -> Iterator[tuple[str, ...]]:
    """Text columns of long tables in which no value occurs twice: names of countries, codes."""
    if len(raw.rows) < NATURAL_ROWS:
        return
    for name in raw.names:
        values = raw.column(name.lower())
        if all(isinstance(v, str) and v for v in values) and len(set(values)) == len(values):
            yield (name.lower(),)


def _all_differ(raw: _Raw, key: Sequence[str]) -> bool:
    values = list(zip(*(raw.column(name) for name in key), strict=True))
    return len(set(values)) == len(values)


def _column(raw: _Raw, position: int, hints: Hints, in_key: bool) -> ColumnProfile:
    name, declared = raw.names[position], raw.types[position]
    key = (raw.table.name.lower(), name.lower())
    held = [row[position] for row in raw.rows]
    values = list(dict.fromkeys(value for value in held if value is not None))
    step = max(1, len(values) // MAX_KEPT)
    length = re.search(r"char\w*\s*\(\s*(\d+)", declared, re.IGNORECASE)
    may = name.lower() not in raw.not_null and not in_key
    return ColumnProfile(
        key,
        name,
        _kind(values, declared),
        tuple(values[::step]),
        may and (None in held or key in hints.nulls),
        len(values) <= _CLOSED_VALUES and len(held) >= _CLOSED_ROWS and bool(values),
        int(length.group(1)) if length else None,
        declared,
    )


def _kind(values: Sequence[SqlValue], declared: str) -> Kind:
    if not values:
        return _kind_of_type(declared.upper())
    if all(isinstance(value, int) for value in values):
        return "integer"
    if all(isinstance(value, int | float) for value in values):
        return "real"
    texts = [value for value in values if isinstance(value, str)]
    if not texts:
        return "bytes"
    if 2 * sum(bool(_DATE.match(text)) for text in texts) > len(values):
        return "date text"
    numbers = sum(bool(_NUMBER.match(text)) for text in texts)
    return "number text" if 10 * numbers > 9 * len(values) else "text"


def _kind_of_type(declared: str) -> Kind:
    if "DATE" in declared or "TIME" in declared:
        return "date text"
    if "INT" in declared or "BOOL" in declared:
        return "integer"
    if any(word in declared for word in ("REAL", "FLOA", "DOUB", "DEC", "NUM")):
        return "real"
    return "text"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
