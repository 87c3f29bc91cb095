"""A query in the official evaluator's own terms.

The records are tuples: the evaluator compares whole parts of queries, order included, and so does
:mod:`sqlforge.score.official.exact`.
"""

from __future__ import annotations

from typing import NamedTuple, Union

AGGREGATES = ("none", "max", "min", "count", "sum", "avg")
OPERATORS = ("none", "-", "+", "*", "/")
COMPARISONS = ("not", "between", "=", ">", "<", ">=", "<=", "!=", "in", "like", "is", "exists")
CONNECTORS = ("and", "or")
SET_OPERATIONS = ("intersect", "union", "except")
CLAUSES = frozenset(("select", "from", "where", "group", "order", "limit", *SET_OPERATIONS))


class Column(NamedTuple):
    """A column, under an aggregate or none; ``name`` is ``table.column`` or ``*``.

    ``distinct`` is ``None`` where the comparison does not look at it.
    """

    aggregate: str
    name: str
    distinct: bool | None


class Operand(NamedTuple):
    """One column, or two with an arithmetic operator between them."""

    operator: str
    left: Column
    right: Column | None


class Selected(NamedTuple):
    """One item of the select list."""

    aggregate: str
    operand: Operand


Value = Union[str, float, Column, "Query", None]


class Condition(NamedTuple):
    """A comparison; ``second`` is the upper end of BETWEEN."""

    negated: bool
    comparison: str
    operand: Operand
    value: Value
    second: Value


Conditions = tuple[Condition | str, ...]
"""Conditions at even places, ``"and"`` or ``"or"`` at odd ones; brackets are not in the language.

Where two conditions follow each other with nothing between them the places no longer fit."""

Source = Union[str, "Query"]
"""What a FROM clause names: a table or a subquery."""


class Query(NamedTuple):
    """One SELECT with what follows it.

    ``order`` is the *last* direction named and the operands; ``following`` the set operation with
    the query after it. ``limit`` says only whether there is one.
    """

    distinct: bool | None
    selected: tuple[Selected, ...]
    sources: tuple[Source, ...]
    joined_on: Conditions
    where: Conditions
    group: tuple[Column, ...]
    having: Conditions
    order: tuple[str, tuple[Operand, ...]] | None
    limit: bool
    following: tuple[str, Query] | None


def conditions_of(part: Conditions) -> tuple[Condition, ...]:
    """What stands at the places of conditions.

    Raises ``ValueError`` where it is no condition, which only happens after two conditions with
    nothing between them: the official evaluator stops there with an error.
    """
    found = tuple(item for item in part[::2] if isinstance(item, Condition))
    if len(found) < len(part[::2]):
        raise ValueError("a connector where a condition belongs")
    return found


def connectors_of(part: Conditions) -> Conditions:
    """What stands at the places of connectors."""
    return part[1::2]
