"""How a benchmark counts: which rules a prediction is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from sqlforge.core.records import Database, QueryResult
from sqlforge.score.execution import gold_is_ordered, results_match

Match = Literal["official", "strict", "internal"]
"""``official`` counts as the benchmark's own evaluator does, ``strict`` as one would wish.

``internal`` is how a run compares its systems: one way for all its sources, public or not.
"""


@dataclass(frozen=True, slots=True)
class Exact:
    """Whether prediction and gold match exactly, and whether the prediction parsed.

    ``parsed`` is ``None`` where the rules have no parser of their own; the validity check then
    decides. ``reason`` says why they do not match, where the rules can tell.
    """

    matches: bool
    parsed: bool | None = None
    reason: str | None = None


def _as_written(sql: str, database: Database) -> tuple[Database, str]:
    return database, sql


@dataclass(frozen=True, slots=True)
class Rules:
    """One way to judge, as functions of texts and results.

    Args:
        gold_text: the text to execute for a gold query.
        predicted_text: the text to execute for a prediction.
        same_result: whether two results count as equal: gold's, prediction's, the gold query.
        comparer: for a database, whether two queries match exactly: gold, prediction; raises
            ``ValueError`` for a gold that the rules cannot read.
        as_executed: the database and the text that are executed for a text; may change both.
        null_golds: whether golds that give nothing (no row, or NULL only) are reported apart.
    """

    gold_text: Callable[[str], str]
    predicted_text: Callable[[str], str]
    same_result: Callable[[QueryResult, QueryResult, str], bool]
    comparer: Callable[[Database], Callable[[str, str], Exact]]
    as_executed: Callable[[str, Database], tuple[Database, str]] = _as_written
    null_golds: bool = False


@cache
def rules_for(source: str, match: Match) -> Rules:
    """The rules for examples of ``source`` (as in :class:`~sqlforge.core.records.Example`).

    Each set of rules is loaded when it is asked for: Spider's official mode needs no SQL parser
    but its own.

    >>> rules_for("spider", "official").gold_text("SELECT DISTINCT a FROM t")
    'SELECT  a FROM t'
    """
    if match == "strict":
        return _strict()
    if match == "internal":
        return _internal()
    return {"spider": _spider, "wikisql": _wikisql, "bird": _bird}.get(source, _internal)()


def _internal() -> Rules:
    """Queries as they are, results as bags, exact match of canonical SQL: the internal split."""
    return Rules(str, str, _same_rows, _by_canonical_sql)


def _spider() -> Rules:
    """Spider's official evaluation."""
    from sqlforge.score.official import rules as spider

    def by_clauses(database: Database) -> Callable[[str, str], Exact]:
        compare = spider.comparer(database)
        return lambda gold, predicted: Exact(*compare(gold, predicted))

    return Rules(spider.executed_text, spider.executed_prediction, spider.same_result, by_clauses)


def _wikisql() -> Rules:
    """WikiSQL's official evaluation: execution and logical form."""
    from sqlforge.score.official import wikisql

    def by_form(database: Database) -> Callable[[str, str], Exact]:
        def compare(gold: str, predicted: str) -> Exact:
            reason = wikisql.form_mismatch(gold, predicted, database)
            return Exact(reason is None, reason=reason)

        return compare

    def same_values(gold: QueryResult, predicted: QueryResult, _: str) -> bool:
        return wikisql.same_values(gold, predicted)

    return Rules(str, str, same_values, by_form, wikisql.as_executed, null_golds=True)


def _bird() -> Rules:
    """BIRD's official evaluation: sets of rows."""
    from sqlforge.score.official import bird

    def same_rows(gold: QueryResult, predicted: QueryResult, _: str) -> bool:
        return bird.same_rows(gold, predicted)

    return Rules(str, str, same_rows, _by_canonical_sql)


def _strict() -> Rules:
    """One way to count for every benchmark: what :mod:`sqlforge.score.strict` says."""
    from sqlforge.score import strict
    from sqlforge.score.exact_set import exact_set_match

    def by_parts(database: Database) -> Callable[[str, str], Exact]:
        schema = database.schema
        return lambda gold, predicted: Exact(exact_set_match(gold, predicted, schema))

    return Rules(strict.gold_text, str, strict.same_result, by_parts)


def _same_rows(gold: QueryResult, predicted: QueryResult, gold_sql: str) -> bool:
    return results_match(gold, predicted, ordered=gold_is_ordered(gold_sql))


def _by_canonical_sql(database: Database) -> Callable[[str, str], Exact]:
    from sqlforge.score.canonical import exact_match

    return lambda gold, predicted: Exact(exact_match(gold, predicted, database.schema))
