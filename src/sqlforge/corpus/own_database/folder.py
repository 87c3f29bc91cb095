"""What ``sqlforge synth`` wrote, as a source of a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sqlforge.core.errors import DataError
from sqlforge.core.files import read_jsonl, sha256
from sqlforge.corpus.files import SkippedRow
from sqlforge.corpus.raw import RawRow, Source
from sqlforge.corpus.store import read_databases


def open_made(path: Path, split: str, *, name: str, licence: str) -> Source:
    """Open one split of a folder that ``sqlforge synth`` wrote.

    Args:
        path: the folder, with ``SPLIT.jsonl`` and ``databases.jsonl``.
        split: ``train``, ``validation`` or ``test``.
        name: what its examples carry as ``source``, and begin their ids with; so do the
            databases', since another source may have some of the same name.
        licence: SPDX identifier, if the rows bring none.

    Raises:
        DataError: a file is missing.
    """
    rows_file, databases_file = path / f"{split}.jsonl", path / "databases.jsonl"
    for file in (rows_file, databases_file):
        if not file.is_file():
            raise DataError(
                f"{path} without {file.name}",
                "a folder that 'sqlforge synth' wrote",
                "check the 'path', or name a file of questions and SQL",
            )
    databases = {
        f"{name}-{db_id}": replace(database, db_id=f"{name}-{db_id}")
        for db_id, database in read_databases(databases_file).items()
    }

    def rows(_: list[SkippedRow]) -> Iterator[RawRow]:
        for position, row in enumerate(read_jsonl(rows_file)):
            yield RawRow(
                f"{name}-{split}-{position:06d}",
                row.get("question"),
                row.get("sql"),
                db_id=f"{name}-{row.get('db_id')}",
                kind=row.get("kind"),
            )

    first = next(read_jsonl(rows_file), {})
    dialects = tuple(sorted({database.schema.dialect for database in databases.values()}))
    digest = f"sha256:{sha256(rows_file)} {sha256(databases_file)}"
    said = str(first.get("licence") or licence)
    return Source(name, said, dialects, digest, rows, databases)
