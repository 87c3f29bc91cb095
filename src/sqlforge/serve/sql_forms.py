"""Requests and answers of the interface for questions about a database."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sqlforge.core.schema import Schema, Table
from sqlforge.serve.answers import Answer, Rows, Value

Cell = str | int | float | None


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Asked(_Form):
    """A question and the SQL that answered it."""

    question: Annotated[str, Field(min_length=1)]
    sql: Annotated[str, Field(min_length=1)]


class Question(_Form):
    """What ``/v1/sql`` takes: a question, and what was asked before it, oldest first."""

    question: Annotated[str, Field(min_length=1)]
    history: Annotated[list[Asked], Field(max_length=100)] = []
    samples: Annotated[int, Field(ge=1)] | None = None
    execute: bool = True


class Query(_Form):
    """What ``/v1/sql/run`` takes: one SELECT."""

    sql: Annotated[str, Field(min_length=1)]


class Linked(BaseModel):
    """What of the question led to a table, a column or a value."""

    table: str
    column: str | None
    value: str | None
    said: str


class Candidate(BaseModel):
    """A query that was tried."""

    sql: str
    probability: float | None
    votes: int
    error: str | None


class RowsBody(BaseModel):
    """What ``/v1/sql/run`` gives."""

    columns: list[str]
    rows: list[list[Cell]]
    truncated: bool
    seconds: float


class AnswerBody(BaseModel):
    """What ``/v1/sql`` gives: SQL, its rows, and what led to it."""

    sql: str | None
    dialect: str
    columns: list[str] | None
    rows: list[list[Cell]] | None
    truncated: bool
    error: str | None
    refused: bool
    confidence: float | None
    calibrated: bool
    linked: list[Linked]
    candidates: list[Candidate]
    schema_text: str
    tables: int
    tables_shown: int
    cut_short: bool
    seconds: float


class ColumnBody(BaseModel):
    """A column."""

    name: str
    type: str
    primary_key: bool
    references: str | None


class TableBody(BaseModel):
    """A table."""

    name: str
    columns: list[ColumnBody]
    comment: str | None


class SchemaBody(BaseModel):
    """What ``/v1/schema`` gives."""

    dialect: str
    tables: list[TableBody]


def rows_body(found: Rows) -> dict[str, Any]:
    """Rows as JSON has them: bytes in hexadecimal, numbers that are none by their names.

    >>> rows_body(Rows(("a", "b"), ((b"\\x01", float("inf")),), False, 0.1))["rows"]
    [['0x01', 'Infinity']]
    """
    return {
        "columns": list(found.columns),
        "rows": [[_cell(value) for value in row] for row in found.rows],
        "truncated": found.truncated,
        "seconds": found.seconds,
    }


def answer_body(answer: Answer) -> dict[str, Any]:
    """An answer as JSON."""
    rows = None if answer.rows is None else rows_body(answer.rows)
    return {
        "sql": answer.sql,
        "dialect": answer.dialect,
        "columns": rows and rows["columns"],
        "rows": rows and rows["rows"],
        "truncated": bool(rows and rows["truncated"]),
        "error": answer.error,
        "refused": answer.refused,
        "confidence": answer.confidence,
        "calibrated": answer.calibrated,
        "linked": [
            {"table": link.table, "column": link.column, "value": link.value, "said": link.said}
            for link in answer.linked
        ],
        "candidates": [
            {
                "sql": tried.sql,
                "probability": tried.probability if math.isfinite(tried.probability) else None,
                "votes": tried.votes,
                "error": tried.error,
            }
            for tried in answer.candidates
        ],
        "schema_text": answer.schema_text,
        "tables": answer.tables,
        "tables_shown": answer.tables_shown,
        "cut_short": answer.cut_short,
        "seconds": answer.seconds,
    }


def schema_body(schema: Schema) -> dict[str, Any]:
    """A schema as JSON."""
    return {"dialect": schema.dialect, "tables": [_table(table) for table in schema.tables]}


def _table(table: Table) -> dict[str, Any]:
    refers = {
        column: f"{key.ref_table}.{other}"
        for key in table.foreign_keys
        for column, other in zip(key.columns, key.ref_columns, strict=False)
    }
    columns = [
        {
            "name": column.name,
            "type": column.type,
            "primary_key": column.primary_key,
            "references": refers.get(column.name),
        }
        for column in table.columns
    ]
    return {"name": table.name, "columns": columns, "comment": table.description}


def _cell(value: Value) -> Cell:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
