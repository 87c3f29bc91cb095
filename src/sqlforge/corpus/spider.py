"""Spider 1.0: questions over 166 databases, read in the layout in which Yale publishes it.

Where the databases are at hand, names, declared types and keys come from the SQLite files, since
queries run there; ``tables.json`` adds what people call each table and column. The two agree on
every table and column name of the 164 databases published; the files know more: declared types
instead of five classes, 168 further columns of composite primary keys, four further foreign
keys. A database whose file is missing keeps its schema from ``tables.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlforge.core.errors import DataError
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.spool import spooled
from sqlforge.corpus.archive import unpacked
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
from sqlforge.corpus.spider_schemas import Entry, database_of, entry_of

LICENCE = "CC-BY-SA-4.0"
_QUESTIONS = {"train": "train_spider.json", "dev": "dev.json"}
_ARCHIVES = ("database.tar.xz", "database.tar.gz", "database.tar.bz2", "database.tar")


def read_spider(
    data_dir: Path,
    split: Literal["train", "dev"],
    *,
    others: bool = False,
    on_bad_row: OnBadRow = "stop",
) -> Reading:
    """Read one split of Spider with its databases.

    Args:
        data_dir: Spider's own folder (``tables.json``, ``dev.json``, ``database/`` or
            ``database.tar.xz``, which is unpacked into the cache once) or the folder above it.
        split: ``"train"`` or ``"dev"``.
        others: also read ``train_others.json`` (1,659 questions of older data sets).
        on_bad_row: what to do at a malformed row; see
            :func:`sqlforge.corpus.files.read_json_array`.

    Returns:
        Examples ``spider-dev-0000``, … numbered by their place in the file, without ``kind``
        (the scorer knows the hardness); databases of this split only. ``notes`` count the
        questions whose database has no file (``Database.path`` is ``None``).

    Raises:
        DataError: a file is missing or corrupt, a row is malformed or names no known database.
    """
    folder = spider_folder(data_dir)
    skipped: list[SkippedRow] = []
    entries = _entries(folder, skipped)
    examples = spooled(
        Example(name, row.question, row.query, row.db_id, "spider", LICENCE)
        for name, row in _questions(folder, split, others, entries, on_bad_row, skipped)
    )
    files = _database_folder(folder)
    names = dict.fromkeys(example.db_id for example in examples)
    databases = {name: database_of(entries[name], files) for name in names}
    dataset = Dataset(f"spider-{split}", examples, databases)
    return Reading(dataset, tuple(skipped), _notes(dataset))


def spider_databases(data_dir: Path, names: Iterable[str]) -> dict[str, Database]:
    """The databases called ``names``, from Spider's own folder or the folder above it.

    Raises:
        DataError: ``tables.json`` is missing, corrupt or does not describe one of them.
    """
    folder = spider_folder(data_dir)
    entries = _entries(folder, [])
    files = _database_folder(folder)
    wanted = sorted(names)
    unknown = [name for name in wanted if name not in entries]
    if unknown:
        more = ", …" if len(unknown) > 5 else ""
        raise DataError(
            f"the databases {', '.join(unknown[:5])}{more}, which {folder / 'tables.json'} lacks",
            "databases that it describes",
            "check their names and the folder",
        )
    return {name: database_of(entries[name], files) for name in wanted}


def spider_folder(data_dir: Path) -> Path:
    """Spider's own folder: ``data_dir`` itself or ``data_dir/spider``.

    Raises:
        DataError: neither holds ``tables.json``.
    """
    for folder in (data_dir, data_dir / "spider"):
        if optional_file(folder, "tables.json"):
            return folder
    tried = ["tables.json", "tables.json.xz", "tables.json.gz", "spider/tables.json"]
    raise missing(data_dir, tried, "Spider")


@dataclass(frozen=True, slots=True)
class _Row:
    db_id: str
    question: str
    query: str


def _entries(folder: Path, skipped: list[SkippedRow]) -> dict[str, Entry]:
    tables = find_file(folder, "tables.json", "Spider")
    return {entry.db_id: entry for _, entry in read_json_array(tables, entry_of, skipped=skipped)}


def _questions(
    folder: Path,
    split: str,
    others: bool,
    entries: dict[str, Entry],
    on_bad_row: OnBadRow,
    skipped: list[SkippedRow],
) -> Iterator[tuple[str, _Row]]:
    def convert(value: object) -> _Row:
        found = fields(value, db_id=str, question=str, query=str)
        row = _Row(**{name: str(text).strip() for name, text in found.items()})
        if row.db_id not in entries:
            raise ValueError(f"the database '{row.db_id}' is not in tables.json")
        return row

    names = [(f"spider-{split}", _QUESTIONS[split])]
    if others and split == "train":
        names.append(("spider-others", "train_others.json"))
    for prefix, name in names:
        path = find_file(folder, name, "Spider")
        read = read_json_array(path, convert, on_bad_row=on_bad_row, skipped=skipped)
        for position, row in read:
            yield f"{prefix}-{position:04d}", row


def _database_folder(folder: Path) -> Path | None:
    if (folder / "database").is_dir():
        return folder / "database"
    for name in _ARCHIVES:
        if (folder / name).is_file():
            content = unpacked(folder / name, "spider")
            inner = content / "database"
            return inner if inner.is_dir() else content
    return None


def _notes(dataset: Dataset) -> tuple[str, ...]:
    absent = sorted(d.db_id for d in dataset.databases.values() if d.path is None)
    if not absent:
        return ()
    count = sum(example.db_id in absent for example in dataset.examples)
    named = ", ".join(absent[:5]) + (", …" if len(absent) > 5 else "")
    return (
        f"{count} of {len(dataset.examples)} questions of {dataset.name} have no database file"
        f" ({named}): they can be trained on, not executed.",
    )
