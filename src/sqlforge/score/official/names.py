"""The names that a query may use, and which columns count as one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database
from sqlforge.core.schema import Schema
from sqlforge.database.readonly import connect


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """Lower-case names of one database; equal only to itself, so that it can be a cheap key.

    ``columns`` are each table's; ``known`` every table, every ``table.column`` and ``*``;
    ``same`` maps a column that takes part in a foreign key to the one that stands for all of
    its like.
    """

    columns: Mapping[str, frozenset[str]]
    known: frozenset[str]
    same: Mapping[str, str]


def names_of(database: Database) -> Names:
    """The names of ``database``: of its file's tables (not views), else of its schema.

    Raises :class:`DatabaseError` if the file cannot be read.

    >>> from sqlforge.core.schema import Column, ForeignKey, Table
    >>> key = ForeignKey(("ShopId",), "shop", ("Id",))
    >>> shop = Table("shop", (Column("Id", ""),))
    >>> sale = Table("sale", (Column("ShopId", ""),), (key,))
    >>> names_of(Database("d", Schema((shop, sale)))).same
    {'shop.id': 'shop.id', 'sale.shopid': 'shop.id'}
    """
    try:
        stamp = 0 if database.path is None else database.path.stat().st_mtime_ns
    except OSError as error:
        raise DatabaseError(
            f"{database.path} ({error.strerror})", "a SQLite file", "check the path"
        ) from error
    return _names(database, stamp)


@lru_cache(maxsize=512)
def _names(database: Database, _stamp: int) -> Names:
    schema = database.schema
    if database.path is None:
        pairs = [(table.name, column.name) for table in schema.tables for column in table.columns]
    else:
        pairs = _read(database.path)
    columns: dict[str, set[str]] = {}
    for table, column in pairs:
        columns.setdefault(table.lower(), set()).add(column.lower())
    known = {"*", *columns, *(f"{table}.{c}" for table, own in columns.items() for c in own)}
    keys = _keys(schema) if database.listed_keys is None else database.listed_keys
    return Names(
        {table: frozenset(own) for table, own in columns.items()},
        frozenset(known),
        _representatives(keys, schema),
    )


def _read(path: Path) -> list[tuple[str, str]]:
    try:
        connection = connect(str(path))
        try:
            return connection.execute(
                "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c "
                "WHERE m.type = 'table'"
            ).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise DatabaseError(
            f"{path} ({error})", "a readable SQLite database", "fetch it again"
        ) from error


def _keys(schema: Schema) -> list[tuple[str, str]]:
    return [
        (f"{table.name}.{own}", f"{key.ref_table}.{other}")
        for table in schema.tables
        for key in table.foreign_keys
        for own, other in zip(key.columns, key.ref_columns, strict=False)
    ]


def _representatives(keys: Iterable[tuple[str, str]], schema: Schema) -> dict[str, str]:
    """Each column of a foreign key to the first column, in the schema's order, of its set.

    A key joins the first set that holds one of its ends. Two sets that a later key would connect
    stay two, as they do in the official evaluator.
    """
    order = {
        f"{table.name}.{column.name}".lower(): None
        for table in schema.tables
        for column in table.columns
    }
    rank = {name: place for place, name in enumerate(order)}
    sets: list[set[str]] = []
    for pair in keys:
        ends = {name.lower() for name in pair}
        if not ends <= rank.keys():
            continue
        for known in sets:
            if known & ends:
                known |= ends
                break
        else:
            sets.append(ends)
    return {
        name: min(some, key=rank.__getitem__)
        for some in sets
        for name in sorted(some, key=rank.__getitem__)
    }
