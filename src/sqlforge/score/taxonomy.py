"""What is wrong with a wrong query, in classes that can be counted.

A class is told from the parts that gold and prediction do not share, on sqlglot's trees, so that
spelling, aliases and the order of what has none make no mistake. A query may have several; the
first in :data:`CLASSES` is its primary one: over the wrong tables there are wrong columns too, but
that is not what went wrong first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from sqlglot.errors import SqlglotError

from sqlforge.core.schema import Schema
from sqlforge.score.normal_form import normal_tree
from sqlforge.score.parts import Condition, Parts, parts_of

CLASSES = (
    "refused",
    "does not parse",
    "unknown table",
    "unknown column",
    "timeout",
    "not allowed",
    "database error",
    "set operation",
    "nesting",
    "missing join",
    "wrong tables",
    "wrong join",
    "wrong aggregate",
    "missing columns",
    "extra columns",
    "wrong columns",
    "wrong grouping",
    "missing condition",
    "extra condition",
    "wrong condition column",
    "wrong condition operator",
    "wrong condition value",
    "AND or OR",
    "order or limit",
    "DISTINCT",
    "column order",
    "other",
)


def mistakes(
    gold: str, predicted: str, schema: Schema | None, error: str | None = None
) -> tuple[str, ...]:
    """The classes of what is wrong with ``predicted``, the primary one first; never empty.

    ``error`` is the phrase of its verdict. A query that cannot run has that one class; of one
    that runs to a wrong result the parts are compared.

    >>> mistakes("SELECT MAX(a) FROM t WHERE b = 'x'", "SELECT a FROM t WHERE b = 'y'", None)
    ('wrong aggregate', 'wrong condition value')
    >>> mistakes("SELECT a FROM t", "SELECT nme FROM t", None, "unknown column: nme")
    ('unknown column',)
    """
    if (stopped := _stopped(error)) is not None:
        return (stopped,)
    wanted, found = _parts(gold, schema), _parts(predicted, schema)
    if found is None:
        return ("does not parse",)
    if wanted is None:
        return ("other",)
    classes = set(_differences(wanted, found))
    return tuple(name for name in CLASSES if name in classes) or ("other",)


def without_names(error: str | None) -> str | None:
    """The phrase of a verdict without the name in it, which may be a value of the database.

    >>> without_names("unknown column: Oslo"), without_names("wrong result"), without_names(None)
    ('unknown column', 'wrong result', None)
    """
    if error is None or error in CLASSES or error == "wrong result":
        return error
    return _stopped(error) or "wrong"


def _stopped(error: str | None) -> str | None:
    for name in ("refused", "does not parse", "unknown table", "unknown column", "timeout"):
        if error is not None and error.startswith(name):
            return name
    if error is None or not error.startswith("database error"):
        return None
    return "not allowed" if error.endswith("is not allowed") else "database error"


@lru_cache(maxsize=4096)
def _parts(sql: str, schema: Schema | None) -> Parts | None:
    try:
        tree = normal_tree(sql, schema)
        return None if tree is None else parts_of(tree, schema)
    except (SqlglotError, RecursionError):
        return None


def _differences(gold: Parts, found: Parts) -> Iterator[str]:
    if gold.operations != found.operations:
        yield "set operation"
    if gold.subqueries != found.subqueries:
        yield "nesting"
    yield from _of_tables(gold, found)
    if gold.aggregates != found.aggregates:
        yield "wrong aggregate"
    yield from _of_columns(gold, found)
    if gold.groups != found.groups:
        yield "wrong grouping"
    yield from _of_conditions(gold.conditions, found.conditions)
    if gold.connectors != found.connectors:
        yield "AND or OR"
    if gold.ends != found.ends:
        yield "order or limit"
    if gold.distinct != found.distinct:
        yield "DISTINCT"


def _of_tables(gold: Parts, found: Parts) -> Iterator[str]:
    missing, extra = gold.tables - found.tables, found.tables - gold.tables
    if missing and not extra:
        yield "missing join"
    elif missing or extra:
        yield "wrong tables"
    elif gold.joins != found.joins:
        yield "wrong join"


def _of_columns(gold: Parts, found: Parts) -> Iterator[str]:
    """Of the outermost select list; those of subqueries count where nothing else differs."""
    wanted, shown = Counter(gold.places), Counter(found.places)
    same_build = (gold.subqueries, gold.operations) == (found.subqueries, found.operations)
    if wanted == shown:
        if gold.places != found.places:
            yield "column order"
        elif same_build and gold.items != found.items:
            yield "wrong columns"
    elif len(found.places) < len(gold.places):
        yield "missing columns"
    elif len(found.places) > len(gold.places):
        yield "extra columns"
    else:
        yield "wrong columns"


def _of_conditions(gold: Counter[Condition], found: Counter[Condition]) -> Iterator[str]:
    missing = list((gold - found).elements())
    extra = list((found - gold).elements())
    for agree in _LIKENESS:  # the most alike are held against each other first
        for wanted in list(missing):
            other = next((c for c in extra if agree(wanted, c)), None)
            if other is not None:
                missing.remove(wanted)
                extra.remove(other)
                yield from _of_pair(wanted, other)
    if missing:
        yield "missing condition"
    if extra:
        yield "extra condition"


def _of_pair(gold: Condition, found: Condition) -> Iterator[str]:
    if gold.subject != found.subject:
        yield "wrong condition column"
    if gold.operator != found.operator:
        yield "wrong condition operator"
    if gold.value != found.value:
        yield "wrong condition value"


def _same_but_value(a: Condition, b: Condition) -> bool:
    return (a.subject, a.operator) == (b.subject, b.operator)


def _same_but_operator(a: Condition, b: Condition) -> bool:
    return (a.subject, a.value) == (b.subject, b.value)


def _same_but_column(a: Condition, b: Condition) -> bool:
    return (a.operator, a.value) == (b.operator, b.value)


def _same_column(a: Condition, b: Condition) -> bool:
    return a.subject == b.subject


def _same_value(a: Condition, b: Condition) -> bool:
    return a.value == b.value


_LIKENESS = (_same_but_value, _same_but_operator, _same_but_column, _same_column, _same_value)


def count_mistakes(found: Counter[tuple[str, ...]]) -> tuple[dict[str, int], dict[str, int]]:
    """How often each class is the primary one, and how often it is there at all.

    >>> count_mistakes(Counter([("nesting", "DISTINCT"), ("DISTINCT",)]))
    ({'nesting': 1, 'DISTINCT': 1}, {'nesting': 1, 'DISTINCT': 2})
    """
    primary, present = Counter[str](), Counter[str]()
    for classes, count in found.items():
        primary[classes[0]] += count
        for name in classes:
            present[name] += count
    return _in_order(primary), _in_order(present)


def _in_order(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name in CLASSES if counts[name]}
