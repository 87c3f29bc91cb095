"""Whose column a query names: aliases resolved, double-quoted strings told from names."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Schema

ColumnKey = tuple[str, str]
"""Table and column, lower case."""


def column_key(column: exp.Column, schema: Schema) -> ColumnKey | None:
    """The table and column that ``column`` reads; ``None`` if it is no column of the schema.

    Scopes are searched from the inside out, as SQL does; a name that several tables of one scope
    hold belongs to the first of them.

    >>> import sqlglot
    >>> from sqlforge.core.schema import Column, Table
    >>> schema = Schema((Table("shop", (Column("City", "TEXT"),)),))
    >>> tree = sqlglot.parse_one('SELECT a.city FROM shop AS a WHERE a.city = "Oslo"')
    >>> [column_key(c, schema) for c in tree.find_all(exp.Column)]
    [('shop', 'city'), ('shop', 'city'), None]
    """
    name, owner = column.name.lower(), column.table.lower()
    scope = column.find_ancestor(exp.Select)
    while scope is not None:
        for alias, table in scope_tables(scope):
            found = schema.table(table)
            if owner in ("", alias) and found is not None and found.column(name) is not None:
                return found.name.lower(), name
        scope = scope.find_ancestor(exp.Select)
    return None


def scope_tables(select: exp.Select) -> Iterator[tuple[str, str]]:
    """Alias and table of everything named in FROM and JOIN, both lower case."""
    sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
    for source in sources:
        table = source.this if source is not None else None
        if isinstance(table, exp.Table):
            yield (table.alias or table.name).lower(), table.name.lower()


def literal_value(node: exp.Expr, schema: Schema) -> SqlValue:
    """The constant that ``node`` stands for; ``None`` if it is not one.

    >>> import sqlglot
    >>> [literal_value(sqlglot.parse_one(s), Schema(())) for s in ("-2", "2.5", "'a'", "b")]
    [-2, 2.5, 'a', None]
    """
    if isinstance(node, exp.Paren):
        return literal_value(node.this, schema)
    if isinstance(node, exp.Neg):
        inner = literal_value(node.this, schema)
        return -inner if isinstance(inner, int | float) else None
    if isinstance(node, exp.Literal):
        return node.this if node.is_string else _number(node.this)
    if isinstance(node, exp.Column) and not node.table and node.this.args.get("quoted"):
        return node.name if column_key(node, schema) is None else None
    return None


def _number(text: str) -> SqlValue:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
