"""A database's schema as plain frozen records, free of any driver."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``type`` is the declared type as the database spells it (may be empty)."""

    name: str
    type: str
    primary_key: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """``columns`` of the owning table refer to ``ref_columns`` of ``ref_table``, pairwise."""

    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its columns in declared order."""

    name: str
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    description: str | None = None

    def column(self, name: str) -> Column | None:
        """The column of that name, compared without case as SQL does; ``None`` if there is none.

        >>> Table("t", (Column("Id", "INTEGER"),)).column("id").name
        'Id'
        """
        wanted = name.lower()
        return next((c for c in self.columns if c.name.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one database; ``dialect`` is sqlglot's name for its SQL."""

    tables: tuple[Table, ...]
    dialect: str = "sqlite"

    def table(self, name: str) -> Table | None:
        """The table of that name, compared without case; ``None`` if there is none.

        >>> Schema((Table("Shop", ()),)).table("SHOP").name
        'Shop'
        """
        wanted = name.lower()
        return next((t for t in self.tables if t.name.lower() == wanted), None)
