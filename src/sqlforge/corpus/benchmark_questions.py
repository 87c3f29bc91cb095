"""The benchmarks that training data is audited against, as fingerprints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.files import fields, find_file, optional_file, read_jsonl
from sqlforge.corpus.fingerprints import Fingerprint, fingerprint
from sqlforge.corpus.leaks import Reference
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.wikisql import LICENCE as WIKISQL_LICENCE
from sqlforge.corpus.wikisql import sql_of, wikisql_folder
from sqlforge.corpus.wikisql_rows import Query, WikiTable, convert_query, unique_names

OFFICIAL_ROWS = {"dev": 8_421, "test": 15_878}
"""The questions of WikiSQL's official splits."""

_QUESTIONS = "official_{split}_questions.jsonl"
_PLACES = ("", "wikisql", "data", "wikisql/data", "WikiSQL", "WikiSQL/data")


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
    folder = wikisql_folder(data_dir, split)
    tables_file = find_file(folder, f"{split}.tables.jsonl", "WikiSQL")
    tables = {table.id: table for _, table in read_jsonl(tables_file, _header)}
    questions = find_file(folder, f"{split}.jsonl", "WikiSQL")
    read = read_jsonl(questions, lambda value: _known(convert_query(value), tables))
    prints = tuple(
        _named(query, tables[query.table_id], split, position) for position, query in read
    )
    return Reference(_title(split, len(prints)), prints)


def of_examples(
    examples: Sequence[Example], databases: Mapping[str, Database]
) -> tuple[Fingerprint, ...]:
    """Fingerprints of examples whose databases are known."""
    return tuple(fingerprint(e, databases[e.db_id].schema) for e in examples)


def _title(split: str, rows: int) -> str:
    return f"WikiSQL {split}" if rows == OFFICIAL_ROWS[split] else f"WikiSQL held-out {split}"


def _named(query: Query, table: WikiTable, split: str, position: int) -> Fingerprint:
    columns = tuple(
        Column(name, kind.upper()) for name, kind in zip(table.columns, table.types, strict=True)
    )
    schema = Schema((Table(table.sql_name, columns),))
    return fingerprint(_example(query, table, split, position), schema)


def _nameless(query: Query, split: str, position: int) -> Fingerprint:
    """Columns are known by their places only."""
    width = 1 + max([query.selected, *(column for column, _, _ in query.conditions)])
    names = tuple(f"column_{place}" for place in range(1, width + 1))
    table = WikiTable(query.table_id, names, ("text",) * width)
    return fingerprint(_example(query, table, split, position), None)


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
