"""Schemas, links and samples with new names."""

from __future__ import annotations

import random
from dataclasses import replace

from sqlforge.core.config import RenameStyle
from sqlforge.core.names import words_of
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.prompt.augment.names import new_names
from sqlforge.prompt.augment.sql_names import Renaming
from sqlforge.prompt.linking import Link


def draw_renaming(schema: Schema, style: RenameStyle, rng: random.Random) -> Renaming:
    """New names for everything in ``schema``.

    Columns that are called alike in several tables stay alike, so that NATURAL and USING join what
    they joined before; names that differ keep differing.
    """
    tables = [table.name for table in schema.tables]
    columns = [column.name for table in schema.tables for column in table.columns]
    return Renaming(
        new_names(tables, style, rng, of_tables=True),
        new_names(columns, style, rng, of_tables=False),
    )


def rename_schema(schema: Schema, renaming: Renaming, *, describe: bool = False) -> Schema:
    """``schema`` with new names; ``describe`` keeps the old ones as descriptions where none is.

    >>> shop = Schema((Table("shop", (Column("cityName", "TEXT"),)),))
    >>> rename_schema(shop, Renaming({"shop": "tbl_1"}, {"cityname": "col_1"}), describe=True)
    Schema(tables=(Table(name='tbl_1', columns=(Column(name='col_1', type='TEXT',
    primary_key=False, description='city name'),), foreign_keys=(), description='shop'),),
    dialect='sqlite')
    """

    def told(description: str | None, name: str) -> str | None:
        return description or (" ".join(words_of(name)) if describe else None)

    def column(old: Column) -> Column:
        name = renaming.column(old.name)
        return replace(old, name=name, description=told(old.description, old.name))

    return replace(
        schema,
        tables=tuple(
            Table(
                renaming.table(table.name),
                tuple(column(old) for old in table.columns),
                tuple(_rename_key(key, renaming) for key in table.foreign_keys),
                told(table.description, table.name),
            )
            for table in schema.tables
        ),
    )


def rename_link(link: Link, renaming: Renaming) -> Link:
    """The same value in the renamed column."""
    return Link(renaming.table(link.table), renaming.column(link.column), link.value)


def _rename_key(key: ForeignKey, renaming: Renaming) -> ForeignKey:
    return ForeignKey(
        tuple(map(renaming.column, key.columns)),
        renaming.table(key.ref_table),
        tuple(map(renaming.column, key.ref_columns)),
    )
