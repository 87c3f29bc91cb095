"""Whether two results are the same answer, strictly: as one would count without a history.

The rules, where Spider's official evaluation (:mod:`sqlforge.score.execution`) has others:

* Queries run as they are written, so that DISTINCT and every value count.
* Results are bags of rows: how often a row occurs counts.
* The order of rows counts if the gold orders at its top level. Rows that are equal in the gold's
  ORDER BY keys may come in any order, for the gold leaves it open. Which of several equals a LIMIT
  lets through is not open: the rows are those that the database returned for the gold.
* Columns count in their order; their names do not.
* Two numbers are equal if both are integers and equal, or if they differ by at most a billionth,
  relative (or absolute near zero), so that a sum in another order is the same sum. ``1`` equals
  ``1.0``; text never equals a number (``'1'`` is not ``1``) nor bytes; NULL equals NULL only.
* Two empty results are equal if they have as many columns. How a system does on golds with rows is
  reported beside (``execution_accuracy_with_rows``), since empty results are easily met by chance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from math import isclose

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from sqlforge.core.records import QueryResult, SqlValue

Row = tuple[SqlValue, ...]
TOLERANCE = 1e-9
_MOST_COMPARED = 2_000  # rows that are held against each other one by one


@dataclass(frozen=True, slots=True)
class Ordering:
    """How the gold orders its rows.

    Args:
        text: the gold query with those ORDER BY keys appended that it does not select.
        keys: positions of the keys in a row, from the left or (negative) from the right; empty
            where the gold does not order, ``None`` where the keys cannot be seen in the result.
        added: how many columns were appended.
    """

    text: str
    keys: tuple[int, ...] | None
    added: int = 0


@lru_cache(maxsize=8192)
def ordering(sql: str) -> Ordering:
    """What a gold query's rows are ordered by; see :class:`Ordering`.

    >>> ordering("SELECT name FROM shop ORDER BY city, name DESC")
    Ordering(text='SELECT name , city FROM shop ORDER BY city, name DESC', keys=(-1, 0), added=1)
    >>> ordering("SELECT name FROM (SELECT name FROM shop ORDER BY id LIMIT 3)").keys
    ()
    """
    if "order" not in sql.lower():
        return Ordering(sql, ())
    try:
        tree = sqlglot.parse_one(sql, dialect="sqlite")
    except (SqlglotError, RecursionError, ValueError):
        return Ordering(sql, None)
    order = tree.args.get("order")
    if order is None:
        return Ordering(sql, ())
    places = [_place(ordered.this, tree) for ordered in order.expressions]
    lacking = [i for i, place in enumerate(places) if place is None]
    if not lacking:
        return Ordering(sql, tuple(p for p in places if p is not None))
    texts = [_key(order.expressions[i].this) for i in lacking]
    text = _with_columns(sql, tree, texts)
    if text is None:
        return Ordering(sql, None)
    keys = [lacking.index(i) - len(lacking) if p is None else p for i, p in enumerate(places)]
    return Ordering(text, tuple(keys), len(lacking))


def gold_text(sql: str) -> str:
    """The text to execute for a gold query: with its ORDER BY keys, so that ties can be seen."""
    return ordering(sql).text


def same_result(gold: QueryResult, predicted: QueryResult, gold_sql: str) -> bool:
    """Whether ``predicted`` is the answer of ``gold``, by the rules of this module.

    ``gold`` is the result of :func:`gold_text`. A result that is not OK equals nothing.

    >>> from sqlforge.core.records import Status
    >>> gold = QueryResult(Status.OK, rows=((1,), (2,)))
    >>> other = QueryResult(Status.OK, rows=((2,), (1.0,)))
    >>> [same_result(gold, other, f"SELECT a FROM t{end}") for end in ("", " ORDER BY a")]
    [True, False]
    """
    if not (gold.ok and predicted.ok) or len(gold.rows) != len(predicted.rows):
        return False
    order = ordering(gold_sql)
    if _width(gold) - order.added != _width(predicted):
        return False
    rows = [row[: len(row) - order.added] for row in gold.rows] if order.added else gold.rows
    if order.keys == ():
        return _same_bag(rows, predicted.rows)
    if order.keys is None:
        return all(map(_same_row, rows, predicted.rows))
    start = 0
    for size in _ties(gold.rows, order.keys):
        if not _same_bag(rows[start : start + size], predicted.rows[start : start + size]):
            return False
        start += size
    return True


def _place(key: exp.Expr, tree: exp.Expr) -> int | None:
    """Where the result shows an ORDER BY key: by number, by alias, or as the same expression."""
    if isinstance(key, exp.Literal) and key.is_int:
        return int(key.name) - 1
    selects = tree.selects if isinstance(tree, exp.Query) else []
    star = next((i for i, item in enumerate(selects) if item.is_star), len(selects))
    shown = selects[:star]  # what stands behind a star has no known place
    if isinstance(key, exp.Column) and not key.table:
        for i, item in enumerate(shown):
            if item.alias.lower() == key.name.lower():
                return i
    return next((i for i, item in enumerate(shown) if _shows(item.unalias(), key, tree)), None)


def _shows(item: exp.Expr, key: exp.Expr, tree: exp.Expr) -> bool:
    if not (isinstance(item, exp.Column) and isinstance(key, exp.Column)):
        return item == key
    # Where one of the two lacks its prefix there is one such column, or the gold would fail. A
    # set operation is ordered by its result's columns, whatever their tables.
    tables = {item.table.lower(), key.table.lower()}
    is_same_table = len(tables) == 1 or "" in tables or isinstance(tree, exp.SetOperation)
    return is_same_table and item.name.lower() == key.name.lower()


def _key(key: exp.Expr) -> str:
    """An ORDER BY key as a column; what ties under NOCASE, letters of ASCII, is made equal."""
    text = key.sql(dialect="sqlite", comments=False)
    if isinstance(key, exp.Collate) and key.expression.name.lower() == "nocase":
        value = key.this.sql(dialect="sqlite", comments=False)
        return f"CASE typeof({value}) WHEN 'text' THEN lower({value}) ELSE {value} END"
    return text


def _with_columns(sql: str, tree: exp.Expr, texts: Sequence[str]) -> str | None:
    """``sql`` with further columns, put before its FROM; ``None`` where that changes its rows."""
    if not isinstance(tree, exp.Select) or tree.args.get("distinct"):
        return None
    aliases = {item.alias.lower() for item in tree.selects if item.alias}
    names = {c.name.lower() for o in tree.args["order"].expressions for c in o.find_all(exp.Column)}
    if aliases & names:  # an alias inside an expression: no column to select
        return None
    depth, before = 0, TokenType.SELECT
    for token in sqlglot.tokenize(sql, read="sqlite"):
        kind = token.token_type
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        if depth == 0 and kind is TokenType.FROM and before is not TokenType.DISTINCT:
            return f"{sql[: token.start]}, {', '.join(texts)} {sql[token.start :]}"
        before = kind
    return None


def _width(result: QueryResult) -> int:
    return len(result.rows[0]) if result.rows else len(result.columns)


def _ties(rows: Sequence[Row], keys: Sequence[int]) -> Iterable[int]:
    """The lengths of the runs of rows that are equal in ``keys``."""
    for _, run in groupby(rows, lambda row: [row[key] for key in keys]):
        yield sum(1 for _ in run)


def _same_bag(gold: Sequence[Row], predicted: Sequence[Row]) -> bool:
    first, second = Counter(gold), Counter(predicted)
    if first == second:
        return True
    # What is left may still be equal within the tolerance; texts and NULLs have to be the same.
    left, right = defaultdict(list), defaultdict(list)
    for row in (first - second).elements():
        left[_frame(row)].append(row)
    for row in (second - first).elements():
        right[_frame(row)].append(row)
    if left.keys() != right.keys():
        return False
    return all(_paired(left[frame], right[frame]) for frame in left)


def _paired(gold: list[Row], predicted: list[Row]) -> bool:
    """Whether rows that differ in numbers only can be paired within the tolerance.

    Sorted by rounded numbers, pairs stand beside each other; where rounding parts a pair, the few
    rows that are left are held against each other one by one.
    """
    if len(gold) != len(predicted):
        return False
    pairs = zip(sorted(gold, key=_rounded), sorted(predicted, key=_rounded), strict=True)
    apart = [(a, b) for a, b in pairs if not _same_row(a, b)]
    if len(apart) > _MOST_COMPARED:
        return False
    offered = [b for _, b in apart]
    for row, _ in apart:
        place = next((i for i, other in enumerate(offered) if _same_row(row, other)), None)
        if place is None:
            return False
        offered.pop(place)
    return True


def _same_row(gold: Row, predicted: Row) -> bool:
    return len(gold) == len(predicted) and all(map(_same_value, gold, predicted))


def _same_value(gold: SqlValue, predicted: SqlValue) -> bool:
    if isinstance(gold, float) or isinstance(predicted, float):
        return (
            isinstance(gold, int | float)
            and isinstance(predicted, int | float)
            and (
                gold == predicted or isclose(gold, predicted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
            )
        )
    return gold == predicted  # Python never takes text, bytes, numbers and None for each other


def _frame(row: Row) -> tuple[object, ...]:
    """The row without its numbers."""
    return tuple("#" if isinstance(value, int | float) else (value,) for value in row)


def _rounded(row: Row) -> list[str]:
    return [f"{value:.6g}" for value in row if isinstance(value, int | float)]
