"""What the readers of published corpora hand to the cleaning: rows as they came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlforge.core.records import Database, Example
from sqlforge.corpus.files import SkippedRow


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as published, not looked at yet.

    ``ddl`` holds the CREATE TABLE statements that came with it; without, ``db_id`` names one of
    the source's databases. ``tags`` are facts to keep, such as ``(("domain", "energy"),)``.
    """

    id: str
    question: str | None
    sql: str | None
    ddl: str | None = None
    db_id: str | None = None
    kind: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """An opened corpus, read anew by each call of ``rows``.

    Args:
        name: what the recipe calls it.
        licence: SPDX identifier.
        dialects: sqlglot's names for its SQL; a row may parse in any of them.
        digest: of everything that decides what ``rows`` gives: files, revision, databases.
        rows: starts reading; malformed rows are appended to the list that is given.
        databases: those that rows name by ``db_id``.
        notes: whole sentences about what is at hand.
        count: about how many rows there are, where that can be told before reading.
        label: what its examples carry as ``source``, if that is not ``name``.
    """

    name: str
    licence: str
    dialects: tuple[str, ...]
    digest: str
    rows: Callable[[list[SkippedRow]], Iterator[RawRow]]
    databases: dict[str, Database] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    count: int | None = None
    label: str = ""


def source_of_examples(
    name: str, examples: Sequence[Example], databases: Mapping[str, Database]
) -> Source:
    """Examples that were read already, as a source of rows."""
    digest = hashlib.sha256("\n".join(map(repr, examples)).encode("utf-8", "surrogatepass"))

    def rows(_: list[SkippedRow]) -> Iterator[RawRow]:
        for e in examples:
            yield RawRow(e.id, e.question, e.sql, db_id=e.db_id, kind=e.kind, tags=e.tags)

    return Source(
        name,
        examples[0].licence if examples else "",
        tuple(sorted({databases[e.db_id].schema.dialect for e in examples})),
        f"sha256:{digest.hexdigest()}",
        rows,
        dict(databases),
        count=len(examples),
        label=examples[0].source if examples else "",
    )
