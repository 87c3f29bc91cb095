"""The single changes that make a neighbour out of a query."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Schema
from sqlforge.score.suite.names import ColumnKey, column_key, literal_value, scope_tables

Value = exp.Expr | list[exp.Expr] | bool | str | None

COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)
SET_OPERATIONS = (exp.Union, exp.Intersect, exp.Except)
OTHER_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """``parent``'s argument ``slot`` becomes ``value``; without a parent ``value`` is the query."""

    kind: str
    parent: exp.Expr | None
    slot: str
    value: Value


def query_edits(query: exp.Query, schema: Schema) -> Iterator[Edit]:
    """Changes of a whole SELECT or set operation: DISTINCT, LIMIT, the operation, its sides."""
    if isinstance(query, exp.SetOperation):
        for other in SET_OPERATIONS:
            if not isinstance(query, other):
                args = {**query.args, "distinct": True}
                yield swap("set operation", query, other(**_copied(args)))
        if isinstance(query, exp.Union):
            yield Edit("distinct", query, "distinct", not query.args.get("distinct"))
        for side in (query.this, query.expression):
            yield swap("dropped side", query, side.copy())
        yield swap("set operation", query, type(query)(**_copied(query.args, this="expression")))
    elif isinstance(query, exp.Select):
        distinct = None if query.args.get("distinct") else exp.Distinct()
        yield Edit("distinct", query, "distinct", distinct)
    limit = query.args.get("limit")
    if limit is not None:
        yield Edit("limit", query, "limit", None)
        number = literal_value(limit.expression, schema)
        if isinstance(number, int):
            for other_number in (number + 1, max(1, number - 1)):
                yield Edit("limit", limit, "expression", exp.Literal.number(other_number))
    elif query.args.get("order") is not None:
        yield Edit("limit", query, "limit", exp.Limit(expression=exp.Literal.number(1)))


def clause_edits(query: exp.Query, schema: Schema, rng: random.Random) -> Iterator[Edit]:
    """Changes of clauses: dropped WHERE, HAVING, ORDER BY, GROUP BY, joins and their kind."""
    for clause in ("where", "having", "order", "group"):
        if query.args.get(clause) is not None:
            yield Edit(f"dropped {clause}", query, clause, None)
    group = query.args.get("group")
    if group is not None and len(group.expressions) > 1:
        for i in range(len(group.expressions)):
            kept = [e.copy() for j, e in enumerate(group.expressions) if j != i]
            yield Edit("group by", group, "expressions", kept)
    if isinstance(query, exp.Select):
        yield from _join_edits(query)
        yield from _grouping_edits(query, schema, rng)


def expression_edits(
    node: exp.Expr,
    schema: Schema,
    values: Mapping[ColumnKey, tuple[SqlValue, ...]],
    rng: random.Random,
) -> Iterator[Edit]:
    """Changes inside an expression: operators, aggregates, columns, values, directions."""
    if isinstance(node, COMPARISONS) and isinstance(node, exp.Binary):
        yield from _comparison_edits(node)
    elif isinstance(node, exp.Connector):
        other = exp.Or if isinstance(node, exp.And) else exp.And
        yield swap("and/or", node, other(this=node.left.copy(), expression=node.right.copy()))
        for side in (node.left, node.right):
            yield swap("dropped condition", node, side.copy())
    elif isinstance(node, exp.Not):
        yield swap("operator", node, node.this.copy())
    elif isinstance(node, exp.Like | exp.In | exp.Between | exp.Is):
        if not isinstance(node.parent, exp.Not):
            yield swap("operator", node, exp.Not(this=node.copy()))
        if isinstance(node, exp.Between):
            yield from _between_edits(node)
    elif isinstance(node, AGGREGATES):
        yield from _aggregate_edits(node, schema, rng)
    elif isinstance(node, exp.Ordered):
        down = not node.args.get("desc")  # NULLs come first in SQLite unless DESC
        yield swap(
            "order", node, exp.Ordered(this=node.this.copy(), desc=down, nulls_first=not down)
        )
    elif isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div):
        for kind in (exp.Add, exp.Sub, exp.Mul):
            if not isinstance(node, kind):
                sides = {"this": node.left.copy(), "expression": node.right.copy()}
                yield swap("operator", node, kind(**sides))
    elif isinstance(node, exp.Column) and column_key(node, schema) is not None:
        yield from _column_edits(node, schema, rng)
    if literal_value(node, schema) is not None and isinstance(node, exp.Literal | exp.Column):
        yield from _value_edits(node, schema, values, rng)


def swap(kind: str, node: exp.Expr, new: exp.Expr) -> Edit:
    """The edit that puts ``new`` in the place of ``node``."""
    parent = node.parent
    if parent is None:
        return Edit(kind, None, "", new)
    slot = node.arg_key or "this"
    held = parent.args.get(slot)
    if isinstance(held, list):
        return Edit(kind, parent, slot, [new if item is node else item for item in held])
    return Edit(kind, parent, slot, new)


def _copied(args: Mapping[str, object], **renamed: str) -> dict[str, object]:
    """Arguments for a new node; with ``this="expression"`` the two sides change places."""
    found = {
        key: value.copy() if isinstance(value, exp.Expr) else value for key, value in args.items()
    }
    for one, other in renamed.items():
        found[one], found[other] = found[other], found[one]
    return found


def _join_edits(query: exp.Select) -> Iterator[Edit]:
    joins: Sequence[exp.Expr] = query.args.get("joins") or []
    for join in joins:
        side = None if join.args.get("side") else "LEFT"
        yield Edit("join kind", join, "side", side)
        if join.args.get("on") is not None:
            yield Edit("dropped condition", join, "on", None)
        kept = [other.copy() for other in joins if other is not join]
        yield Edit("dropped join", query, "joins", kept)


def _grouping_edits(query: exp.Select, schema: Schema, rng: random.Random) -> Iterator[Edit]:
    """An aggregating query grouped, a listing query given a LIMIT of its first rows."""
    if query.args.get("group") is not None or not query.find(*AGGREGATES):
        return
    columns = [
        exp.column(column.name, table=alias, quoted=True)
        for alias, name in scope_tables(query)
        if (table := schema.table(name)) is not None
        for column in table.columns
    ]
    for column in rng.sample(columns, min(1, len(columns))):
        yield Edit("group by", query, "group", exp.Group(expressions=[column]))


def _comparison_edits(node: exp.Binary) -> Iterator[Edit]:
    joins = isinstance(node.left, exp.Column) and isinstance(node.right, exp.Column)
    others = (exp.NEQ,) if joins else COMPARISONS
    for other in others:
        if type(node) is not other:
            sides = {"this": node.left.copy(), "expression": node.right.copy()}
            yield swap("operator", node, other(**sides))
    if isinstance(node, exp.EQ) and isinstance(node.right, exp.Literal) and node.right.is_string:
        pattern = exp.Literal.string(f"%{node.right.this}%")
        yield swap("operator", node, exp.Like(this=node.left.copy(), expression=pattern))


def _between_edits(node: exp.Between) -> Iterator[Edit]:
    value, low, high = (node.args[name] for name in ("this", "low", "high"))
    for first, second in ((exp.GT, exp.LTE), (exp.GTE, exp.LT), (exp.GTE, None), (None, exp.LTE)):
        parts = [
            kind(this=value.copy(), expression=bound.copy())
            for kind, bound in ((first, low), (second, high))
            if kind is not None
        ]
        yield swap("operator", node, exp.paren(exp.and_(*parts), copy=False))


def _aggregate_edits(node: exp.Expr, schema: Schema, rng: random.Random) -> Iterator[Edit]:
    argument = node.this
    if isinstance(node, exp.Count) and isinstance(argument, exp.Star):
        for column in rng.sample(columns := _own_columns(node, schema), min(3, len(columns))):
            yield Edit("distinct", node, "this", exp.Distinct(expressions=[column]))
        for column in rng.sample(columns, min(2, len(columns))):
            kind = rng.choice((exp.Sum, exp.Max, exp.Min, exp.Avg))
            yield swap("aggregate", node, kind(this=column.copy()))
        return
    if isinstance(argument, exp.Distinct):
        bare = argument.expressions[0]
        yield Edit("distinct", node, "this", bare.copy())
    else:
        bare = argument
        if isinstance(node, exp.Count | exp.Sum | exp.Avg):
            yield Edit("distinct", node, "this", exp.Distinct(expressions=[bare.copy()]))
    for other in AGGREGATES:
        if not isinstance(node, other):
            yield swap("aggregate", node, other(this=argument.copy()))
    yield swap("aggregate", node, bare.copy())


def _own_columns(node: exp.Expr, schema: Schema) -> list[exp.Expr]:
    """Every column that the SELECT around ``node`` could name."""
    select = node.find_ancestor(exp.Select)
    if select is None:
        return []
    return [
        exp.column(column.name, table=alias, quoted=True)
        for alias, name in scope_tables(select)
        if (table := schema.table(name)) is not None
        for column in table.columns
    ]


def _column_edits(node: exp.Column, schema: Schema, rng: random.Random) -> Iterator[Edit]:
    """Other columns of the same table, and the column of that name in another joined table."""
    key = column_key(node, schema)
    table = schema.table(key[0]) if key else None
    if key is None or table is None:
        return
    others = [column.name for column in table.columns if column.name.lower() != key[1]]
    for name in rng.sample(others, min(OTHER_COLUMNS, len(others))):
        new = exp.column(name, table=node.table or None, quoted=True)
        yield swap("column", node, new)
    for column in _own_columns(node, schema):
        assert isinstance(column, exp.Column)
        if column.name.lower() == key[1] and column.table != node.table.lower() and node.table:
            yield swap("column", node, column)


def _value_edits(
    node: exp.Expr,
    schema: Schema,
    values: Mapping[ColumnKey, tuple[SqlValue, ...]],
    rng: random.Random,
) -> Iterator[Edit]:
    value = literal_value(node, schema)
    if isinstance(node.parent, exp.Limit | exp.Neg):
        return
    if isinstance(value, int | float):
        for other in (value + 1, value - 1):
            yield swap("value", node, _literal(other))
    elif isinstance(value, str) and "%" in value:
        for pattern in (value.lstrip("%"), value.rstrip("%"), value.strip("%")):
            yield swap("value", node, _literal(pattern))
    column = node.parent.find(exp.Column) if node.parent is not None else None
    key = column_key(column, schema) if column is not None else None
    known = [v for v in values.get(key, ()) if v != value] if key is not None else []
    for other_value in rng.sample(known, min(2, len(known))):
        if other_value is not None and not isinstance(other_value, bytes):
            yield swap("value", node, _literal(other_value))


def _literal(value: SqlValue) -> exp.Expr:
    if isinstance(value, int | float):
        number = exp.Literal.number(abs(value))
        return exp.Neg(this=number) if value < 0 else number
    return exp.Literal.string(str(value))
