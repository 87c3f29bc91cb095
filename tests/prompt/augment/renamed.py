"""A database under new names, made by SQLite's own ALTER TABLE and not by the code under test."""

from __future__ import annotations

import sqlite3

from sqlforge.core.schema import Schema
from sqlforge.prompt.augment.sql_names import Renaming


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def renamed_copy(
    original: sqlite3.Connection, schema: Schema, renaming: Renaming
) -> sqlite3.Connection:
    """An in-memory copy of ``original`` in which everything has its new name."""
    copy = sqlite3.connect(":memory:")
    copy.text_factory = lambda raw: raw.decode("utf-8", "ignore")
    original.backup(copy)
    copy.execute("PRAGMA legacy_alter_table = ON")
    steps: list[tuple[str, str, str]] = []
    for table in schema.tables:
        # By way of names that nothing has, since new and old names may overlap.
        for number, column in enumerate(table.columns):
            steps.append((table.name, column.name, f"between_{number}"))
        for number, column in enumerate(table.columns):
            steps.append((table.name, f"between_{number}", renaming.column(column.name)))
    for owner, old, new in steps:
        copy.execute(f"ALTER TABLE {quoted(owner)} RENAME COLUMN {quoted(old)} TO {quoted(new)}")
    names = [(table.name, f"between_{i}") for i, table in enumerate(schema.tables)]
    names += [(f"between_{i}", renaming.table(t.name)) for i, t in enumerate(schema.tables)]
    for old, new in names:
        copy.execute(f"ALTER TABLE {quoted(old)} RENAME TO {quoted(new)}")
    return copy


def outcome(connection: sqlite3.Connection, sql: str) -> list[tuple[object, ...]] | str:
    """The rows of a query, or "fails"."""
    try:
        return connection.execute(sql).fetchall()
    except sqlite3.Error:
        return "fails"
