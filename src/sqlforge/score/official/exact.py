"""Exact set match as the leaderboard counts it: by clauses, without values.

The outermost query and the queries that set operations add to it are compared clause by clause.
Subqueries inside conditions are compared as they stand, order included, only without their values;
subqueries in FROM even with them. docs/pitfalls.md tells what that lets through and turns away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from sqlforge.score.official.names import Names
from sqlforge.score.official.syntax import (
    Column,
    Condition,
    Conditions,
    Operand,
    Query,
    Selected,
    Source,
    Value,
    conditions_of,
    connectors_of,
)


def comparable(query: Query, names: Names) -> Query:
    """``query`` as it is compared: no values, no DISTINCT, one name for each foreign key's columns.

    Only columns of the outermost FROM's tables are renamed, in what set operations add too.
    Raises ``ValueError`` where the official evaluator stops with an error: at conditions that
    nothing connects.
    """
    tables = {source for source in query.sources if isinstance(source, str)}
    return _with_columns(_without_values(query), tables, names.same)


def exact_set_match(gold: Query, predicted: Query) -> bool:
    """Whether ``predicted`` counts as ``gold``, both as :func:`comparable` gives them.

    ``False`` too where the official evaluator would stop with an error: at two different
    subqueries in one FROM.

    >>> from sqlforge.score.official.parser import parse
    >>> names = Names({"t": frozenset("ab")}, frozenset(["*", "t", "t.a", "t.b"]), {})
    >>> texts = "SELECT a, b FROM t WHERE a = 1", "SELECT b, a FROM t WHERE a = 'x'"
    >>> exact_set_match(*(comparable(parse(sql, names), names) for sql in texts))
    True
    """
    try:
        return _same(gold, predicted)
    except ValueError:
        return False


def _same(gold: Query, predicted: Query) -> bool:
    return (
        Counter(gold.selected) == Counter(predicted.selected)
        and _same_where(gold.where, predicted.where)
        and _same_group(gold, predicted)
        and _same_order(gold, predicted)
        and _keywords(gold) == _keywords(predicted)
        and _same_following(gold.following, predicted.following)
        and _same_sources(gold.sources, predicted.sources)
    )


def _same_where(gold: Conditions, predicted: Conditions) -> bool:
    """The same conditions however often and in whatever order AND and OR connect them."""
    return Counter(conditions_of(gold)) == Counter(conditions_of(predicted)) and set(
        connectors_of(gold)
    ) == set(connectors_of(predicted))


def _same_group(gold: Query, predicted: Query) -> bool:
    """Grouping columns by name alone; with HAVING, which needs them in order and as they are.

    HAVING without GROUP BY is not compared.
    """
    if not gold.group and not predicted.group:
        return True
    columns = [column.name for column in gold.group]
    return columns == [column.name for column in predicted.group] and (
        gold.having == predicted.having
    )


def _same_order(gold: Query, predicted: Query) -> bool:
    """ORDER BY with LIMIT or without; a LIMIT alone is a keyword only, its number never counts."""
    return gold.order == predicted.order and (gold.order is None or gold.limit == predicted.limit)


def _same_following(gold: tuple[str, Query] | None, predicted: tuple[str, Query] | None) -> bool:
    if gold is None or predicted is None:
        return gold is predicted
    return gold[0] == predicted[0] and _same(gold[1], predicted[1])


def _same_sources(gold: tuple[Source, ...], predicted: tuple[Source, ...]) -> bool:
    """The same tables and subqueries in whatever order; conditions of joins are not compared."""
    if not gold:
        return True
    for side in (gold, predicted):
        inner = [source for source in side if isinstance(source, Query)]
        if any(query != inner[0] for query in inner):
            raise ValueError("two subqueries in FROM, which the official evaluator cannot sort")
    return Counter(gold) == Counter(predicted)


def _keywords(query: Query) -> set[str]:
    """What the official evaluator counts as the keywords of a query."""
    present = {
        "where": query.where,
        "group": query.group,
        "having": query.having,
        "order": query.order,
        "limit": query.limit,
    }
    found = {word for word, part in present.items() if part}
    if query.order:
        found.add(query.order[0])
    if query.following:
        found.add(query.following[0])
    for part in (query.joined_on, query.where, query.having):
        if "or" in connectors_of(part):
            found.add("or")
        for condition in conditions_of(part):
            if condition.negated:
                found.add("not")
            if condition.comparison in ("in", "like"):
                found.add(condition.comparison)
    return found


def _without_values(query: Query) -> Query:
    following = query.following
    return query._replace(
        joined_on=_valueless(query.joined_on),
        where=_valueless(query.where),
        having=_valueless(query.having),
        following=following and (following[0], _without_values(following[1])),
    )


def _valueless(part: Conditions) -> Conditions:
    conditions_of(part)
    return tuple(
        item._replace(value=_subquery(item.value), second=_subquery(item.second))
        if isinstance(item, Condition) and place % 2 == 0
        else item
        for place, item in enumerate(part)
    )


def _subquery(value: Value) -> Value:
    return _without_values(value) if isinstance(value, Query) else None


def _with_columns(query: Query, tables: Collection[str], same: Mapping[str, str]) -> Query:
    def column(old: Column) -> Column:
        own = old.name.partition(".")[0] in tables
        return Column(old.aggregate, same.get(old.name, old.name) if own else old.name, None)

    def operand(old: Operand) -> Operand:
        return Operand(old.operator, column(old.left), old.right and column(old.right))

    def conditions(part: Conditions) -> Conditions:
        return tuple(
            item._replace(operand=operand(item.operand))
            if isinstance(item, Condition) and place % 2 == 0
            else item
            for place, item in enumerate(part)
        )

    following = query.following
    return query._replace(
        distinct=None,
        selected=tuple(Selected(s.aggregate, operand(s.operand)) for s in query.selected),
        joined_on=conditions(query.joined_on),
        where=conditions(query.where),
        group=tuple(column(c) for c in query.group),
        having=conditions(query.having),
        order=query.order and (query.order[0], tuple(operand(o) for o in query.order[1])),
        following=following and (following[0], _with_columns(following[1], tables, same)),
    )
