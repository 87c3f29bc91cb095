"""The official evaluation of Spider as three functions: texts to run, results, exact set match."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from sqlforge.core.records import Database, QueryResult
from sqlforge.score.execution import results_match
from sqlforge.score.official.exact import comparable, exact_set_match
from sqlforge.score.official.hardness import hardness_of
from sqlforge.score.official.names import Names, names_of
from sqlforge.score.official.parser import parse
from sqlforge.score.official.syntax import Query
from sqlforge.score.official.texts import executed_text, is_nothing, without_placeholders
from sqlforge.score.official.tokens import UnreadableError

__all__ = ["comparer", "executed_prediction", "executed_text", "grader", "same_result"]
_EMPTY_RESULT = "SELECT NULL WHERE 0"


class _Reading(NamedTuple):
    """What the official parser reads; ``compared`` is ``None`` where its evaluator would stop."""

    query: Query
    compared: Query | None


def grader(database: Database) -> Callable[[str], str]:
    """For a gold query over ``database``: its official hardness.

    The returned function raises :class:`UnreadableError` for what is no query in the official
    evaluator's language.

    >>> from sqlforge.core.schema import Column, Schema, Table
    >>> grade = grader(Database("d", Schema((Table("singer", (Column("age", ""),)),))))
    >>> grade("SELECT count(*) FROM singer")
    'easy'
    """
    names = names_of(database)
    return lambda sql: hardness_of(_read(sql, names).query)


def executed_prediction(sql: str) -> str:
    """The text that is executed for a prediction.

    Comments alone are a statement to SQLite, with an empty result, which equals an empty gold's;
    an empty line is no prediction at all.

    >>> executed_prediction("SELECT a FROM t WHERE b = value")
    'SELECT a FROM t WHERE b = 1'
    """
    text = executed_text(without_placeholders(sql))
    return _EMPTY_RESULT if text.strip() and is_nothing(text) else text


def same_result(gold: QueryResult, predicted: QueryResult, gold_sql: str) -> bool:
    """Whether the results count as equal; rows are lists if the gold says "order by".

    With two blanks between the words it does not say so.
    """
    return results_match(gold, predicted, ordered="order by" in executed_text(gold_sql).lower())


def comparer(database: Database) -> Callable[[str, str], tuple[bool, bool]]:
    """For gold and prediction: whether they match exactly, and whether the prediction was read.

    The returned function raises :class:`UnreadableError` for a gold that cannot be read.
    """
    names = names_of(database)

    def compare(gold: str, predicted: str) -> tuple[bool, bool]:
        wanted = _read(gold, names).compared
        try:
            found = _read(without_placeholders(predicted), names).compared
        except UnreadableError:
            return False, False
        return wanted is not None and found is not None and exact_set_match(wanted, found), True

    return compare


@lru_cache(maxsize=8192)  # golds come back, and most predictions are some gold
def _read(sql: str, names: Names) -> _Reading:
    query = parse(sql, names)
    try:
        return _Reading(query, comparable(query, names))
    except ValueError:
        return _Reading(query, None)
