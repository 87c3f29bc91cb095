"""What of a schema is shown, and what is said about each of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlforge.core.config import SchemaFormName
from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Column, Table

Samples = Mapping[tuple[str, str], Sequence[SqlValue]]
"""Values of a column by (table, column), both in lower case."""


@dataclass(frozen=True, slots=True)
class SchemaLook:
    """How a schema is spelled; see :class:`sqlforge.core.config.PromptPart`."""

    form: SchemaFormName = "compact"
    descriptions: bool = False
    foreign_keys: bool = True
    samples: Samples = field(default_factory=dict)

    def of_table(self, table: Table) -> str:
        """What is said about a table; empty if nothing is."""
        return _one_line(table.description) if self.descriptions else ""

    def of_column(self, table: Table, column: Column) -> str:
        """The column's description, if it is to be shown."""
        return _one_line(column.description) if self.descriptions else ""

    def values(self, table: Table, column: Column) -> str:
        """Sample values as SQL literals, comma-separated; empty if there are none.

        >>> look = SchemaLook(samples={("shop", "city"): ("Bath", "Ayr", 3)})
        >>> look.values(Table("Shop", ()), Column("City", "TEXT"))
        "'Bath', 'Ayr', 3"
        """
        found = self.samples.get((table.name.lower(), column.name.lower()), ())
        shown = (literal(value) for value in found)
        return ", ".join(text for text in shown if text.isprintable())

    def note(self, table: Table, column: Column) -> str:
        """Description and sample values of a column as one comment; empty if there are none."""
        values = self.values(table, column)
        parts = [self.of_column(table, column), f"such as {values}" if values else ""]
        return "; ".join(part for part in parts if part)


def literal(value: SqlValue) -> str:
    """A value as a SQL literal, blanks at its ends included.

    >>> literal("it's"), literal(2.5), literal(b"x")
    ("'it''s'", '2.5', "x'78'")
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return "NULL" if value is None else str(value)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
