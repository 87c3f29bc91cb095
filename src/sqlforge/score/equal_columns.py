"""Columns that an inner join makes equal, so that any of them may be selected or grouped by."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from sqlforge.core.schema import Schema

Pair = tuple[exp.Column, exp.Column]


def equal_columns(
    select: exp.Select, conditions: Sequence[exp.Expr], schema: Schema | None
) -> list[list[Pair]]:
    """The equalities among ``conditions`` of a SELECT, grouped by the columns that they tie.

    Columns of different declared types are left out: ``1`` and ``'1'`` may be joined and are
    shown differently.

    >>> import sqlglot
    >>> tree = sqlglot.parse_one("SELECT 1 FROM t, u, v WHERE t.a = u.a AND v.b = u.a")
    >>> equalities = list(tree.find_all(sqlglot.exp.EQ))
    >>> sorted(len(pairs) for pairs in equal_columns(tree, equalities, None))
    [2]
    """
    groups: list[list[Pair]] = []
    for condition in conditions:
        pair = column_pair(condition)
        if pair is None or not _same_type(pair, select, schema):
            continue
        tied = [group for group in groups if any(set(pair) & set(known) for known in group)]
        groups = [group for group in groups if group not in tied]
        groups.append([*(known for group in tied for known in group), pair])
    return groups


def column_pair(condition: exp.Expr) -> Pair | None:
    """Both sides of ``a.x = b.y``, ``None`` for every other condition."""
    if not isinstance(condition, exp.EQ):
        return None
    left, right = condition.this, condition.expression
    if isinstance(left, exp.Column) and isinstance(right, exp.Column) and left != right:
        return left, right
    return None


def _same_type(pair: Pair, select: exp.Select, schema: Schema | None) -> bool:
    if schema is None:
        return True
    left, right = (_type(column, select, schema) for column in pair)
    return left is not None and left == right


def _type(column: exp.Column, select: exp.Select, schema: Schema) -> str | None:
    sources = [join.this for join in select.args.get("joins") or ()]
    if (first := select.args.get("from_")) is not None:
        sources.append(first.this)
    for source in sources:
        if isinstance(source, exp.Table) and source.alias_or_name == column.table:
            table = schema.table(source.name)
            found = table.column(column.name) if table else None
            return found.type.lower().partition("(")[0].strip() if found else None
    return None
