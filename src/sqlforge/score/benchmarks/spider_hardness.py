"""How hard a Spider question is: easy, medium, hard or extra, by the benchmark's own rules.

The rules count what the gold query uses (Yu et al. 2018, section 5, and the authors' evaluator):

* *clauses*: WHERE, GROUP BY, ORDER BY, LIMIT, every join, every OR, every LIKE;
* *nesting*: every subquery compared with in a condition, and a set operation;
* *breadth*: more than one aggregate, selected column, condition or grouping column, one each.

Only the first SELECT of a set operation and no subquery is looked into. Negated conditions count
among the aggregates, and an aggregate inside an arithmetic expression of the select list counts
if it stands first: both follow the published evaluator, whose labels everybody reports.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

_AGGREGATES = (exp.Max, exp.Min, exp.Count, exp.Sum, exp.Avg)


def spider_hardness(sql: str) -> str:
    """The official hardness of a gold query.

    Raises:
        sqlglot.errors.ParseError: the query is not SQL.

    >>> spider_hardness("SELECT count(*) FROM singer")
    'easy'
    >>> spider_hardness("SELECT a FROM t WHERE b > (SELECT avg(b) FROM t)")
    'hard'
    """
    tree = sqlglot.parse_one(sql, dialect="sqlite")
    nested = 0
    while isinstance(tree, exp.SetOperation):
        nested = 1
        tree = tree.this.unnest()
    conditions = list(_conditions(tree))
    nested += sum(_subqueries(condition) for condition in conditions)
    return _level(_clauses(tree, conditions), nested, _breadth(tree))


def _level(clauses: int, nested: int, breadth: int) -> str:
    if nested == 0:
        if clauses <= 1 and breadth == 0:
            return "easy"
        if (clauses <= 1 and breadth <= 2) or (clauses <= 2 and breadth <= 1):
            return "medium"
        # two clauses with a breadth of exactly two are extra, as published
        if (clauses <= 2 and breadth > 2) or (clauses == 3 and breadth <= 2):
            return "hard"
        return "extra"
    return "hard" if nested == 1 and clauses <= 1 and breadth == 0 else "extra"


def _clauses(tree: exp.Expr, conditions: list[exp.Expr]) -> int:
    present = sum(tree.args.get(name) is not None for name in ("where", "group", "order", "limit"))
    joins = len(tree.args.get("joins") or ())
    ors = sum(isinstance(node, exp.Or) for node in _connectors(tree))
    likes = sum(isinstance(_positive(condition), exp.Like) for condition in conditions)
    return present + joins + ors + likes


def _breadth(tree: exp.Expr) -> int:
    where = list(_split(_this(tree.args.get("where"))))
    group = tree.args["group"].expressions if tree.args.get("group") else []
    order = tree.args["order"].expressions if tree.args.get("order") else []
    having = list(_split(_this(tree.args.get("having"))))
    aggregates = sum(_leading_aggregate(item) for item in tree.expressions)
    aggregates += sum(_operand_aggregates(item.this) for item in order)
    aggregates += sum(isinstance(item, exp.Not) for item in (*where, *having))
    counts = (aggregates, len(tree.expressions), len(where), len(group))
    return sum(count > 1 for count in counts)


def _conditions(tree: exp.Expr) -> Iterator[exp.Expr]:
    for root in _roots(tree):
        yield from _split(root)


def _roots(tree: exp.Expr) -> Iterator[exp.Expr | None]:
    yield from (join.args.get("on") for join in tree.args.get("joins") or ())
    yield _this(tree.args.get("where"))
    yield _this(tree.args.get("having"))


def _this(clause: exp.Expr | None) -> exp.Expr | None:
    return clause.this if clause is not None else None


def _split(node: exp.Expr | None) -> Iterator[exp.Expr]:
    """The conditions that AND and OR connect."""
    if node is None:
        return
    if isinstance(node, exp.Paren):
        yield from _split(node.this)
    elif isinstance(node, exp.Connector):
        yield from _split(node.left)
        yield from _split(node.right)
    else:
        yield node


def _connectors(tree: exp.Expr) -> Iterator[exp.Expr]:
    stack = [root for root in _roots(tree) if root is not None]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Paren):
            stack.append(node.this)
        elif isinstance(node, exp.Connector):
            yield node
            stack.extend((node.left, node.right))


def _positive(condition: exp.Expr) -> exp.Expr:
    return condition.this if isinstance(condition, exp.Not) else condition


def _subqueries(condition: exp.Expr) -> int:
    """Subqueries that the condition compares with, not those inside them."""
    stack, count = [condition], 0
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Query):
            count += 1
        else:
            stack.extend(node.iter_expressions())
    return count


def _leading_aggregate(item: exp.Expr) -> bool:
    item = item.unalias()
    while isinstance(item, (exp.Binary, exp.Paren)):
        item = item.this
    return isinstance(item, _AGGREGATES)


def _operand_aggregates(item: exp.Expr) -> int:
    item = item.unnest()
    if isinstance(item, exp.Binary):
        return _operand_aggregates(item.left) + _operand_aggregates(item.right)
    return int(isinstance(item, _AGGREGATES))
