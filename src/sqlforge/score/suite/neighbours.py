"""Neighbour queries: a gold with one thing changed, as a model gets one thing wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Schema
from sqlforge.score.suite.edits import Edit, clause_edits, expression_edits, query_edits
from sqlforge.score.suite.names import ColumnKey

MAX_NEIGHBOURS = 120


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One changed query; ``kind`` names what was changed, such as ``"aggregate"``."""

    kind: str
    sql: str


def neighbours(
    tree: exp.Expr,
    schema: Schema,
    values: Mapping[ColumnKey, tuple[SqlValue, ...]],
    rng: random.Random,
    limit: int = MAX_NEIGHBOURS,
) -> tuple[Neighbour, ...]:
    """Different queries one change away from ``tree``, at most ``limit``, drawn at random.

    Changed are comparison operators, aggregates, columns, values, DISTINCT, the order's direction,
    LIMIT, the kind of a join, AND and OR, set operations; dropped are conditions, joins, clauses
    and the sides of set operations. Some neighbours mean the same as the query; that no instance
    tells them apart shows it.

    Args:
        tree: the query as sqlglot parsed it; left as it was.
        schema: where other columns are taken from.
        values: other values of a column, by table and column in lower case.
        rng: chooses columns and values, and the neighbours where there are too many.
        limit: how many at most.

    >>> from sqlforge.core.schema import Column, Table
    >>> from sqlforge.score.suite.hints import parsed
    >>> schema = Schema((Table("t", (Column("a", "INT"),)),))
    >>> found = neighbours(parsed("SELECT max(a) FROM t"), schema, {}, random.Random(0))
    >>> sorted(n.sql for n in found if n.kind == "aggregate")[:2]
    ['SELECT AVG(a) FROM t', 'SELECT COUNT(a) FROM t']
    """
    found: dict[str, str] = {}
    original = tree.sql(dialect="sqlite")
    for edit in _edits(tree, schema, values, rng):
        sql = _edited(tree, edit)
        if sql is not None and sql != original:
            found.setdefault(sql, edit.kind)
    chosen = [Neighbour(kind, sql) for sql, kind in found.items()]
    if len(chosen) > limit:
        chosen = [chosen[i] for i in sorted(rng.sample(range(len(chosen)), limit))]
    return tuple(chosen)


def _edits(
    tree: exp.Expr,
    schema: Schema,
    values: Mapping[ColumnKey, tuple[SqlValue, ...]],
    rng: random.Random,
) -> Iterator[Edit]:
    for node in list(tree.walk()):
        if isinstance(node, exp.Query):
            yield from query_edits(node, schema)
            yield from clause_edits(node, schema, rng)
        else:
            yield from expression_edits(node, schema, values, rng)


def _edited(tree: exp.Expr, edit: Edit) -> str | None:
    """The query's text with the edit made, and then undone."""
    if edit.parent is None:
        return edit.value.sql(dialect="sqlite") if isinstance(edit.value, exp.Expr) else None
    before = edit.parent.args.get(edit.slot)
    edit.parent.set(edit.slot, edit.value)
    try:
        return tree.sql(dialect="sqlite")
    finally:
        edit.parent.set(edit.slot, before)
