"""The benchmarks that training data is audited against, as fingerprints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sqlforge.core.errors import DataError, MissingDataError
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.files import fields, find_file, optional_file, read_jsonl
from sqlforge.corpus.fingerprints import Fingerprint, fingerprint, normal_question
from sqlforge.corpus.folding import fold, fold_literal
from sqlforge.corpus.leaks import Reference
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.wikisql import LICENCE as WIKISQL_LICENCE
from sqlforge.corpus.wikisql import sql_of, wikisql_folder
from sqlforge.corpus.wikisql_rows import (
    AGGREGATES,
    OPERATORS,
    Query,
    WikiTable,
    convert_query,
    unique_names,
)

BENCHMARKS = ("spider-dev", "wikisql-dev", "wikisql-test")
"""The published ones, by name."""

OFFICIAL_ROWS = {"dev": 8_421, "test": 15_878}
"""The questions of WikiSQL's official splits."""

_QUESTIONS = "official_{split}_questions.jsonl"
_PLACES = ("", "wikisql", "data", "wikisql/data", "WikiSQL", "WikiSQL/data")


def published_benchmark(name: str, data_dir: Path | None) -> Reference:
    """One of :data:`BENCHMARKS`.

    Raises:
        MissingDataError: there is no folder, or it lacks the benchmark's files.
        DataError: they are malformed, or there is no benchmark of that name.
    """
    if name not in BENCHMARKS:
        known = ", ".join(BENCHMARKS)
        raise DataError(f"the benchmark '{name}'", f"one of {known}, internal", "choose from it")
    if data_dir is None:
        raise MissingDataError(
            f"the benchmark '{name}' without a folder to read it from",
            "--data-dir DIR or the environment variable SQLFORGE_DATA_DIR",
            "name the folder with its files, or leave it out of --against or data.audit.against",
        )
    if name == "spider-dev":
        return spider_dev(data_dir)
    return wikisql(data_dir, name.removeprefix("wikisql-"))


def spider_dev(data_dir: Path) -> Reference:
    """Spider's 1,034 dev questions with the schemas of their databases.

    Raises:
        DataError: Spider's files are missing or malformed.
    """
    dataset = read_spider(data_dir, "dev").dataset
    return Reference("Spider dev", of_examples(dataset.examples, dataset.databases))


def wikisql(data_dir: Path, split: str) -> Reference:
    """The questions of WikiSQL's official ``dev`` or ``test``.

    Read from ``official_SPLIT_questions.jsonl``, for which no tables are needed, or else from the
    published ``SPLIT.jsonl`` with the headers of ``SPLIT.tables.jsonl``. Other rows than the
    official ones are called held-out tables.

    Raises:
        DataError: there is neither, or a row is malformed.
    """
    name = _QUESTIONS.format(split=split)
    for place in _PLACES:
        file = optional_file(data_dir / place, name)
        if file is not None:
            queries = [query for _, query in read_jsonl(file, convert_query)]
            prints = tuple(_nameless(query, split, i) for i, query in enumerate(queries))
            return Reference(_title(split, len(prints)), prints, names_known=False)
    prints = tuple(fingerprint(*row) for row in wikisql_rows(data_dir, split))
    return Reference(_title(split, len(prints)), prints)


def wikisql_rows(data_dir: Path, split: str) -> list[tuple[Example, Schema]]:
    """WikiSQL's questions as SQL over the tables' headers; rows of tables are not read.

    Raises:
        DataError: the files are missing, or a row is malformed.
    """
    folder = wikisql_folder(data_dir, split)
    tables_file = find_file(folder, f"{split}.tables.jsonl", "WikiSQL")
    tables = {table.id: table for _, table in read_jsonl(tables_file, _header)}
    questions = find_file(folder, f"{split}.jsonl", "WikiSQL")
    read = read_jsonl(questions, lambda value: _known(convert_query(value), tables))
    schemas = {name: _schema(table) for name, table in tables.items()}
    return [
        (_example(query, tables[query.table_id], split, position), schemas[query.table_id])
        for position, query in read
    ]


def of_examples(
    examples: Sequence[Example], databases: Mapping[str, Database]
) -> tuple[Fingerprint, ...]:
    """Fingerprints of examples whose databases are known."""
    return tuple(fingerprint(e, databases[e.db_id].schema) for e in examples)


def _title(split: str, rows: int) -> str:
    return f"WikiSQL {split}" if rows == OFFICIAL_ROWS[split] else "WikiSQL held-out tables"


def _schema(table: WikiTable) -> Schema:
    pairs = zip(table.columns, table.types, strict=True)
    columns = tuple(Column(name, kind.upper()) for name, kind in pairs)
    return Schema((Table(table.sql_name, columns),))


def _nameless(query: Query, split: str, position: int) -> Fingerprint:
    """Columns are known by their places only; values and the query's shape are compared."""
    width = 1 + max([query.selected, *(column for column, _, _ in query.conditions)])
    names = tuple(f"column_{place}" for place in range(1, width + 1))
    table = WikiTable(query.table_id, names, ("text",) * width)
    example = _example(query, table, split, position)
    aggregate = AGGREGATES[query.aggregate]
    conditions = " AND ".join(f"c {OPERATORS[o]} ?" for _, o, _ in query.conditions)
    return Fingerprint(
        example=example,
        words=normal_question(example.question),
        key=fold(example.question),
        canonical=None,
        masked=f"SELECT {f'{aggregate}(c)' if aggregate else 'c'} FROM t"
        + (f" WHERE {conditions}" if conditions else ""),
        literals=tuple(fold_literal(str(value)) for _, _, value in query.conditions),
        tables=(),
    )


def _example(query: Query, table: WikiTable, split: str, position: int) -> Example:
    return Example(
        f"wikisql-{split}-{position:05d}",
        query.question,
        sql_of(query, table),
        query.table_id,
        "wikisql",
        WIKISQL_LICENCE,
    )


def _header(value: object) -> WikiTable:
    found = cast("dict[str, Any]", fields(value, id=str, header=list, types=list))
    names = unique_names(found["header"])
    if len(found["types"]) != len(names):
        raise ValueError(f"{len(names)} headers but {len(found['types'])} types")
    return WikiTable(found["id"], names, tuple(map(str, found["types"])))


def _known(query: Query, tables: Mapping[str, WikiTable]) -> Query:
    if query.table_id not in tables:
        raise ValueError(f"the table '{query.table_id}' is unknown")
    width = len(tables[query.table_id].columns)
    if any(not 0 <= c < width for c in (query.selected, *(c for c, _, _ in query.conditions))):
        raise ValueError(f"a column number outside 0 to {width - 1}")
    return query
