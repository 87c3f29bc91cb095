"""The internal split of the reference recipe's kind: 500 questions, a third from each source.

WikiSQL's held-out tables rewritten in sql-create-context's form, that corpus's rows out of Spider
dev, and the synthetic corpus's test domains. Training has none of their databases, tables or
questions. Each question is shown its tables twice: as the columns that its query uses, which is
how sql-create-context has it, and whole.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from sqlforge.core.names import sql_name
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.run_dir import RunDir
from sqlforge.core.schema import Schema
from sqlforge.corpus.fingerprints import fingerprint
from sqlforge.corpus.leaks import LEAKS, Reference, find_leaks
from sqlforge.corpus.sql_create_context import NAME, open_sql_create_context
from sqlforge.corpus.store import (
    StoredExamples,
    read_databases,
    read_examples,
    write_databases,
    write_examples,
)
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.prompt.augment.renaming import rename_schema
from sqlforge.prompt.augment.sql_names import Renaming, find_names, rename_sql
from sqlforge.prompt.used import used_schema

ROWS, SEED = 500, 7
SOURCES = ("wikisql", NAME, "sqlforge-synthetic")
Shown = Literal["used", "full"]
Pair = tuple[Example, Schema]


def make_split(run: RunDir, data_dir: Path, rows: int = ROWS) -> int:
    """Write ``internal.jsonl`` and the databases of both ways to show them into the run.

    Args:
        run: prepared, with test questions of all three sources.
        data_dir: the folder with ``sql_create_context/``.
        rows: how many questions at most; fewer where a source has less than a third of them.

    Returns how many there are. Questions that training has too, or nearly, are not among them.
    """
    test = read_examples(run.data_file("test.jsonl"))
    databases = read_databases(run.data_file("databases.jsonl"))
    by_source = {source: [e for e in test if e.source == source] for source in SOURCES}
    made = {
        "wikisql": _rewritten(by_source["wikisql"], databases),
        NAME: _of_spider_dev(test, databases, data_dir),
        "sqlforge-synthetic": ((e, databases[e.db_id].schema) for e in by_source[SOURCES[2]]),
    }
    known = [p for pairs in made.values() for p in pairs if find_names(p[0].sql, p[1]) is not None]
    unseen = _unseen(run, known)
    chosen: list[Pair] = []
    for place, source in enumerate(SOURCES):
        found = [pair for pair in unseen if pair[0].source == source]
        wanted = rows // 3 + (place < rows % 3)
        drawn = random.Random(f"{SEED}/{source}").sample(found, min(wanted, len(found)))
        chosen += sorted(drawn, key=lambda pair: pair[0].id)
    examples = [replace(e, id=f"{e.source}/{e.id}", db_id=f"{e.source}/{e.id}") for e, _ in chosen]
    write_examples(run.path / "internal.jsonl", examples)
    for shown in ("used", "full"):
        written = (
            Database(e.db_id, used_schema(schema, e.sql) if shown == "used" else schema)
            for e, (_, schema) in zip(examples, chosen, strict=True)
        )
        write_databases(run.path / f"internal-{shown}.jsonl", written)
    return len(examples)


def read_split(run: RunDir, shown: Shown) -> Dataset:
    """The split, shown as the columns in use or whole; nothing in it has rows."""
    examples = read_examples(run.path / "internal.jsonl")
    databases = read_databases(run.path / f"internal-{shown}.jsonl")
    return Dataset(f"internal-{shown}", tuple(examples), databases)


def in_their_form(example: Example, schema: Schema) -> Pair | None:
    """A WikiSQL question as sql-create-context has them: plain names in lower case.

    ``None`` where names cannot be told or would meet.

    >>> from sqlforge.core.schema import Column, Table
    >>> table = Table("table_1_10_2", (Column("No. of wins", "REAL"), Column("Team", "TEXT")))
    >>> one = Example("1", "?", 'SELECT "No. of wins" FROM table_1_10_2', "1-10-2", "wikisql", "x")
    >>> found = in_their_form(one, Schema((table,)))
    >>> found[0].sql, [c.name for c in found[1].tables[0].columns]
    ('SELECT no_of_wins FROM table_10_2', ['no_of_wins', 'team'])
    """
    (table,) = schema.tables
    columns = {c.name.lower(): _plain(c.name) for c in table.columns}
    new = Renaming({table.name.lower(): re.sub(r"^table_\d_", "table_", table.name)}, columns)
    if len(set(columns.values())) < len(columns) or "" in columns.values():
        return None
    if any(sql_name(name, schema.dialect) != name for name in columns.values()):
        return None  # a word of SQL, or a digit at its beginning
    uses = find_names(example.sql, schema)
    sql = None if uses is None else rename_sql(example.sql, uses, new)
    if sql is None:
        return None
    return replace(example, sql=sql), rename_schema(schema, new)


def _rewritten(examples: Sequence[Example], databases: dict[str, Database]) -> Iterator[Pair]:
    for example in examples:
        if (found := in_their_form(example, databases[example.db_id].schema)) is not None:
            yield found


def _of_spider_dev(
    test: Iterable[Example], databases: dict[str, Database], data_dir: Path
) -> Iterator[Pair]:
    """That corpus's rows whose question is one of Spider dev, with the whole schema of that."""
    asked = {_words(e.question): e.db_id for e in test if e.source == "spider"}
    folder = data_dir / "sql_create_context"
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        for row in open_sql_create_context(data_dir, path=file).rows([]):
            db_id = asked.get(_words(row.question))
            if db_id is None or row.ddl is None:
                continue
            shown = {t.name.lower() for t in schema_from_ddl(row.ddl).tables}
            schema = databases[db_id].schema
            if shown <= {t.name.lower() for t in schema.tables}:
                yield Example(row.id, row.question, row.sql, db_id, NAME, "CC-BY-4.0"), schema


def _unseen(run: RunDir, pairs: Sequence[Pair]) -> list[Pair]:
    """Those that no training row leaks, by the rules of the audit."""
    asked = Reference("internal", tuple(fingerprint(example, schema) for example, schema in pairs))
    schemas = read_databases(run.data_file("databases.jsonl"))
    training = StoredExamples(run.data_file("train.jsonl"))
    trained = (fingerprint(e, schemas[e.db_id].schema) for e in training)
    leaked = {
        place
        for _, findings in find_leaks(trained, {"internal": asked})
        for finding in findings
        if finding.rule in LEAKS
        for place in finding.met
    }
    return [pair for place, pair in enumerate(pairs) if place not in leaked]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _words(question: str) -> str:
    return " ".join(re.findall(r"\w+", question.lower()))
