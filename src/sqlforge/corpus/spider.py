"""Spider 1.0: questions over 166 databases, read in the layout in which Yale publishes it.

Where the databases are at hand, names, declared types and keys come from the SQLite files, since
queries run there; ``tables.json`` adds what people call each table and column. The two agree on
every table and column name of the 164 databases published; the files know more: declared types
instead of five classes, 168 further columns of composite primary keys, four further foreign
keys. A database whose file is missing keeps its schema from ``tables.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from sqlforge.core.errors import DatabaseError, DataError
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
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
from sqlforge.database.introspect import schema_from_sqlite

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
    databases = {name: _database(entries[name], files) for name in names}
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
    return {name: _database(entries[name], files) for name in wanted}


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


@dataclass(frozen=True, slots=True)
class _Entry:
    """One database as ``tables.json`` describes it; positions index ``columns``."""

    db_id: str
    tables: tuple[str, ...]
    spoken_tables: tuple[str, ...]
    columns: tuple[tuple[int, str], ...]
    spoken_columns: tuple[tuple[int, str], ...]
    types: tuple[str, ...]
    primary_keys: frozenset[int]
    foreign_keys: tuple[tuple[int, int], ...]


def _entries(folder: Path, skipped: list[SkippedRow]) -> dict[str, _Entry]:
    tables = find_file(folder, "tables.json", "Spider")
    return {entry.db_id: entry for _, entry in read_json_array(tables, _entry, skipped=skipped)}


def _questions(
    folder: Path,
    split: str,
    others: bool,
    entries: dict[str, _Entry],
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


def _entry(value: object) -> _Entry:
    lists = (
        "table_names_original",
        "table_names",
        "column_names_original",
        "column_names",
        "column_types",
        "primary_keys",
        "foreign_keys",
    )
    db_id = str(fields(value, db_id=str)["db_id"])
    found = fields(value, **dict.fromkeys(lists, list))
    tables, spoken, columns, spoken_columns, types, primary, foreign = (
        cast("list[Any]", found[name]) for name in lists
    )
    try:
        entry = _Entry(
            db_id,
            tuple(map(str, tables)),
            tuple(map(str, spoken)),
            tuple((int(table), str(name)) for table, name in columns),
            tuple((int(table), str(name)) for table, name in spoken_columns),
            tuple(map(str, types)),
            # a composite key is a list in later releases of the file
            frozenset(_flat(primary)),
            tuple((int(a), int(b)) for a, b in foreign),
        )
    except (TypeError, ValueError) as fault:
        raise ValueError(f"the description of '{db_id}' is malformed") from fault
    lengths = {len(entry.columns), len(entry.spoken_columns), len(entry.types)}
    positions = [*entry.primary_keys, *(p for pair in entry.foreign_keys for p in pair)]
    lengths.add(len(entry.columns) if len(entry.tables) == len(entry.spoken_tables) else -1)
    if len(lengths) > 1 or any(not 0 <= p < len(columns) for p in positions):
        raise ValueError(f"the lists of '{db_id}' do not fit together")
    return entry


def _flat(keys: list[Any]) -> Iterator[int]:
    for key in keys:
        yield from map(int, key if isinstance(key, list) else [key])


def _database_folder(folder: Path) -> Path | None:
    if (folder / "database").is_dir():
        return folder / "database"
    for name in _ARCHIVES:
        if (folder / name).is_file():
            content = unpacked(folder / name, "spider")
            inner = content / "database"
            return inner if inner.is_dir() else content
    return None


def _database(entry: _Entry, files: Path | None) -> Database:
    path = files / entry.db_id / f"{entry.db_id}.sqlite" if files else None
    names = [
        f"{entry.tables[table]}.{name}" if table >= 0 else "*" for table, name in entry.columns
    ]
    keys = tuple((names[a], names[b]) for a, b in entry.foreign_keys)
    if path is None or not path.is_file():
        return Database(entry.db_id, _schema_of_entry(entry), None, keys)
    return Database(entry.db_id, _schema_of_file(entry, path), path, keys)


def _schema_of_entry(entry: _Entry) -> Schema:
    tables = []
    aligned = _spoken_names_fit(entry)
    for number, name in enumerate(entry.tables):
        places = [i for i, (table, _) in enumerate(entry.columns) if table == number]
        columns = tuple(
            Column(
                entry.columns[i][1],
                entry.types[i],
                i in entry.primary_keys,
                _description(entry.columns[i][1], entry.spoken_columns[i][1]) if aligned else None,
            )
            for i in places
        )
        keys = tuple(
            ForeignKey(
                (entry.columns[a][1],), entry.tables[entry.columns[b][0]], (entry.columns[b][1],)
            )
            for a, b in entry.foreign_keys
            if a in places
        )
        spoken = _description(name, entry.spoken_tables[number]) if aligned else None
        tables.append(Table(name, columns, keys, spoken))
    return Schema(tuple(tables))


def _spoken_names_fit(entry: _Entry) -> bool:
    """Whether the spoken names stand in the order of the tables (in ``store_1`` they do not)."""
    plain = [name.lower().replace("_", " ") for name in entry.tables]
    return all(
        spoken.lower() == name or spoken.lower() not in plain
        for spoken, name in zip(entry.spoken_tables, plain, strict=True)
    )


def _schema_of_file(entry: _Entry, path: Path) -> Schema:
    """Names, types and keys from the file, descriptions and the order from ``tables.json``."""
    told = _schema_of_entry(entry)
    places = {table.name.lower(): place for place, table in enumerate(told.tables)}
    tables = [_described(table, told.table(table.name)) for table in _tables_of(path)]
    return Schema(tuple(sorted(tables, key=lambda t: places.get(t.name.lower(), len(places)))))


def _tables_of(path: Path) -> tuple[Table, ...]:
    try:
        return schema_from_sqlite(path).tables
    except DatabaseError as fault:
        raise DataError(fault.got, fault.expected, "fetch the databases again") from fault


def _described(table: Table, told: Table | None) -> Table:
    if told is None:
        return table
    columns = []
    for column in table.columns:
        known = told.column(column.name)
        columns.append(replace(column, description=known.description) if known else column)
    return replace(table, columns=tuple(columns), description=told.description)


def _description(spelling: str, spoken: str) -> str | None:
    """What people say, where it differs from the spelling by more than case and underscores."""
    spoken = " ".join(spoken.split())
    return spoken if spoken and spoken != spelling.lower().replace("_", " ").strip() else None


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
