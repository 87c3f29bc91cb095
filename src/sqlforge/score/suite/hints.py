"""What queries tell about the data that would put them to the test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Schema
from sqlforge.score.suite.names import ColumnKey, column_key, literal_value, scope_tables


@dataclass(frozen=True, slots=True)
class Hints:
    """``literals`` compared with each column, columns that are ``sorted`` by or ``equal`` to
    others, columns tested for NULL, the ``tables`` read and the counts that groups are held
    against."""

    literals: Mapping[ColumnKey, tuple[SqlValue, ...]] = field(default_factory=dict)
    sorted: frozenset[ColumnKey] = frozenset()
    equal: tuple[tuple[ColumnKey, ColumnKey], ...] = ()
    nulls: frozenset[ColumnKey] = frozenset()
    tables: frozenset[str] = frozenset()
    counts: tuple[int, ...] = ()


def parsed(sql: str) -> exp.Expr | None:
    """The query's tree, or ``None`` where sqlglot reads no query.

    >>> parsed("SELECT 1").key, parsed("SELECT FROM (")
    ('select', None)
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="sqlite")
    except (SqlglotError, RecursionError, ValueError):
        return None
    return tree if isinstance(tree, exp.Query) else None


def query_hints(tree: exp.Expr, schema: Schema) -> Hints:
    """What one query tells.

    >>> from sqlforge.core.schema import Column, Table
    >>> schema = Schema((Table("shop", (Column("city", "TEXT"), Column("size", "INT"))),))
    >>> query_hints(parsed("SELECT city FROM shop WHERE size > 3 ORDER BY city"), schema).literals
    {('shop', 'size'): (3,)}
    """
    literals: dict[ColumnKey, list[SqlValue]] = defaultdict(list)
    equal: list[tuple[ColumnKey, ColumnKey]] = []
    counts: list[int] = []
    for node in tree.walk():
        if isinstance(node, exp.EQ):
            ends = [_key(side, schema) for side in (node.left, node.right)]
            if ends[0] and ends[1] and ends[0] != ends[1]:
                equal.append((ends[0], ends[1]))
        if isinstance(node, exp.In):
            equal.extend(_in_subquery(node, schema))
        if isinstance(node, exp.Binary | exp.Between | exp.In) and not isinstance(
            node, exp.Connector
        ):
            values = [literal_value(part, schema) for part in _operands(node)]
            known = [value for value in values if value is not None]
            counts.extend(v for v in known if isinstance(v, int) and node.find(exp.Count))
            for column in node.find_all(exp.Column) if known else ():
                if (key := column_key(column, schema)) is not None:
                    literals[key].extend(known)
    return Hints(
        {key: tuple(dict.fromkeys(values)) for key, values in literals.items()},
        _sorted(tree, schema),
        tuple(equal),
        frozenset(
            key for node in tree.find_all(exp.Is) if (key := _key(node.this, schema)) is not None
        ),
        frozenset(t for s in tree.find_all(exp.Select) for _, t in scope_tables(s)),
        tuple(counts),
    )


def merged_hints(hints: Iterable[Hints]) -> Hints:
    """What several queries tell together.

    >>> merged_hints([Hints(counts=(1,)), Hints(counts=(2,))]).counts
    (1, 2)
    """
    found = list(hints)
    literals: dict[ColumnKey, list[SqlValue]] = defaultdict(list)
    for hint in found:
        for key, values in hint.literals.items():
            literals[key].extend(values)
    return Hints(
        {key: tuple(dict.fromkeys(values)) for key, values in literals.items()},
        frozenset().union(*(hint.sorted for hint in found)),
        tuple(dict.fromkeys(pair for hint in found for pair in hint.equal)),
        frozenset().union(*(hint.nulls for hint in found)),
        frozenset().union(*(hint.tables for hint in found)),
        tuple(dict.fromkeys(count for hint in found for count in hint.counts)),
    )


def _key(node: exp.Expr, schema: Schema) -> ColumnKey | None:
    return column_key(node, schema) if isinstance(node, exp.Column) else None


def _in_subquery(node: exp.In, schema: Schema) -> list[tuple[ColumnKey, ColumnKey]]:
    query = node.args.get("query")
    select = query.find(exp.Select) if query is not None else None
    inner = select.expressions[0].unalias() if select is not None and select.expressions else None
    ends = _key(node.this, schema), _key(inner, schema) if inner is not None else None
    return [(ends[0], ends[1])] if ends[0] and ends[1] and ends[0] != ends[1] else []


def _operands(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Between):
        return [node.args["low"], node.args["high"]]
    if isinstance(node, exp.In):
        return [*node.expressions]
    return [node.left, node.right] if isinstance(node, exp.Binary) else []


def _sorted(tree: exp.Expr, schema: Schema) -> frozenset[ColumnKey]:
    """Columns that decide which row comes first: in ORDER BY, MIN, MAX."""
    nodes = tree.find_all(exp.Ordered, exp.Min, exp.Max)
    keys = (column_key(c, schema) for node in nodes for c in node.find_all(exp.Column))
    return frozenset(key for key in keys if key is not None)
