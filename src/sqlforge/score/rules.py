"""How a benchmark counts: which rules a prediction is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlforge.core.records import Database, QueryResult
from sqlforge.score import strict
from sqlforge.score.canonical import exact_match
from sqlforge.score.execution import gold_is_ordered, results_match
from sqlforge.score.official import rules as official
from sqlforge.score.official import wikisql

Match = Literal["official", "strict"]
"""``official`` counts as the benchmark's own evaluator does, ``strict`` as one would wish."""


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
        comparer: for a database, whether two queries match exactly: gold, prediction.
        as_executed: the database and the text that are executed for a text; may change both.
        null_golds: whether golds that give nothing (no row, or NULL only) are reported apart.
    """

    gold_text: Callable[[str], str]
    predicted_text: Callable[[str], str]
    same_result: Callable[[QueryResult, QueryResult, str], bool]
    comparer: Callable[[Database], Callable[[str, str], Exact]]
    as_executed: Callable[[str, Database], tuple[Database, str]] = _as_written
    null_golds: bool = False


def rules_for(source: str, match: Match) -> Rules:
    """The rules for examples of ``source`` (as in :class:`~sqlforge.core.records.Example`).

    >>> rules_for("spider", "official").gold_text("SELECT DISTINCT a FROM t")
    'SELECT  a FROM t'
    """
    return STRICT if match == "strict" else _OFFICIAL.get(source, CANONICAL)


def _same_rows(gold: QueryResult, predicted: QueryResult, gold_sql: str) -> bool:
    return results_match(gold, predicted, ordered=gold_is_ordered(gold_sql))


def _by_canonical_sql(database: Database) -> Callable[[str, str], Exact]:
    return lambda gold, predicted: Exact(exact_match(gold, predicted, database.schema))


def _by_clauses(database: Database) -> Callable[[str, str], Exact]:
    compare = official.comparer(database)
    return lambda gold, predicted: Exact(*compare(gold, predicted))


CANONICAL = Rules(str, str, _same_rows, _by_canonical_sql)
"""Queries as they are, results as bags, exact match of canonical SQL: the internal split."""

SPIDER = Rules(
    official.executed_text, official.executed_prediction, official.same_result, _by_clauses
)
"""Spider's official evaluation."""

STRICT = Rules(strict.gold_text, str, strict.same_result, _by_canonical_sql)
"""One way to count for every benchmark: what :mod:`sqlforge.score.strict` says."""


def _by_form(database: Database) -> Callable[[str, str], Exact]:
    def compare(gold: str, predicted: str) -> Exact:
        reason = wikisql.form_mismatch(gold, predicted, database)
        return Exact(reason is None, reason=reason)

    return compare


WIKISQL = Rules(
    str,
    str,
    lambda gold, predicted, _: wikisql.same_values(gold, predicted),
    _by_form,
    wikisql.as_executed,
    null_golds=True,
)
"""WikiSQL's official evaluation: execution and logical form."""

_OFFICIAL = {"spider": SPIDER, "wikisql": WIKISQL}
