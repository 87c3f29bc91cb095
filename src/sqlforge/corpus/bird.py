"""BIRD: questions over large databases with outside knowledge, read in its published layout.

``dev.json`` (or ``train.json``, ``mini_dev_sqlite.json``) lists ``question_id``, ``db_id``,
``question``, ``evidence``, ``SQL`` and ``difficulty``; ``dev_tables.json`` describes the databases
as Spider's ``tables.json`` does; ``dev_databases/<db>/<db>.sqlite`` holds the rows, and beside it
``database_description/<table>.csv`` says what every column means. Names, types and keys are taken
from the SQLite files, descriptions from the CSV files or, where there is none, from
``dev_tables.json``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from sqlforge.core.errors import DatabaseError, DataError
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.files import (
    OnBadRow,
    Reading,
    SkippedRow,
    fields,
    find_file,
    missing,
    optional_file,
    read_json_array,
)
from sqlforge.database.introspect import schema_from_sqlite

LICENCE = "CC-BY-SA-4.0"
BirdSplit = Literal["dev", "train", "mini_dev"]

_QUESTIONS = {"dev": "dev.json", "train": "train.json", "mini_dev": "mini_dev_sqlite.json"}
_PREFIXES = {"dev": "dev", "train": "train", "mini_dev": "dev"}
_FOLDERS = ("", "bird", "BIRD", "dev", "train", "dev_20240627", "minidev", "MINIDEV")

Descriptions = Mapping[tuple[str, str], str]
"""What a column means, by the lower-case names of its table and itself."""


def read_bird(
    data_dir: Path,
    split: BirdSplit,
    *,
    evidence: bool = True,
    on_bad_row: OnBadRow = "stop",
) -> Reading:
    """Read one split of BIRD with its databases.

    Args:
        data_dir: the folder with the split's files as its archive unpacks them, or one above.
        split: ``"dev"``, ``"train"`` or ``"mini_dev"``.
        evidence: put the outside knowledge behind the question, as BIRD's main setting does.
        on_bad_row: what to do at a malformed row; see
            :func:`sqlforge.corpus.files.read_json_array`.

    Returns:
        Examples ``bird-dev-0000``, … numbered by ``question_id``, by place where there is none;
        ``kind`` is the difficulty (simple, moderate, challenging), ``None`` where none is given.

    Raises:
        DataError: a file is missing or corrupt, a row is malformed, or a database has no file.
    """
    folder = bird_folder(data_dir, split)
    prefix = _PREFIXES[split]
    told = _told(find_file(folder, f"{prefix}_tables.json", "BIRD"))
    skipped: list[SkippedRow] = []
    read = read_json_array(
        find_file(folder, _QUESTIONS[split], "BIRD"),
        lambda value: _row(value, told),
        on_bad_row=on_bad_row,
        skipped=skipped,
    )
    examples = []
    for position, row in read:
        number = position if row.number is None else row.number
        question = f"{row.question} ({row.evidence})" if evidence and row.evidence else row.question
        name = f"bird-{split}-{number:04d}"
        examples.append(Example(name, question, row.sql, row.db_id, "bird", LICENCE, row.kind))
    names = dict.fromkeys(example.db_id for example in examples)
    files = folder / f"{prefix}_databases"
    databases = {name: _database(name, files / name, told[name]) for name in names}
    _check_ids(examples, folder / _QUESTIONS[split])
    return Reading(Dataset(f"bird-{split}", tuple(examples), databases), tuple(skipped))


def bird_folder(data_dir: Path, split: BirdSplit) -> Path:
    """The folder that holds the split's questions: ``data_dir`` or below it.

    Raises:
        DataError: none of the known places has them.
    """
    places = [*_FOLDERS, *(f"{above}/{name}" for above in _FOLDERS[1:3] for name in _FOLDERS[3:])]
    for place in places:
        folder = data_dir / place
        if optional_file(folder, f"{_PREFIXES[split]}_tables.json") and optional_file(
            folder, _QUESTIONS[split]
        ):
            return folder
    raise missing(data_dir, [_QUESTIONS[split], f"bird/{_QUESTIONS[split]}"], "BIRD")


@dataclass(frozen=True, slots=True)
class _Row:
    number: int | None
    db_id: str
    question: str
    evidence: str
    sql: str
    kind: str | None


def _row(value: object, told: Mapping[str, Descriptions]) -> _Row:
    found = fields(value, db_id=str, question=str, SQL=str)
    rest = cast("dict[str, Any]", value)
    number, evidence = rest.get("question_id"), rest.get("evidence") or ""
    if not (number is None or isinstance(number, int)) or not isinstance(evidence, str):
        raise ValueError("a question_id that is no number, or an evidence that is no text")
    if found["db_id"] not in told:
        raise ValueError(f"the database '{found['db_id']}' is not described")
    return _Row(
        number,
        str(found["db_id"]),
        " ".join(str(found["question"]).split()),
        " ".join(evidence.split()),
        str(found["SQL"]).strip(),
        str(rest["difficulty"]) if rest.get("difficulty") else None,
    )


def _told(path: Path) -> dict[str, Descriptions]:
    """The descriptions in ``dev_tables.json`` by database."""
    return dict(found for _, found in read_json_array(path, _entry))


def _entry(value: object) -> tuple[str, Descriptions]:
    names = ("table_names_original", "column_names_original", "column_names")
    db_id = str(fields(value, db_id=str)["db_id"])
    found = fields(value, **dict.fromkeys(names, list))
    tables, columns, spoken = (cast("list[Any]", found[name]) for name in names)
    try:
        pairs = zip(columns, spoken, strict=True)
        return db_id, {
            (tables[table].lower(), name.lower()): " ".join(text.split())
            for (table, name), (_, text) in pairs
            if table >= 0
        }
    except (AttributeError, IndexError, TypeError, ValueError) as fault:
        raise ValueError(f"the description of '{db_id}' is malformed") from fault


def _database(name: str, folder: Path, told: Descriptions) -> Database:
    path = folder / f"{name}.sqlite"
    if not path.is_file():
        raise DataError(
            f"no file {path}", "the databases of BIRD", "unpack the archive of databases there"
        )
    try:
        schema = schema_from_sqlite(path)
    except DatabaseError as fault:
        raise DataError(fault.got, fault.expected, "fetch the databases again") from fault
    meanings = {**told, **_described(folder / "database_description")}
    return Database(name, Schema(tuple(_with_meanings(t, meanings) for t in schema.tables)), path)


def _described(folder: Path) -> dict[tuple[str, str], str]:
    found = {}
    for path in sorted(folder.glob("*.csv")):
        for row in csv.DictReader(io.StringIO(_text(path))):
            name = (row.get("original_column_name") or "").strip().lower()
            meaning = _meaning(row.get("column_name"), row.get("column_description"))
            if name and meaning:
                found[path.stem.strip().lower(), name] = meaning
    return found


def _text(path: Path) -> str:
    """Some files are UTF-8 with a byte order mark, some Windows-1252, one has NUL bytes."""
    raw = path.read_bytes().replace(b"\0", b"")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _meaning(spoken: str | None, description: str | None) -> str:
    """The expanded name and the description, each once."""
    parts = [" ".join(part.split()) for part in (spoken or "", description or "")]
    parts = [part for part in parts if part]
    if len(parts) == 2 and parts[0].lower() in parts[1].lower():
        return parts[1]
    return ": ".join(parts)


def _with_meanings(table: Table, meanings: Descriptions) -> Table:
    return replace(
        table, columns=tuple(_with_meaning(table.name, c, meanings) for c in table.columns)
    )


def _with_meaning(table: str, column: Column, meanings: Descriptions) -> Column:
    meaning = meanings.get((table.lower(), column.name.lower()), "")
    plain = column.name.lower().replace("_", " ")
    return replace(column, description=meaning) if meaning and meaning.lower() != plain else column


def _check_ids(examples: list[Example], path: Path) -> None:
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise DataError(
                f"{example.id} twice in {path}", "one question an id", "fetch the file again"
            )
        seen.add(example.id)
