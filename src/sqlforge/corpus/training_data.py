"""Training data of any kind, row by row: a run's or prepared folder, a corpus by name, a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlforge.core.errors import DatabaseError, DataError
from sqlforge.core.records import Example
from sqlforge.core.schema import Schema
from sqlforge.corpus.benchmark_questions import wikisql_rows
from sqlforge.corpus.files import open_text, read_json_array, read_jsonl
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.introspect import schema_from_ddl

NAMED = ("spider", "wikisql", "sql-create-context")
"""Published corpora whose training part may be named."""

_QUESTION = ("question", "sql_prompt")
_SQL = ("sql", "query", "answer")
_DDL = ("schema", "context", "sql_context")
_UNKNOWN_LICENCE = "LicenseRef-unknown"


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """An example with its schema, if that is known, and the row of the file that it came from."""

    example: Example
    schema: Schema | None
    original: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows that can be read again; ``folder`` is the prepared folder they are in, if any.

    ``run`` is the run directory of such a folder. ``count`` is the number of rows.
    """

    name: str
    rows: Callable[[], Iterator[TrainingRow]]
    count: int
    folder: Path | None = None
    run: Path | None = None


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
    a prepared folder, a file of rows, or one of spider, wikisql, sql-create-context: check the
    path.
    """
    path = Path(name)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path, path.name)
    if name in NAMED:
        if data_dir is None:
            raise DataError(
                f"the corpus '{name}' without a folder to read it from",
                "--data-dir DIR or the environment variable SQLFORGE_DATA_DIR",
                "name the folder that holds the published files",
            )
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
    examples = read_examples(folder / "train.jsonl")

    def rows() -> Iterator[TrainingRow]:
        for example in examples:
            database = databases.get(example.db_id)
            yield TrainingRow(example, database.schema if database else None)

    return TrainingData(path.name, rows, len(examples), folder, run)


def _named(name: str, data_dir: Path) -> TrainingData:
    if name == "sql-create-context":
        return _of_file(_sql_create_context(data_dir), name)
    if name == "wikisql":
        pairs = wikisql_rows(data_dir, "train")
    else:
        dataset = read_spider(data_dir, "train").dataset
        pairs = [(e, dataset.databases[e.db_id].schema) for e in dataset.examples]
    return TrainingData(name, lambda: (TrainingRow(*pair) for pair in pairs), len(pairs))


def _sql_create_context(data_dir: Path) -> Path:
    names = ("sql_create_context_v4.json", "train.jsonl", "train.json", "train.parquet")
    folders = (data_dir / "sql_create_context", data_dir / "sql-create-context", data_dir)
    for folder in folders:
        for name in names[: 1 if folder == data_dir else None]:
            for packed in ("", ".xz", ".gz"):
                if (folder / (name + packed)).is_file():
                    return folder / (name + packed)
    raise DataError(
        f"a folder {data_dir} without sql_create_context/",
        f"the files of sql-create-context ({names[0]} or {names[1]})",
        "check --data-dir or SQLFORGE_DATA_DIR, or name the file itself",
    )


def _of_file(path: Path, name: str) -> TrainingData:
    with open_text(path) as file:
        is_array = file.read(1) == "["
    reader = read_json_array if is_array else read_jsonl

    def rows() -> Iterator[TrainingRow]:
        for position, value in reader(path, _checked):
            yield _row(value, f"{name}-{position:06d}", name)

    return TrainingData(name, rows, sum(1 for _ in rows()))


def _checked(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__} instead of an object")
    for wanted in (_QUESTION, _SQL):
        if not any(isinstance(value.get(column), str) for column in wanted):
            raise ValueError(f"no text in any of the fields {', '.join(wanted)}")
    return value


def _row(value: dict[str, Any], row_id: str, source: str) -> TrainingRow:
    ddl = _first(value, _DDL)
    example = Example(
        str(value.get("id") or row_id),
        _first(value, _QUESTION) or "",
        _first(value, _SQL) or "",
        str(value.get("db_id") or row_id),
        str(value.get("source") or source),
        str(value.get("licence") or _UNKNOWN_LICENCE),
    )
    return TrainingRow(example, _schema(ddl) if ddl else None, value)


def _first(value: dict[str, Any], columns: tuple[str, ...]) -> str | None:
    texts = (value.get(column) for column in columns)
    return next((text for text in texts if isinstance(text, str)), None)


@lru_cache(maxsize=1024)
def _schema(ddl: str) -> Schema | None:
    try:
        return schema_from_ddl(ddl)
    except DatabaseError:
        return None
