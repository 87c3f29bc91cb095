"""Predictions as WikiSQL's evaluator takes them: structured queries, one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

from sqlforge.core.errors import DataError
from sqlforge.core.records import Database, Dataset, Prediction
from sqlforge.corpus.files import read_jsonl
from sqlforge.corpus.wikisql import sql_of
from sqlforge.corpus.wikisql_rows import WikiTable, convert_query


def is_structured(line: str) -> bool:
    """Whether ``line`` is a row of such a file.

    >>> is_structured('{"query": {"sel": 0, "agg": 3, "conds": []}}'), is_structured('{"id": "1"}')
    (True, False)
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and "id" not in row and ("query" in row or "error" in row)


def structured_predictions(path: Path, dataset: Dataset) -> Iterator[Prediction]:
    """One prediction for each example, in order, its structured query written as SQL.

    A row is ``{"query": {"sel": 0, "agg": 3, "conds": [[1, 0, "x"]]}}`` or ``{"error": "…"}``. An
    error, and a query that asks for a column, aggregate or operator that is not there, is an empty
    answer: the official evaluator counts them as wrong.

    Raises:
        DataError: the file cannot be read, or has fewer or more rows than there are examples.
    """
    rows: Iterable[object] = (row for _, row in read_jsonl(path, lambda value: value))
    for count, (row, example) in enumerate(zip_longest(rows, dataset.examples)):
        if row is None or example is None:
            more = f"none from {example.id} on" if example is not None else "more than examples"
            raise DataError(
                f"{count}{'' if row is None else ' or more'} predictions in {path} ({more})",
                f"{len(dataset.examples)}, one for each example of {dataset.name}",
                "check that the file belongs to this benchmark and split",
            )
        database = dataset.databases[example.db_id]
        yield Prediction(example.id, _sql(row, database), json.dumps(row, ensure_ascii=False))


def _sql(row: object, database: Database) -> str:
    form = row.get("query") if isinstance(row, Mapping) else None
    (table,) = database.schema.tables
    columns = tuple(column.name for column in table.columns)
    types = tuple(column.type.lower() for column in table.columns)
    try:
        query = convert_query({"table_id": database.db_id, "question": "", "sql": form})
    except ValueError:
        return ""
    places = (query.selected, *(column for column, _, _ in query.conditions))
    if not all(0 <= place < len(columns) for place in places):
        return ""
    return sql_of(query, WikiTable(database.db_id, columns, types))
