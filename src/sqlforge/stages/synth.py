"""``synth``: make training data, from the embedded domains or for one own database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlforge.core.errors import DatabaseError, UserError
from sqlforge.core.files import new_folder, write_json, write_text
from sqlforge.core.records import Database, Example, SqlValue
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.licences import OWN_DATABASE
from sqlforge.corpus.own_database.describe import Described, describe, with_descriptions
from sqlforge.corpus.own_database.generate import Asked, Maker, coverage, split
from sqlforge.corpus.own_database.names_file import Names, read_names, suggested
from sqlforge.corpus.own_database.replica import write_replica
from sqlforge.corpus.store import write_databases, write_examples
from sqlforge.corpus.synthetic.domain import SplitName
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.corpus.synthetic.view import content
from sqlforge.database.place import Place, place_of
from sqlforge.database.reading import ReadOnlyDatabase
from sqlforge.database.sample import Sampled, sample

_SHARES: dict[SplitName, float] = {"train": 0.9, "validation": 0.05, "test": 0.05}
Bars = Callable[[str], Callable[[int, int], None]]


def synth(out: Path, *, n: int, seed: int, max_tables: int | None) -> dict[str, object]:
    """Write ``out/{train,validation,test}.jsonl``, ``databases.jsonl`` and ``databases/``.

    Nine tenths are training examples; validation and test share the rest, over domains of their
    own.

    Raises:
        UserError: ``out`` holds something already.
    """
    _check_new(out)
    started = time.monotonic()
    counts: dict[SplitName, int] = {split: int(n * share) for split, share in _SHARES.items()}
    counts["train"] += n - sum(counts.values())
    with new_folder(out) as folder:
        made = generate_corpus(
            folder / "databases", seed=seed, counts=counts, max_tables=max_tables
        )
        for name, dataset in made.items():
            write_examples(folder / f"{name}.jsonl", dataset.examples)
        databases = {k: db for dataset in made.values() for k, db in dataset.databases.items()}
        write_databases(folder / "databases.jsonl", databases.values())
    return {
        "examples": {name: len(dataset.examples) for name, dataset in made.items()},
        "databases": len(databases),
        "seconds": round(time.monotonic() - started, 1),
        "out": str(out),
    }


def synth_database(
    url_or_file: str,
    out: Path,
    *,
    n: int,
    seed: int,
    names_file: Path | None = None,
    bars: Bars | None = None,
) -> dict[str, object]:
    """Write questions with executed SQL about one database, which is only read.

    ``out`` gets ``{train,validation,test}.jsonl``, ``databases.jsonl``, ``names.yaml`` (the words
    in use, to edit and give back) and ``summary.json``. Of a database that is no SQLite
    file, or has a table too large to be read whole, ``databases/`` gets a small SQLite file with
    the sampled rows, from which training takes the values that questions name.

    Raises:
        DatabaseError: the database cannot be opened, or has no rows to ask about.
        DataError: the names file does not fit the database.
        UserError: ``out`` holds something already.
    """
    _check_new(out)
    started = time.monotonic()
    place = place_of(url_or_file)
    with ReadOnlyDatabase(place) as database:
        names = read_names(names_file, database.schema) if names_file else Names()
        sampled, described = _looked_at(database, names, seed, bars)
        maker = Maker(database, sampled, described, seed)
        asked = maker.make(n, bars("questions") if bars else None)
        if not asked:
            raise _nothing(place, described)
        schema = with_descriptions(database.schema, names)
        dialect = database.dialect
    summary = _summary(place, asked, described, n, maker)
    parts = split(asked, seed)
    with new_folder(out) as folder:
        record = _record(place, schema, sampled, folder)
        for name, part in parts.items():
            write_examples(folder / f"{name}.jsonl", _examples(part, name, place.name))
        write_databases(folder / "databases.jsonl", [record])
        write_text(folder / "names.yaml", suggested(described.domain, schema, names))
        summary |= {"examples": {name: len(part) for name, part in parts.items()}}
        summary |= {"dialect": dialect, "seed": seed}
        write_json(folder / "summary.json", summary)
    return {**summary, "seconds": round(time.monotonic() - started, 1), "out": str(out)}


def suggest_names(url_or_file: str, path: Path, *, seed: int, names_file: Path | None) -> Path:
    """Write the words that would be used for a database to ``path``, for the user to edit.

    Raises:
        UserError: ``path`` exists already; the user's own words may stand in it.
        DatabaseError: the database cannot be opened, or has no rows to ask about.
    """
    if path.exists():
        raise UserError(f"{path}, which exists", "a new file", "choose another --suggest-names")
    with ReadOnlyDatabase(place_of(url_or_file)) as database:
        names = read_names(names_file, database.schema) if names_file else Names()
        _, described = _looked_at(database, names, seed, None)
        schema = with_descriptions(database.schema, names)
    write_text(path, suggested(described.domain, schema, names))
    return path


def _check_new(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}, which is not empty", "a new folder", "choose another --out")


def _looked_at(
    database: ReadOnlyDatabase, names: Names, seed: int, bars: Bars | None
) -> tuple[Sampled, Described]:
    sampled = sample(database, seed, bars("tables") if bars else None)

    def look_up(table: Table, key: Column, values: Sequence[SqlValue]) -> bool:
        listed = ", ".join(
            str(v) if isinstance(v, int) else "'" + str(v).replace("'", "''") + "'" for v in values
        )
        name = database.quoted(key.name)
        found = database.run(
            f"SELECT COUNT(DISTINCT {name}) FROM {database.quoted(table.name)}"
            f" WHERE {name} IN ({listed})"
        )
        return found.ok and found.rows[0][0] == len(values)

    described = describe(database.place.name, database.schema, sampled, look_up, names)
    if not any(content(table) for table in described.domain.tables):
        raise _nothing(database.place, described)
    return sampled, described


def _nothing(place: Place, described: Described) -> DatabaseError:
    why = "; ".join(described.left_out[:3]) or "there is no table"
    return DatabaseError(
        f"{place.shown}, where nothing can be asked ({why})",
        "a table with rows",
        "name a database that holds data, and a user who may read it",
    )


def _record(place: Place, schema: Schema, sampled: Sampled, folder: Path) -> Database:
    """The database as examples refer to it: the user's own file, or a sample of its rows."""
    is_small = not any(read.large for read in sampled.tables)
    if place.kind == "sqlite" and place.path is not None and is_small:
        return Database(place.name, schema, place.path.resolve())
    copy = folder / "databases" / f"{place.name}.sqlite"
    write_replica(copy, sampled.tables)
    return Database(place.name, schema, copy)


def _examples(asked: Sequence[Asked], split_name: str, db_id: str) -> list[Example]:
    return [
        Example(
            f"own-{db_id}-{split_name}-{number:06d}",
            one.question,
            one.sql,
            db_id,
            f"own-{db_id}",
            OWN_DATABASE,
            one.kind,
        )
        for number, one in enumerate(asked)
    ]


def _summary(
    place: Place, asked: Sequence[Asked], described: Described, wanted: int, maker: Maker
) -> dict[str, object]:
    covered = coverage(asked, described)
    on_sample = sum(one.on_sample for one in asked)
    return {
        "database": place.shown,
        "wanted": wanted,
        "questions": len(asked),
        "kinds": dict(sorted(Counter(one.kind for one in asked).items())),
        "covered": {what: {"asked": a, "of": b} for what, (a, b) in covered.items()},
        "executed_on": {"database": len(asked) - on_sample, "sample": on_sample},
        "inferred_references": [
            f"{r.child}({r.column}) → {r.parent}({r.key})"
            for r in described.references
            if r.inferred
        ],
        "left_out": list(described.left_out),
        "drafts": {
            "made": maker.tally.drafted,
            "repeated": maker.tally.repeated,
            "without_telling_result": maker.tally.without_telling_result,
            "refused_by_database": maker.tally.refused,
        },
    }
