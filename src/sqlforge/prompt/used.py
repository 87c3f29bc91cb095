"""The part of a schema that a query uses, as sql-create-context shows it."""

from __future__ import annotations

from dataclasses import replace

from sqlforge.core.schema import Schema, Table
from sqlforge.prompt.augment.sql_names import find_names


def used_schema(schema: Schema, sql: str, keep: frozenset[str] = frozenset()) -> Schema:
    """The tables and columns that ``sql`` names, and the tables in ``keep`` whole.

    A column's name counts in every table that the query uses and that has it. A table of which no
    column is named (``SELECT count(*)``) or all are (``*``) keeps all. The whole schema comes back
    where the query's names cannot be told with certainty, or none of its tables is known.

    >>> from sqlforge.core.schema import Column
    >>> shop = Schema((Table("shop", (Column("id", "INT"), Column("city", "TEXT"))),
    ...                Table("sale", (Column("no", "INT"),))))
    >>> [(t.name, [c.name for c in t.columns])
    ...  for t in used_schema(shop, "SELECT city FROM shop").tables]
    [('shop', ['city'])]
    """
    uses = find_names(sql, schema)
    if uses is None:
        return schema
    tables = {use.name.lower() for use in uses if use.kind == "table"}
    columns = {use.name.lower() for use in uses if use.kind == "column"}
    everything = _selects_everything(sql)
    shown: list[Table] = []
    for table in schema.tables:
        if table.name in keep:
            shown.append(table)
        elif table.name.lower() in tables:
            named = tuple(c for c in table.columns if c.name.lower() in columns)
            shown.append(table if everything or not named else replace(table, columns=named))
    if not any(table.name.lower() in tables for table in shown):
        return schema
    return replace(schema, tables=tuple(_without_loose_keys(table, shown) for table in shown))


def _selects_everything(sql: str) -> bool:
    # Also inside count(*): then nothing is lost but brevity, since the star names no column.
    return "*" in sql.replace("count(*)", "").replace("COUNT(*)", "")


def _without_loose_keys(table: Table, shown: list[Table]) -> Table:
    """``table`` without the foreign keys one of whose ends is not shown."""
    by_name = {other.name.lower(): other for other in shown}
    kept = []
    for key in table.foreign_keys:
        target = by_name.get(key.ref_table.lower())
        ends = target is not None and all(target.column(name) for name in key.ref_columns)
        if ends and all(table.column(name) for name in key.columns):
            kept.append(key)
    return replace(table, foreign_keys=tuple(kept))
