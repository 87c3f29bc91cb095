"""Spider's databases: what their files say, and what ``tables.json`` adds to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from sqlforge.core.errors import DatabaseError, DataError
from sqlforge.core.records import Database
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.corpus.files import fields
from sqlforge.database.introspect import schema_from_sqlite


@dataclass(frozen=True, slots=True)
class Entry:
    """One database as ``tables.json`` describes it; positions index ``columns``."""

    db_id: str
    tables: tuple[str, ...]
    spoken_tables: tuple[str, ...]
    columns: tuple[tuple[int, str], ...]
    spoken_columns: tuple[tuple[int, str], ...]
    types: tuple[str, ...]
    primary_keys: frozenset[int]
    foreign_keys: tuple[tuple[int, int], ...]


def entry_of(value: object) -> Entry:
    """An element of ``tables.json``.

    Raises:
        ValueError: it is malformed.
    """
    lists = (
        "table_names_original",
        "table_names",
        "column_names_original",
        "column_names",
        "column_types",
        "primary_keys",
        "foreign_keys",
    )
    db_id = str(fields(value, db_id=str)["db_id"])
    found = fields(value, **dict.fromkeys(lists, list))
    tables, spoken, columns, spoken_columns, types, primary, foreign = (
        cast("list[Any]", found[name]) for name in lists
    )
    try:
        entry = Entry(
            db_id,
            tuple(map(str, tables)),
            tuple(map(str, spoken)),
            tuple((int(table), str(name)) for table, name in columns),
            tuple((int(table), str(name)) for table, name in spoken_columns),
            tuple(map(str, types)),
            # a composite key is a list in later releases of the file
            frozenset(_flat(primary)),
            tuple((int(a), int(b)) for a, b in foreign),
        )
    except (TypeError, ValueError) as fault:
        raise ValueError(f"the description of '{db_id}' is malformed") from fault
    lengths = {len(entry.columns), len(entry.spoken_columns), len(entry.types)}
    positions = [*entry.primary_keys, *(p for pair in entry.foreign_keys for p in pair)]
    lengths.add(len(entry.columns) if len(entry.tables) == len(entry.spoken_tables) else -1)
    if len(lengths) > 1 or any(not 0 <= p < len(columns) for p in positions):
        raise ValueError(f"the lists of '{db_id}' do not fit together")
    return entry


def database_of(entry: Entry, files: Path | None) -> Database:
    """A database, with its file in ``files`` where there is one.

    Raises:
        DataError: the file cannot be read.
    """
    path = files / entry.db_id / f"{entry.db_id}.sqlite" if files else None
    names = [
        f"{entry.tables[table]}.{name}" if table >= 0 else "*" for table, name in entry.columns
    ]
    keys = tuple((names[a], names[b]) for a, b in entry.foreign_keys)
    if path is None or not path.is_file():
        return Database(entry.db_id, _schema_of_entry(entry), None, keys)
    return Database(entry.db_id, _schema_of_file(entry, path), path, keys)


def _flat(keys: list[Any]) -> Iterator[int]:
    for key in keys:
        yield from map(int, key if isinstance(key, list) else [key])


def _schema_of_entry(entry: Entry) -> Schema:
    tables = []
    aligned = _spoken_names_fit(entry)
    for number, name in enumerate(entry.tables):
        places = [i for i, (table, _) in enumerate(entry.columns) if table == number]
        columns = tuple(
            Column(
                entry.columns[i][1],
                entry.types[i],
                i in entry.primary_keys,
                _description(entry.columns[i][1], entry.spoken_columns[i][1]) if aligned else None,
            )
            for i in places
        )
        keys = tuple(
            ForeignKey(
                (entry.columns[a][1],), entry.tables[entry.columns[b][0]], (entry.columns[b][1],)
            )
            for a, b in entry.foreign_keys
            if a in places
        )
        spoken = _description(name, entry.spoken_tables[number]) if aligned else None
        tables.append(Table(name, columns, keys, spoken))
    return Schema(tuple(tables))


def _spoken_names_fit(entry: Entry) -> bool:
    """Whether the spoken names stand in the order of the tables (in ``store_1`` they do not)."""
    plain = [name.lower().replace("_", " ") for name in entry.tables]
    return all(
        spoken.lower() == name or spoken.lower() not in plain
        for spoken, name in zip(entry.spoken_tables, plain, strict=True)
    )


def _schema_of_file(entry: Entry, path: Path) -> Schema:
    """Names, types and keys from the file, descriptions and the order from ``tables.json``."""
    told = _schema_of_entry(entry)
    places = {table.name.lower(): place for place, table in enumerate(told.tables)}
    tables = [_described(table, told.table(table.name)) for table in _tables_of(path)]
    return Schema(tuple(sorted(tables, key=lambda t: places.get(t.name.lower(), len(places)))))


def _tables_of(path: Path) -> tuple[Table, ...]:
    try:
        return schema_from_sqlite(path).tables
    except DatabaseError as fault:
        raise DataError(fault.got, fault.expected, "fetch the databases again") from fault


def _described(table: Table, told: Table | None) -> Table:
    if told is None:
        return table
    columns = []
    for column in table.columns:
        known = told.column(column.name)
        columns.append(replace(column, description=known.description) if known else column)
    return replace(table, columns=tuple(columns), description=told.description)


def _description(spelling: str, spoken: str) -> str | None:
    """What people say, where it differs from the spelling by more than case and underscores."""
    spoken = " ".join(spoken.split())
    return spoken if spoken and spoken != spelling.lower().replace("_", " ").strip() else None
