"""Training data of any kind, row by row: a run's or prepared folder, a corpus by name, a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlforge.core.errors import DatabaseError, DataError
from sqlforge.core.records import Example
from sqlforge.core.schema import Schema
from sqlforge.corpus import gretel, own, spider, sql_create_context
from sqlforge.corpus.benchmark_questions import wikisql_rows
from sqlforge.corpus.packed import PACKED, open_text
from sqlforge.corpus.raw import Source
from sqlforge.corpus.rows import Columns, Row, read_rows
from sqlforge.corpus.store import StoredExamples, read_databases
from sqlforge.database.ddl import schema_from_ddl

NAMED = ("spider", "wikisql", "sql-create-context", "gretel")
"""Published corpora whose training part may be named."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a file of rows has its question, SQL and schema, and whose rows those are."""

    columns: Columns
    question: str
    sql: str
    ddl: str | None
    licence: str


_LAYOUTS = (
    _Layout(
        Columns(("question", "context", "answer"), ("db_id",)),
        "question",
        "answer",
        "context",
        sql_create_context.LICENCE,
    ),
    _Layout(
        Columns(("sql_prompt", "sql_context", "sql")),
        "sql_prompt",
        "sql",
        "sql_context",
        gretel.LICENCE,
    ),
    _Layout(Columns(("question", "query", "db_id")), "question", "query", None, spider.LICENCE),
    _Layout(
        Columns(own.COLUMNS.required, (*own.COLUMNS.optional, "db_id")),
        "question",
        "sql",
        "schema",
        own.UNKNOWN_LICENCE,
    ),
)
"""Told apart by their columns, in this order; the last one is one's own."""


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """An example with its schema, if that is known, and the columns of its file, if it has one."""

    example: Example
    schema: Schema | None
    original: Row | None = None


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows that can be read again.

    ``count`` is their number, where that is known before reading. ``folder`` is the prepared
    folder that they are in and ``run`` its run directory; ``lines`` is their file, if it is JSONL.
    """

    name: str
    rows: Callable[[], Iterator[TrainingRow]]
    count: int | None
    folder: Path | None = None
    run: Path | None = None
    lines: Path | None = None


def open_training(name: str, data_dir: Path | None) -> TrainingData:
    """Find training data.

    Args:
        name: a run directory, a folder with ``train.jsonl`` and ``databases.jsonl`` (as
            ``prepare`` and ``synth`` write it), a file of rows, or one of :data:`NAMED`.
        data_dir: where the corpora lie that are named.

    Raises:
        DataError: there is nothing of that name, or it cannot be read.

    >>> open_training("nowhere.jsonl", None)
    Traceback (most recent call last):
    sqlforge.core.errors.DataError: Got the training data 'nowhere.jsonl', expected a run directory,
    a prepared folder, a file of rows, or one of spider, wikisql, sql-create-context, gretel: check
    the path.
    """
    path = Path(name)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path)
    if name in NAMED:
        return _named(name, data_dir)
    known = ", ".join(NAMED)
    raise DataError(
        f"the training data '{name}'",
        f"a run directory, a prepared folder, a file of rows, or one of {known}",
        "check the path",
    )


def _of_folder(path: Path) -> TrainingData:
    run = path if (path / "data" / "train.jsonl").is_file() else None
    folder = path / "data" if run else path
    if not (folder / "train.jsonl").is_file() or not (folder / "databases.jsonl").is_file():
        raise DataError(
            f"the folder {path} without train.jsonl and databases.jsonl",
            "a run directory or a folder that 'prepare' or 'synth' wrote",
            "prepare the data first, or name a file of rows",
        )
    databases = read_databases(folder / "databases.jsonl")

    def rows() -> Iterator[TrainingRow]:
        for example in StoredExamples(folder / "train.jsonl"):
            database = databases.get(example.db_id)
            yield TrainingRow(example, database.schema if database else None)

    return TrainingData(path.name, rows, _lines(folder / "train.jsonl"), folder, run)


def _named(name: str, data_dir: Path | None) -> TrainingData:
    if name == "sql-create-context":
        return _of_source(sql_create_context.open_sql_create_context(data_dir))
    if name == "gretel":
        return _of_source(gretel.open_gretel(data_dir))
    if data_dir is None:
        raise DataError(
            f"the corpus '{name}' without a folder to read it from",
            "--data-dir DIR or the environment variable SQLFORGE_DATA_DIR",
            "name the folder that holds the published files",
        )
    if name == "wikisql":
        pairs = wikisql_rows(data_dir, "train")
    else:
        dataset = spider.read_spider(data_dir, "train").dataset
        pairs = [(e, dataset.databases[e.db_id].schema) for e in dataset.examples]
    return TrainingData(name, lambda: (TrainingRow(*pair) for pair in pairs), len(pairs))


def _of_source(source: Source) -> TrainingData:
    def rows() -> Iterator[TrainingRow]:
        for row in source.rows([]):
            example = Example(
                row.id,
                row.question or "",
                row.sql or "",
                row.db_id or row.id,
                source.name,
                source.licence,
                row.kind,
            )
            original = {"question": row.question, "sql": row.sql, "schema": row.ddl}
            yield TrainingRow(example, _schema(row.ddl) if row.ddl else None, original)

    return TrainingData(source.name, rows, source.count)


def _of_file(path: Path) -> TrainingData:
    layout = _layout_of(path)

    def rows() -> Iterator[TrainingRow]:
        for position, row in read_rows(path, layout.columns):
            name = f"{path.name}-{position:06d}"
            ddl = row[layout.ddl] if layout.ddl else None
            example = Example(
                name,
                row[layout.question] or "",
                row[layout.sql] or "",
                row.get("db_id") or name,
                path.name,
                layout.licence,
            )
            yield TrainingRow(example, _schema(ddl) if ddl else None, row)

    suffixes = [suffix for suffix in path.suffixes if suffix.lower() not in PACKED]
    is_lines = suffixes[-1:] in ([".jsonl"], [".ndjson"])
    count = _lines(path) if is_lines else None
    return TrainingData(path.name, rows, count, lines=path if is_lines else None)


def _lines(path: Path) -> int:
    with open_text(path) as file:
        return sum(bool(line.strip()) for line in file)


def _layout_of(path: Path) -> _Layout:
    """The first layout whose columns the file has.

    Raises:
        DataError: it has those of none; the message is about one's own rows.
    """
    for layout in _LAYOUTS:
        try:
            next(read_rows(path, layout.columns), None)
        except DataError:
            if layout is _LAYOUTS[-1]:
                raise
        else:
            return layout
    raise AssertionError("the last layout returns or raises")


@lru_cache(maxsize=1024)
def _schema(ddl: str) -> Schema | None:
    try:
        return schema_from_ddl(ddl)
    except DatabaseError:
        return None
