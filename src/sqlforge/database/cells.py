"""The texts in a database's cells, read within bounds, for finding the ones a question names."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from sqlforge.core.schema import Column
from sqlforge.database.readers import VALUES, Readers
from sqlforge.database.sample import is_secret
from sqlforge.database.values import MAX_CHARACTERS

ROWS = 20_000  # of a table that are looked at
_TEXT = re.compile(r"char|text|clob|string|enum", re.I)
_NO_TEXT = re.compile(r"int|real|floa|doub|dec|num|blob|bool", re.I)


@dataclass(frozen=True, slots=True)
class Cells:
    """Distinct texts by (table, column), and of how many of the text columns they were read."""

    values: Mapping[tuple[str, str], tuple[str, ...]]
    read: int
    columns: int


def read_cells(readers: Readers, seconds: float = 3.0) -> Cells:
    """Read up to 5,000 distinct texts a column, out of its table's first 20,000 rows.

    Passwords, tokens and their like are not read, nor texts of more than 80 characters. Once
    ``seconds`` have gone by the columns that are left are left out.
    """
    dialect, end = readers.place.dialect, time.monotonic() + seconds
    wanted = [
        (table.name, column.name)
        for table in readers.schema.tables
        for column in table.columns
        if _holds_text(column, dialect)
    ]
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    read = 0
    for table, column in wanted:
        if time.monotonic() > end:
            break
        texts = readers.values(_distinct(table, column, dialect))
        read += 1
        if kept := tuple(sorted({text for text in texts if isinstance(text, str) and text})):
            found[table, column] = kept
    return Cells(found, read, len(wanted))


def _holds_text(column: Column, dialect: str) -> bool:
    if is_secret(column.name):
        return False
    if dialect == "sqlite":  # whose types promise nothing
        return not _NO_TEXT.search(column.type)
    return bool(_TEXT.search(column.type))


def _distinct(table: str, column: str, dialect: str) -> str:
    name, owner = (
        exp.to_identifier(part, quoted=True).sql(dialect=dialect) for part in (column, table)
    )
    if dialect == "sqlite":
        text, extra = name, f"typeof({name}) = 'text' AND "
    else:
        text, extra = f"CAST({name} AS {'CHAR' if dialect == 'mysql' else 'TEXT'})", ""
    return (
        f"SELECT DISTINCT {text} FROM (SELECT {name} FROM {owner} LIMIT {ROWS}) q "
        f"WHERE {extra}LENGTH({text}) BETWEEN 1 AND {MAX_CHARACTERS} LIMIT {VALUES}"
    )
