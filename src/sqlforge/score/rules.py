"""How a benchmark counts: which rules a prediction is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlforge.core.records import Database, QueryResult
from sqlforge.score import strict
from sqlforge.score.canonical import exact_match
from sqlforge.score.execution import gold_is_ordered, results_match
from sqlforge.score.official import wikisql
from sqlforge.score.official.texts import executed_text

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
        exact: whether two queries match exactly: gold, prediction, their database.
        as_executed: the database and the text that are executed for a text; may change both.
        null_golds: whether golds that give nothing (no row, or NULL only) are reported apart.
    """

    gold_text: Callable[[str], str]
    predicted_text: Callable[[str], str]
    same_result: Callable[[QueryResult, QueryResult, str], bool]
    exact: Callable[[str, str, Database], Exact]
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


def _same_canonical(gold: str, predicted: str, database: Database) -> Exact:
    return Exact(exact_match(gold, predicted, database.schema))


CANONICAL = Rules(str, str, _same_rows, _same_canonical)
"""Queries as they are, results as bags, exact match of canonical SQL: the internal split."""

SPIDER = Rules(
    lambda sql: executed_text(sql, predicted=False),
    lambda sql: executed_text(sql, predicted=True),
    _same_rows,
    _same_canonical,
)
"""Spider's official evaluation."""

STRICT = Rules(strict.gold_text, str, strict.same_result, _same_canonical)
"""One way to count for every benchmark: what :mod:`sqlforge.score.strict` says."""


def _same_form(gold: str, predicted: str, database: Database) -> Exact:
    reason = wikisql.form_mismatch(gold, predicted, database)
    return Exact(reason is None, reason=reason)


WIKISQL = Rules(
    str,
    str,
    lambda gold, predicted, _: wikisql.same_values(gold, predicted),
    _same_form,
    wikisql.as_executed,
    null_golds=True,
)
"""WikiSQL's official evaluation: execution and logical form."""

_OFFICIAL = {"spider": SPIDER, "wikisql": WIKISQL}
