"""How hard a Spider question is: easy, medium, hard or extra, by the benchmark's own rules.

The rules count what the gold query uses (Yu et al. 2018, section 5, and the authors' evaluator):

* *clauses*: WHERE, GROUP BY, ORDER BY, LIMIT, every join, every OR, every LIKE;
* *nesting*: every subquery compared with in a condition, and a set operation;
* *breadth*: more than one aggregate, selected column, condition or grouping column, one each.

Only the first SELECT of a set operation and no subquery is looked into.
"""

from __future__ import annotations

from sqlforge.score.official.syntax import (
    Column,
    Condition,
    Conditions,
    Query,
    conditions_of,
    connectors_of,
)


def hardness_of(gold: Query) -> str:
    """The official hardness of a gold query.

    >>> from sqlforge.score.official.names import Names
    >>> from sqlforge.score.official.parser import parse
    >>> names = Names({"t": frozenset("ab")}, frozenset(["*", "t", "t.a", "t.b"]), {})
    >>> hardness_of(parse("SELECT a FROM t WHERE b > (SELECT avg(b) FROM t)", names))
    'hard'
    """
    clauses, nested, breadth = _clauses(gold), _nested(gold), _breadth(gold)
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


def _all_parts(query: Query) -> tuple[Conditions, ...]:
    return query.joined_on, query.where, query.having


def _conditions(query: Query) -> list[Condition]:
    return [condition for part in _all_parts(query) for condition in conditions_of(part)]


def _clauses(query: Query) -> int:
    present = bool(query.where) + bool(query.group) + (query.order is not None) + query.limit
    joins = max(0, len(query.sources) - 1)
    ors = sum(list(connectors_of(part)).count("or") for part in _all_parts(query))
    likes = sum(condition.comparison == "like" for condition in _conditions(query))
    return present + joins + ors + likes


def _nested(query: Query) -> int:
    values = [v for condition in _conditions(query) for v in (condition.value, condition.second)]
    return sum(isinstance(v, Query) for v in values) + (query.following is not None)


def _breadth(query: Query) -> int:
    aggregates = sum(item.aggregate != "none" for item in query.selected)
    aggregates += sum(_is_aggregate(column) for column in query.group)
    if query.order is not None:
        aggregates += sum(
            _is_aggregate(operand.left) + _is_aggregate(operand.right) for operand in query.order[1]
        )
    # Negations are counted as aggregates, and so is every AND and OR of HAVING: as published.
    aggregates += sum(condition.negated for condition in conditions_of(query.where))
    aggregates += sum(isinstance(item, str) or item.negated for item in query.having)
    counts = (aggregates, len(query.selected), len(query.where), len(query.group))
    return sum(count > 1 for count in counts)


def _is_aggregate(column: Column | None) -> bool:
    return column is not None and column.aggregate != "none"
