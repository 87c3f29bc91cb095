"""Data sets as a run keeps them: examples as JSONL, schemas and database paths beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlforge.core.files import read_jsonl, write_jsonl
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, ForeignKey, Schema, Table


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """One example a line; see :func:`read_examples`."""
    write_jsonl(path, (asdict(example) for example in examples))


def read_examples(path: Path) -> list[Example]:
    """What :func:`write_examples` wrote, in its order."""
    return [Example(**row) for row in read_jsonl(path)]


def write_databases(path: Path, databases: Mapping[str, Database]) -> None:
    """One database a line; files inside the folder of ``path`` are named relative to it."""
    write_jsonl(path, (_row(database, path.parent) for database in databases.values()))


def read_databases(path: Path) -> dict[str, Database]:
    """What :func:`write_databases` wrote, by ``db_id``."""
    return {row["db_id"]: _database(row, path.parent) for row in read_jsonl(path)}


def _row(database: Database, folder: Path) -> dict[str, Any]:
    path = database.path
    if path is not None and path.is_relative_to(folder):
        path = path.relative_to(folder)
    return {
        "db_id": database.db_id,
        "path": None if path is None else path.as_posix(),
        "schema": asdict(database.schema),
        "listed_keys": database.listed_keys,
    }


def _database(row: dict[str, Any], folder: Path) -> Database:
    tables = tuple(_table(table) for table in row["schema"]["tables"])
    path = None if row["path"] is None else folder / row["path"]
    keys = row.get("listed_keys")
    listed = None if keys is None else tuple((own, other) for own, other in keys)
    return Database(row["db_id"], Schema(tables, row["schema"]["dialect"]), path, listed)


def _table(row: dict[str, Any]) -> Table:
    return Table(
        name=row["name"],
        columns=tuple(Column(**column) for column in row["columns"]),
        foreign_keys=tuple(
            ForeignKey(tuple(key["columns"]), key["ref_table"], tuple(key["ref_columns"]))
            for key in row["foreign_keys"]
        ),
        description=row["description"],
    )
