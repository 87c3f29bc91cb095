"""Data sets as a run keeps them: examples as JSONL, schemas and database paths beside them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from sqlforge.core.errors import DataError
from sqlforge.core.files import read_jsonl, write_json, write_jsonl, writing
from sqlforge.core.paths import cache_dir, data_dir
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Column, ForeignKey, Schema, Table

T = TypeVar("T")
_PLACES = "places.json"


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """One example a line, written as they come; see :func:`read_examples`."""
    write_jsonl(path, map(example_row, examples))


def read_examples(path: Path) -> list[Example]:
    """What :func:`write_examples` wrote, in its order."""
    return list(StoredExamples(path))


class StoredExamples:
    """The examples of a file, read anew in each iteration and never all in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[Example]:
        return _read(self._path, example_of)


def example_row(example: Example) -> dict[str, Any]:
    """An example as a line of JSON; ``tags`` only where there are some."""
    row = asdict(example)
    if not example.tags:
        del row["tags"]
    return row


def example_of(row: Mapping[str, Any]) -> Example:
    """What :func:`example_row` made.

    >>> one = Example("a-1", "Who?", "SELECT 1", "d", "a", "MIT", tags=(("domain", "x"),))
    >>> example_of(json.loads(json.dumps(example_row(one)))) == one
    True
    """
    tags = tuple((name, text) for name, text in row.get("tags", ()))
    return Example(**{**row, "tags": tags})


def write_databases(
    path: Path, databases: Iterable[Database], published: Path | None = None
) -> None:
    """One database a line, written as they come, the same on every machine.

    Files inside the folder of ``path`` are named relative to it, files in the cache and in the
    folder ``published`` relative to those; where these two lie is told in ``places.json``.
    """
    places = _places_here(published)
    write_jsonl(path, (_row(database, path.parent, places) for database in databases))
    _tell(path.parent, places)


def read_databases(path: Path) -> dict[str, Database]:
    """What :func:`write_databases` wrote, by ``db_id``."""
    places = _places(path.with_name(_PLACES))
    read = _read(path, lambda row: _database(row, path.parent, places))
    return {database.db_id: database for database in read}


class DatasetWriter:
    """Writes splits and their databases row by row into a folder that nobody reads yet.

    ``sizes`` counts the examples by split, ``licences`` by (source, licence), ``databases`` how
    many there are. Memory: some 200 bytes a database.
    """

    def __init__(self, folder: Path, splits: Iterable[str], published: Path | None) -> None:
        self._folder, self._places = folder, _places_here(published)
        self._names = (*splits, "databases")
        self._files: dict[str, IO[str]] = {}
        self._known: dict[str, int] = {}
        self._open = contextlib.ExitStack()
        self.sizes: Counter[str] = Counter()
        self.licences: Counter[tuple[str, str]] = Counter()

    @property
    def databases(self) -> int:
        """The number of databases so far."""
        return len(self._known)

    def __enter__(self) -> Self:
        for name in self._names:
            file = self._open.enter_context(writing(self._folder / f"{name}.jsonl"))
            self._files[name] = file
        return self

    def __exit__(self, *fault: Any) -> None:
        self._open.__exit__(*fault)
        if fault[0] is None:
            _tell(self._folder, self._places)

    def add(self, split: str, example: Example, database: Database) -> None:
        """Write one example, and its database where it is a new one.

        Raises:
            DataError: another database of the same name is there already.
        """
        self._know(database, example)
        self._files[split].write(json.dumps(example_row(example), ensure_ascii=False) + "\n")
        self.sizes[split] += 1
        self.licences[example.source, example.licence] += 1

    def _know(self, database: Database, example: Example) -> None:
        if database.db_id in self._known and database.db_id.startswith("ddl-"):
            return  # named by its content
        line = json.dumps(_row(database, self._folder, self._places), ensure_ascii=False)
        content = int(hashlib.sha256(line.encode()).hexdigest()[:16], 16)
        if database.db_id not in self._known:
            self._known[database.db_id] = content
            self._files["databases"].write(line + "\n")
        elif self._known[database.db_id] != content:
            raise DataError(
                f"two databases named '{database.db_id}', one of them from {example.source}",
                "ids that differ between sources",
                "leave one of the sources out",
            )


def schema_of(row: Mapping[str, Any]) -> Schema:
    """The schema of what ``dataclasses.asdict`` made of one."""
    return Schema(tuple(_table(table) for table in row["tables"]), row["dialect"])


def _read(path: Path, make: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
    """What ``make`` makes of each row.

    Raises:
        DataError: a row is none that SQLForge writes; file and line are named.
    """
    for number, row in enumerate(read_jsonl(path), 1):
        try:
            made = make(row)
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            raise DataError(
                f"a malformed row in {path}, line {number} ({fault})",
                "a row as SQLForge writes it",
                "make the file anew, or give the rows as a file with question, sql and schema",
            ) from fault
        yield made


def _row(database: Database, folder: Path, places: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "db_id": database.db_id,
        "path": None if database.path is None else _named(database.path, folder, places),
        "schema": asdict(database.schema),
        "listed_keys": database.listed_keys,
    }


def _named(path: Path, folder: Path, places: Mapping[str, Path]) -> str:
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    for name, place in places.items():
        if path.absolute().is_relative_to(place):
            return f"{name}:{path.absolute().relative_to(place).as_posix()}"
    return path.as_posix()


def _places_here(published: Path | None) -> dict[str, Path]:
    return {"cache": cache_dir()} | ({"data": published.absolute()} if published else {})


def _tell(folder: Path, places: Mapping[str, Path]) -> None:
    write_json(folder / _PLACES, {name: place.as_posix() for name, place in places.items()})


def _places(told: Path) -> dict[str, Path]:
    """Where published data and cache lay when they were written, or lie on this machine."""
    found: dict[str, Path] = {"cache": cache_dir()}
    if (here := data_dir()) is not None:
        found["data"] = here.absolute()
    if told.is_file():
        noted = json.loads(told.read_text(encoding="utf-8"))
        found |= {n: Path(p) for n, p in noted.items() if n not in found or Path(p).is_dir()}
    return found


def _database(row: Mapping[str, Any], folder: Path, places: Mapping[str, Path]) -> Database:
    path = None
    if row["path"] is not None:
        name, _, rest = row["path"].partition(":")
        path = places[name] / rest if rest and name in places else folder / row["path"]
    keys = row.get("listed_keys")
    listed = None if keys is None else tuple((own, other) for own, other in keys)
    return Database(row["db_id"], schema_of(row["schema"]), path, listed)


def _table(row: Mapping[str, Any]) -> Table:
    return Table(
        name=row["name"],
        columns=tuple(Column(**column) for column in row["columns"]),
        foreign_keys=tuple(
            ForeignKey(tuple(key["columns"]), key["ref_table"], tuple(key["ref_columns"]))
            for key in row["foreign_keys"]
        ),
        description=row["description"],
    )
