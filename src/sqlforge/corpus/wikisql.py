"""WikiSQL: questions over single Wikipedia tables, in the layout in which Salesforce publishes it.

The structured queries (``sel``, ``agg``, ``conds``) become SQL over the table's real column
names, and the rows go into SQLite files in the cache, so that plain ``sqlite3`` gives what the
official execution gives. What that takes:

* **Case.** Officially all text is lower-cased, in the table and in the query. Here the rows keep
  their spelling, so that prompts can show it, and every text column is declared ``COLLATE
  NOCASE``, so that comparisons, MIN and MAX do not see it. NOCASE folds ASCII only; where a
  condition needs more (``É``), the SQL carries the spelling of the cell. Results therefore equal
  the official ones up to the case of text, and a gold query and a prediction get the same rows.
* **Numbers.** In ``real`` columns cells and condition values such as ``"36,642"`` are read as
  numbers (commas group digits; failing that, the first number inside the text). Cells that hold
  no number stay text. In SQL such values stand unquoted; in ``text`` columns always quoted.
* **Names.** A table is called ``table_1_10015132_11``, as officially: many tables share
  a file, so a short name for all will not do. Column names are the headers with white space
  collapsed, quoted where SQL needs it. An empty header becomes ``column_3`` (its
  place, from 1); a header that repeats an earlier one, case aside, gets a number appended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from sqlforge.core.names import sql_name
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.archive import unpacked
from sqlforge.corpus.files import (
    OnBadRow,
    Reading,
    SkippedRow,
    find_file,
    missing,
    optional_file,
    read_jsonl,
)
from sqlforge.corpus.wikisql_rows import (
    AGGREGATES,
    OPERATORS,
    Query,
    WikiTable,
    convert_query,
    number_in,
)
from sqlforge.corpus.wikisql_store import build_store, open_store, stored_tables

LICENCE = "BSD-3-Clause"
_OFFICIAL_TEST = 15_878
_ARCHIVES = ("data.tar.bz2", "data.tar.xz", "data.tar.gz")


def read_wikisql(
    data_dir: Path,
    split: Literal["train", "dev", "test"],
    *,
    on_bad_row: OnBadRow = "stop",
) -> Reading:
    """Read one split of WikiSQL; every table is a database of its own.

    Args:
        data_dir: the folder with ``train.jsonl`` and ``train.tables.jsonl`` (plain, ``.xz`` or
            ``.gz``), the official ``data/`` or ``data.tar.bz2``, or the folder above.
        split: the files to read.
        on_bad_row: what to do at a malformed row, in either file.

    Returns:
        Examples ``wikisql-test-00000``, … numbered by their place in the file. ``Database.path``
        is a SQLite file in the cache that 200 tables share, built at the first reading. A
        ``test`` split that is not the official one is named ``wikisql-held-out-tables``, and
        ``notes`` say why.

    Raises:
        DataError: a file is missing or corrupt, a row is malformed, or a question asks about an
            unknown table or column.
        StorageError: the cache cannot be written.
    """
    folder = wikisql_folder(data_dir, split)
    questions = find_file(folder, f"{split}.jsonl", "WikiSQL")
    tables_file = find_file(folder, f"{split}.tables.jsonl", "WikiSQL")
    skipped: list[SkippedRow] = []
    store = build_store(tables_file, split, on_bad_row, skipped)
    homes = {table.id: (table, path) for table, path in stored_tables(store)}
    with _Spelling() as spelling:
        read = read_jsonl(
            questions, lambda value: _known(value, homes), on_bad_row=on_bad_row, skipped=skipped
        )
        examples = tuple(
            Example(
                f"wikisql-{split}-{position:05d}",
                query.question,
                sql_of(query, homes[query.table_id][0], spelling.of(query, homes)),
                query.table_id,
                "wikisql",
                LICENCE,
            )
            for position, query in read
        )
    databases = {}
    for example in examples:
        if example.db_id not in databases:
            table, path = homes[example.db_id]
            databases[example.db_id] = Database(example.db_id, _schema(table), path)
    left_out = sum(row.file == questions for row in skipped)
    name, notes = _name(split, len(examples) + left_out)
    return Reading(Dataset(name, examples, databases), tuple(skipped), notes)


def wikisql_folder(data_dir: Path, split: str = "train") -> Path:
    """The folder that holds the split's files: ``data_dir``, or below it.

    Raises:
        DataError: none of the known places has them.
    """
    name = f"{split}.tables.jsonl"
    places = ("", "wikisql", "data", "wikisql/data", "WikiSQL", "WikiSQL/data")
    for place in places:
        if optional_file(data_dir / place, name):
            return data_dir / place
    for place in ("", "wikisql", "WikiSQL"):
        for archive in _ARCHIVES:
            if (data_dir / place / archive).is_file():
                content = unpacked(data_dir / place / archive, "wikisql")
                return content / "data" if (content / "data").is_dir() else content
    tried = [name, f"{name}.xz", f"{name}.gz", *(f"{place}/{name}" for place in places[1:3])]
    raise missing(data_dir, [*tried, "data.tar.bz2"], "WikiSQL")


def sql_of(query: Query, table: WikiTable, spelling: Mapping[int, str] | None = None) -> str:
    """The SQL of a structured query.

    Args:
        query: column positions, aggregate and conditions.
        table: the table asked about.
        spelling: for some conditions (by place) the text to compare with instead of the
            published one.

    >>> table = WikiTable("1-10-2", ("Player", "No. of caps"), ("text", "real"))
    >>> print(sql_of(Query("1-10-2", "Who?", 0, 0, ((1, 1, "1,200"), (0, 0, "O'Neal"))), table))
    SELECT Player FROM table_1_10_2 WHERE "No. of caps" > 1200 AND Player = 'O''Neal'
    """
    names = [sql_name(column) for column in table.columns]
    selected = names[query.selected]
    if query.aggregate:
        selected = f"{AGGREGATES[query.aggregate]}({selected})"
    conditions = []
    for place, (column, operator, value) in enumerate(query.conditions):
        text = (spelling or {}).get(place, value)
        literal = _literal(text, table.types[column])
        conditions.append(f"{names[column]} {OPERATORS[operator]} {literal}")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {selected} FROM {table.sql_name}{where}"


def _literal(value: str | int | float, kind: str) -> str:
    number = number_in(value) if kind == "real" else None
    if number is not None:
        return repr(number)
    return "'" + str(value).replace("'", "''") + "'"


def _known(value: object, homes: Mapping[str, tuple[WikiTable, Path]]) -> Query:
    query = convert_query(value)
    if query.table_id not in homes:
        raise ValueError(f"the table '{query.table_id}' is unknown")
    width = len(homes[query.table_id][0].columns)
    if any(not 0 <= c < width for c in (query.selected, *(c for c, _, _ in query.conditions))):
        raise ValueError(f"a column number outside 0 to {width - 1}")
    return query


class _Spelling:
    """Looks up how the cells spell the text that conditions compare with."""

    def __init__(self) -> None:
        self._open: dict[Path, sqlite3.Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        for connection in self._open.values():
            connection.close()

    def of(self, query: Query, homes: Mapping[str, tuple[WikiTable, Path]]) -> dict[int, str]:
        """The cell's spelling for each ``=`` on text that some cell matches, by place."""
        table, path = homes[query.table_id]
        found = {}
        for place, (column, operator, value) in enumerate(query.conditions):
            if OPERATORS[operator] == "=" and table.types[column] == "text":
                cell = self._cell(path, table, table.columns[column], str(value))
                if cell is not None:
                    found[place] = cell
        return found

    def _cell(self, path: Path, table: WikiTable, column: str, value: str) -> str | None:
        if path not in self._open:
            self._open[path] = open_store(path)
        name = sql_name(column)
        select = f"SELECT {name} FROM {table.sql_name}"
        row = self._open[path].execute(f"{select} WHERE {name} = ? LIMIT 1", (value,)).fetchone()
        if row is None and not value.isascii():
            cells = self._open[path].execute(f"{select} WHERE {name} IS NOT NULL")
            row = next((cell for cell in cells if cell[0].lower() == value.lower()), None)
        return None if row is None else str(row[0])


def _name(split: str, questions: int) -> tuple[str, tuple[str, ...]]:
    """The name under which figures may be printed, and why it is not the official one."""
    if split != "test" or questions == _OFFICIAL_TEST:
        return f"wikisql-{split}", ()
    return "wikisql-held-out-tables", (
        f"These are {questions:,} questions, not the {_OFFICIAL_TEST:,} of WikiSQL's official test"
        " split: figures on them are called 'WikiSQL held-out tables'.",
    )


def _schema(table: WikiTable) -> Schema:
    columns = tuple(
        Column(name, kind.upper()) for name, kind in zip(table.columns, table.types, strict=True)
    )
    return Schema((Table(table.sql_name, columns, (), table.title),))
