"""Cleaned rows on disk, in chunks: what a killed ``prepare`` goes on with.

A chunk is a JSONL file that is there whole or not at all. The folder of a source's chunks is named
by everything that decides their content, so that nothing stale is ever taken for finished.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from sqlforge.core.files import storing, write_text
from sqlforge.core.records import Database
from sqlforge.core.schema import Schema
from sqlforge.corpus import canonical_sql, fingerprints, gold_names
from sqlforge.corpus import clean as clean_module
from sqlforge.corpus.clean import Dropped, Kept, Origin, Reason, Rules, clean
from sqlforge.corpus.files import SkippedRow
from sqlforge.corpus.fingerprints import Fingerprint, table_shapes
from sqlforge.corpus.ordered_pool import in_order
from sqlforge.corpus.raw import RawRow, Source
from sqlforge.corpus.store import example_of, example_row, schema_of
from sqlforge.database import introspect

ROWS = 2_000
"""Raw rows in one chunk."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The chunks of one source, all there.

    ``raw`` counts the rows that were looked at, ``skipped`` names those that were malformed;
    ``trusted`` ones were checked when they were made.
    """

    source: Source
    folder: Path
    chunks: int
    raw: int
    skipped: tuple[SkippedRow, ...]
    trusted: bool = False

    def results(self) -> Iterator[Kept | Dropped]:
        """Every row's end, in the order of the rows."""
        for number in range(self.chunks):
            yield from _read_chunk(_path(self.folder, number), self.source.databases)


def clean_source(
    source: Source,
    rules: Rules,
    above: Path,
    *,
    processes: int,
    progress: Progress | None = None,
) -> Cleaned:
    """Clean a whole source into chunks below ``above``; chunks that are there are kept.

    Args:
        source: what to read.
        rules: what to leave out.
        above: the folder for the folders of all sources.
        processes: how many clean at once; the chunks are the same for any number.
        progress: told rows done and in all after each chunk.

    Raises:
        DataError: a row is malformed and the source stops at such; finished chunks stay.
        StorageError: the folder cannot be written.
    """
    folder = above / f"{source.name}-{_key(source, rules)}"
    skipped: list[SkippedRow] = []
    counts = {"chunks": 0, "raw": 0}
    tasks = _tasks(source, rules, folder, skipped)
    for task, text in in_order(_clean_chunk, tasks, processes):
        if text is not None:
            write_text(_path(folder, task.number), text)
        counts["chunks"] += 1
        counts["raw"] += task.count
        if progress is not None:
            progress(counts["raw"], max(source.count or 0, counts["raw"] + 1))
    if progress is not None and counts["raw"]:
        progress(counts["raw"], counts["raw"])
    return Cleaned(source, folder, counts["chunks"], counts["raw"], tuple(skipped), rules.trusted)


def remove_others(above: Path, keep: Sequence[Cleaned]) -> None:
    """Remove the chunks of other sources, rules or versions."""
    kept = {cleaned.folder for cleaned in keep}
    for folder in above.iterdir() if above.is_dir() else ():
        if folder not in kept:
            with storing(folder):
                shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class _Task:
    """One chunk to clean; without rows it is there already."""

    number: int
    count: int
    rows: tuple[RawRow, ...]
    origin: Origin
    rules: Rules
    schemas: Mapping[str, Schema]


def _tasks(
    source: Source, rules: Rules, folder: Path, skipped: list[SkippedRow]
) -> Iterator[_Task]:
    origin = Origin(source.label or source.name, source.licence, source.dialects)
    stream = source.rows(skipped)
    number = 0
    while rows := tuple(islice(stream, ROWS)):
        is_there = _path(folder, number).exists()
        named = {row.db_id for row in rows if row.db_id is not None}
        schemas = {} if is_there else {name: source.databases[name].schema for name in named}
        yield _Task(number, len(rows), () if is_there else rows, origin, rules, schemas)
        number += 1


def _clean_chunk(task: _Task) -> str | None:
    """The text of a chunk file; ``None`` where it is there."""
    if not task.rows:
        return None
    lines = []
    written: set[str] = set()
    for row in task.rows:
        found = clean(row, task.origin, task.rules, task.schemas)
        if isinstance(found, Dropped):
            line: dict[str, Any] = {"dropped": asdict(found)}
        else:
            mark = found.fingerprint
            marks = [mark.words, mark.key, mark.canonical, mark.masked, mark.literals]
            line = {"example": example_row(found.example), "marks": marks}
            if found.schema is not None and found.example.db_id not in written:
                written.add(found.example.db_id)
                line["schema"] = asdict(found.schema)
        lines.append(json.dumps(line, ensure_ascii=False) + "\n")
    return "".join(lines)


def _read_chunk(path: Path, databases: Mapping[str, Database]) -> Iterator[Kept | Dropped]:
    schemas: dict[str, Schema] = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if "dropped" in row:
                told = row["dropped"]
                yield Dropped(**{**told, "reason": Reason(told["reason"])})
                continue
            example = example_of(row["example"])
            if "schema" in row:
                schemas[example.db_id] = schema_of(row["schema"])
            own = schemas.get(example.db_id)
            schema = own if own is not None else databases[example.db_id].schema
            words, key, canonical, masked, literals = row["marks"]
            mark = Fingerprint(
                example, words, key, canonical, masked, tuple(literals), table_shapes(schema)
            )
            yield Kept(mark, own)


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:05d}.jsonl"


def _key(source: Source, rules: Rules) -> str:
    whole = hashlib.sha256(version("sqlglot").encode())
    for module in (clean_module, canonical_sql, fingerprints, gold_names, introspect):
        whole.update(Path(str(module.__file__)).read_bytes())
    told = (ROWS, source.digest, source.licence, source.dialects, asdict(rules))
    whole.update(repr(told).encode())
    return whole.hexdigest()[:16]
