"""Decide for each raw row whether it can be learnt from; every row left out has a reason."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Example
from sqlforge.core.schema import Schema
from sqlforge.corpus.fingerprints import Fingerprint, fingerprint
from sqlforge.corpus.gold_names import missing_name
from sqlforge.corpus.raw import RawRow
from sqlforge.database.ddl import schema_from_ddl

MAX_CELL = 100_000  # characters of a question, query or schema


class Reason(StrEnum):
    """Why a row is left out, in the order in which it is looked at."""

    NO_QUESTION = "no question"
    NO_SQL = "no SQL"
    NO_SCHEMA = "no schema"
    CELL_TOO_LARGE = "cell too large"
    ANSWER_TOO_LONG = "answer longer than the window"
    DDL_DOES_NOT_BUILD = "DDL does not build"
    SQL_DOES_NOT_PARSE = "SQL does not parse"
    SEVERAL_STATEMENTS = "several statements"
    NOT_A_QUERY = "not a query"
    UNKNOWN_NAME = "gold names what its schema lacks"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    SHARES_TABLES = "shares tables with a held-out split"
    LEAK = "found in a benchmark"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is left out.

    Args:
        only_queries: leave out INSERT, UPDATE, DDL and whatever else is no query.
        max_answer: characters of the longest answer that may fit the window.
        trusted: rows were checked when they were made: take them as they are.
    """

    only_queries: bool = True
    max_answer: int = MAX_CELL
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A row to learn from; ``schema`` is that of its DDL, ``None`` where its source knows it."""

    fingerprint: Fingerprint
    schema: Schema | None

    @property
    def example(self) -> Example:
        """The row as an example."""
        return self.fingerprint.example


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row left out; ``detail`` says what exactly was wrong with it."""

    id: str
    reason: Reason
    detail: str = ""
    question: str = ""
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the rows of one source have in common."""

    name: str
    licence: str
    dialects: tuple[str, ...]


def clean(
    row: RawRow, origin: Origin, rules: Rules, schemas: Mapping[str, Schema]
) -> Kept | Dropped:
    """Judge one row.

    SQL loses white space at its ends and a last semicolon. An example with DDL of its own gets a
    ``db_id`` made of the schema, so that equal schemas are one database.

    Args:
        row: as it came.
        origin: its source.
        rules: what to leave out.
        schemas: of the databases that rows name.

    >>> row = RawRow("a-1", "How many?", "SELECT count(*) FROM shops;", "CREATE TABLE shop (x INT)")
    >>> found = clean(row, Origin("a", "MIT", ("sqlite",)), Rules(), {})
    >>> found.reason.value, found.detail
    ('gold names what its schema lacks', 'table shops')
    """
    question, sql, ddl = ((text or "").strip() for text in (row.question, row.sql, row.ddl))
    sql = sql.rstrip("; \t\r\n")

    def dropped(reason: Reason, detail: str = "") -> Dropped:
        return Dropped(row.id, reason, detail[:300], question[:300], sql[:1000])

    if reason := _unusable(question, sql, ddl if row.db_id is None else "-", rules):
        return dropped(*reason)
    schema = schemas[row.db_id] if row.db_id is not None else _schema(ddl, origin.dialects)
    if schema is None:
        return dropped(Reason.DDL_DOES_NOT_BUILD, ddl)
    trees, fault = parse(sql, origin.dialects)
    if not rules.trusted and (reason := _unfit(trees, fault, sql, schema, rules)):
        return dropped(*reason)
    db_id = row.db_id or ddl_id(schema)
    example = Example(
        row.id, question, sql, db_id, origin.name, origin.licence, row.kind, tags=row.tags
    )
    mark = fingerprint(example, schema, tree=trees[0] if len(trees) == 1 else None)
    return Kept(mark, schema if row.db_id is None else None)


def parse(sql: str, dialects: Sequence[str]) -> tuple[list[exp.Expr], str]:
    """The statements of ``sql`` in the first dialect that reads it, or none and the first fault.

    >>> [tree.key for tree in parse("SELECT 1; SELECT 2", ("sqlite",))[0]]
    ['select', 'select']
    """
    fault = ""
    logger = logging.getLogger("sqlglot")
    was_disabled, logger.disabled = logger.disabled, True  # it warns about what it only passes on
    try:
        for dialect in dialects:
            try:
                trees = [t for t in sqlglot.parse(sql, dialect=dialect or None) if t is not None]
                return trees, "" if trees else "nothing but comments"
            except (SqlglotError, ValueError) as error:
                fault = fault or str(error).partition("\n")[0]
            except RecursionError:
                fault = fault or "nested too deep"
        return [], fault
    finally:
        logger.disabled = was_disabled


def ddl_id(schema: Schema) -> str:
    """The ``db_id`` of a database that is only a schema: equal schemas, equal ids.

    >>> ddl_id(Schema(()))
    'ddl-55981896920808b4'
    """
    text = json.dumps(asdict(schema), ensure_ascii=False, sort_keys=True)
    return f"ddl-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _unusable(question: str, sql: str, ddl: str, rules: Rules) -> tuple[Reason, str] | None:
    for text, reason in (
        (question, Reason.NO_QUESTION),
        (sql, Reason.NO_SQL),
        (ddl, Reason.NO_SCHEMA),
    ):
        if not text:
            return reason, ""
    for name, text in (("question", question), ("SQL", sql), ("schema", ddl)):
        if len(text) > MAX_CELL:
            return Reason.CELL_TOO_LARGE, f"{name} of {len(text):,} characters"
    if len(sql) > rules.max_answer and not rules.trusted:
        return Reason.ANSWER_TOO_LONG, f"{len(sql):,} characters"
    return None


def _unfit(
    trees: Sequence[exp.Expr], fault: str, sql: str, schema: Schema, rules: Rules
) -> tuple[Reason, str] | None:
    if not trees:
        return Reason.SQL_DOES_NOT_PARSE, fault
    if len(trees) > 1:
        return Reason.SEVERAL_STATEMENTS, f"{len(trees)} statements"
    tree = trees[0]
    if not isinstance(tree, exp.Query):
        kind = sql.split(maxsplit=1)[0].upper()
        return (Reason.NOT_A_QUERY, kind) if rules.only_queries else None
    if missing := missing_name(tree, schema, sql):
        return Reason.UNKNOWN_NAME, missing
    return None


@lru_cache(maxsize=4096)
def _schema(ddl: str, dialects: tuple[str, ...]) -> Schema | None:
    """The schema of some DDL: SQLite builds it, or else sqlglot reads it in one of the dialects."""
    for dialect in dict.fromkeys(("sqlite", *dialects)):
        try:
            schema = schema_from_ddl(ddl, dialect)
        except DatabaseError:
            continue
        return replace(schema, dialect=schema.dialect or "sqlite")
    return None
