"""WikiSQL's official evaluation, from free SQL.

A prediction that has a structured form is executed as that form on the benchmark's own tables, so
that its verdicts are the official evaluator's. One that has none is executed as it is written, on
the tables that prompts show; the official evaluator could not have taken it at all.
"""

from __future__ import annotations

from sqlforge.core.records import Database, QueryResult, SqlValue
from sqlforge.corpus.wikisql_official import official_database
from sqlforge.score.logical_form import (
    NoLogicalFormError,
    form_difference,
    logical_form,
    official_sql,
)


def as_executed(sql: str, database: Database) -> tuple[Database, str]:
    """Where and as what ``sql`` is executed."""
    table = database.schema.tables[0]
    try:
        form = logical_form(sql, table)
    except NoLogicalFormError:
        return database, sql
    return official_database(database), official_sql(form, table.name)


def same_values(gold: QueryResult, predicted: QueryResult) -> bool:
    """Whether both give the same list of values, in the same order, the case of text aside.

    >>> from sqlforge.core.records import Status
    >>> one = QueryResult(Status.OK, ("result",), (("ann",), (3.0,)))
    >>> same_values(one, QueryResult(Status.OK, ("Player",), (("Ann",), (3,))))
    True
    """
    if not (gold.ok and predicted.ok):
        return False
    if predicted.rows and len(predicted.rows[0]) != 1:
        return False
    return _values(gold) == _values(predicted)


def form_mismatch(gold: str, predicted: str, database: Database) -> str | None:
    """Why the logical forms of two queries differ; ``None`` if they are equal."""
    table = database.schema.tables[0]
    wanted = logical_form(gold, table)
    try:
        offered = logical_form(predicted, table)
    except NoLogicalFormError as reason:
        return f"no logical form: {reason}"
    return form_difference(wanted, offered)


def _values(result: QueryResult) -> list[SqlValue]:
    return [value.lower() if isinstance(value, str) else value for (value,) in result.rows]
