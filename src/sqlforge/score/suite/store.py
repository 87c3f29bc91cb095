"""Suites of instances, built once and kept in the user's cache or in a folder of one's own."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlforge.core.files import sha256, write_json
from sqlforge.core.paths import cache_dir
from sqlforge.core.records import Database, Example
from sqlforge.corpus.archive import building
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.rules import Match, rules_for
from sqlforge.score.suite.distil import Counts, Kept, distil

Progress = Callable[[int, int], None]

FORMAT = 1  # of what is made and how: another number makes every suite anew
SIZE = 20
CANDIDATES = 60
# A neighbour that runs longer or gives more differs from a gold that does not.
_LIMITS = Limits(seconds=0.5, rows=20_000)


@dataclass(frozen=True, slots=True)
class Suite:
    """The kept instances of each database, and how far they tell golds from their neighbours.

    ``seconds`` is the time that building took, 0 for what was found in the cache.
    """

    instances: Mapping[str, tuple[Kept, ...]]
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0


def build_suite(
    examples: Sequence[Example],
    databases: Mapping[str, Database],
    *,
    match: Match = "official",
    size: int = SIZE,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Suite:
    """Perturbed instances of every database, distilled for the golds of ``examples``.

    Args:
        examples: whose golds are told apart from their neighbours.
        databases: by ``db_id``; those without a file have no instances.
        match: the rules by which results are compared.
        size: how many instances a database has at most.
        seed: of everything random; the same seed gives the same suite.
        folder: where suites are kept; else the user's cache. What is found there for the same
            database file, golds, rules, size and seed is used as it is.
        progress: called with how many golds are done and how many there are.

    Raises:
        DatabaseError: a database cannot be read.
        StorageError: the folder cannot be written.

    >>> build_suite([], {}).instances
    {}
    """
    golds: dict[str, list[str]] = defaultdict(list)
    sources = {example.db_id: example.source for example in reversed(examples)}
    for example in examples:
        if databases[example.db_id].path is not None:
            golds[example.db_id].append(example.sql)
    home = folder if folder is not None else cache_dir() / "suites"
    instances, counts, started, built = {}, Counts(), time.perf_counter(), False
    done, total = 0, sum(map(len, golds.values()))
    with Sandbox(_LIMITS, workers=2) as sandbox:
        for db_id, sqls in golds.items():
            unique = sorted(set(sqls))
            key = _key(databases[db_id], unique, f"{sources[db_id]}/{match}/{size}/{seed}")
            target = home / key
            if not target.is_dir():
                built = True
                with building(target) as making:
                    kept, found = distil(
                        databases[db_id],
                        unique,
                        rules_for(sources[db_id], match),
                        sandbox,
                        making,
                        seed=seed,
                        size=size,
                        candidates=CANDIDATES,
                    )
                    write_json(making / "suite.json", _facts(kept, found))
            instances[db_id], found = _read(target)
            counts += found
            done += len(sqls)
            if progress is not None:
                progress(done, total)
    return Suite(instances, counts, time.perf_counter() - started if built else 0.0)


def _key(database: Database, golds: Iterable[str], settings: str) -> str:
    assert database.path is not None
    tables = [table.name for table in database.schema.tables]
    parts = [FORMAT, database.db_id, sha256(database.path), tables, settings]
    text = json.dumps([*parts, list(golds)])
    return f"{database.db_id}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _facts(kept: Iterable[Kept], counts: Counts) -> dict[str, object]:
    return {
        "instances": [{"file": k.path.name, "golds": sorted(k.golds)} for k in kept],
        "counts": asdict(counts),
    }


def _read(folder: Path) -> tuple[tuple[Kept, ...], Counts]:
    facts = json.loads((folder / "suite.json").read_text(encoding="utf-8"))
    kept = (Kept(folder / i["file"], frozenset(i["golds"])) for i in facts["instances"])
    return tuple(kept), Counts(**facts["counts"])
