"""Suites of instances, built once and kept in the user's cache or in a folder of one's own."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
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
        progress: called with the percentage of the work that is done, and 100.

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
    total = sum(map(len, golds.values()))
    instances, counts, started, done, built = {}, Counts(), time.perf_counter(), 0, False
    files = {databases[db_id].path for db_id in golds}
    digests: dict[Path | None, str] = {path: sha256(path) for path in files if path is not None}
    with Sandbox(_LIMITS, workers=2) as sandbox:
        for db_id, sqls in golds.items():
            told = partial(_tell, progress, done, len(sqls), total)
            task = _Task(databases[db_id], tuple(sorted(set(sqls))), sources[db_id], match)
            target = home / task.key(digests, f"{size}/{seed}")
            if not target.is_dir():
                built = True
                task.build(target, sandbox, size, seed, told)
            instances[db_id], found = _read(target)
            counts += found
            done += len(sqls)
            told(1.0)
    return Suite(instances, counts, time.perf_counter() - started if built else 0.0)


@dataclass(frozen=True, slots=True)
class _Task:
    """One database with the golds and rules that its suite is built for."""

    database: Database
    golds: tuple[str, ...]
    source: str
    match: Match

    def build(
        self, target: Path, sandbox: Sandbox, size: int, seed: int, told: Callable[[float], None]
    ) -> None:
        """Make the folder ``target``, whole or not at all."""
        rules = rules_for(self.source, self.match)
        with building(target) as making:
            kept, found = distil(
                self.database,
                self.golds,
                rules,
                sandbox,
                making,
                seed=seed,
                size=size,
                progress=told,
            )
            write_json(making / "suite.json", _facts(kept, found))

    def key(self, digests: Mapping[Path | None, str], settings: str) -> str:
        """A name for the suite that changes with everything that changes the suite."""
        tables = [table.name for table in self.database.schema.tables]
        digest = digests[self.database.path]
        rules = f"{self.source}/{self.match}"
        parts = [FORMAT, self.database.db_id, digest, tables, rules, settings, self.golds]
        name = "".join(c if c.isalnum() or c in "_-" else "_" for c in self.database.db_id[:40])
        return f"{name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def _tell(progress: Progress | None, done: int, golds: int, total: int, share: float) -> None:
    if progress is not None:
        progress(round(100 * (done + share * golds) / total), 100)


def _facts(kept: Iterable[Kept], counts: Counts) -> dict[str, object]:
    return {
        "instances": [{"file": k.path.name, "golds": sorted(k.golds)} for k in kept],
        "counts": asdict(counts),
    }


def _read(folder: Path) -> tuple[tuple[Kept, ...], Counts]:
    facts = json.loads((folder / "suite.json").read_text(encoding="utf-8"))
    kept = (Kept(folder / i["file"], frozenset(i["golds"])) for i in facts["instances"])
    return tuple(kept), Counts(**facts["counts"])
