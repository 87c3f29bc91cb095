"""``prepare``: gather, clean and mix the examples of a recipe into the run's ``data/``."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from sqlforge.core.config import AuditPart, Recipe, SourcePart
from sqlforge.core.environment import usable_cores
from sqlforge.core.errors import DataError
from sqlforge.core.files import new_folder, sha256, storing, write_json, writing
from sqlforge.core.records import Database, Dataset
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.audit import report_facts
from sqlforge.corpus.benchmark_questions import published_benchmark
from sqlforge.corpus.chunks import Cleaned, clean_source, remove_others
from sqlforge.corpus.clean import Reason, Rules
from sqlforge.corpus.files import SkippedRow
from sqlforge.corpus.fingerprints import fingerprint
from sqlforge.corpus.gathering import OF_ROWS, Asked, Gathering
from sqlforge.corpus.holding import audit_rows, hold_out
from sqlforge.corpus.leaks import Reference
from sqlforge.corpus.licences import summarise
from sqlforge.corpus.mix import Portion, draw, plan_mix
from sqlforge.corpus.raw import Source
from sqlforge.corpus.store import DatasetWriter
from sqlforge.corpus.survivors import Row, Survivors
from sqlforge.score.benchmarks import BenchmarkName, load_benchmark

Say = Callable[[str], None]
Progress = Callable[[str], Callable[[int, int], None]]
SPLITS = ("train", "validation", "test")

_CHARACTERS_A_TOKEN = 8
"""SQL has three to four; an answer of more than this for each token of the window cannot fit."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """How many examples each split got.

    ``skipped`` rows were malformed. ``dropped`` counts, by source and reason, the training rows
    that were left out; ``output_sha256`` is over all files of ``data/`` that hold data.
    """

    train: int
    validation: int
    test: int
    databases: int
    skipped: tuple[SkippedRow, ...]
    dropped: Mapping[str, Mapping[str, int]]
    output_sha256: str


def prepare(
    recipe: Recipe,
    run: RunDir,
    data_dir: Path | None,
    say: Say,
    progress: Progress | None = None,
    *,
    processes: int | None = None,
) -> Prepared:
    """Write ``data/``: ``{train,validation,test,databases}.jsonl`` and what was left out.

    The same recipe and files give the same bytes for any number of processes. A killed run goes
    on with the chunks of cleaned rows in ``data.partial/``.

    Args:
        recipe: what to gather.
        run: where to.
        data_dir: the folder with published data, if there is one.
        say: told what happens, line by line.
        progress: makes a callback for a named piece of long work.
        processes: how many clean at once; else one a core.

    Raises:
        DataError: a source is missing, malformed, or smaller than the recipe asks for; or no row
            is left to train on.
    """
    partial = run.path / "data.partial"
    with new_folder(run.data) as folder:
        gathering = Gathering(recipe.data, recipe.seed, data_dir, folder, _benchmark, say)
        with writing(folder / "dropped.jsonl") as drops:
            making = _Making(recipe, gathering, partial, drops, progress, processes)
            splits, rows = making.splits()
            if recipe.data.audit is not None:
                facts = _audit(recipe.data.audit, rows, splits, data_dir, say, progress)
                write_json(folder / "audit.json", facts)
        with DatasetWriter(folder, SPLITS, data_dir) as writer:
            for split, asked in splits.items():
                for example, database in asked:
                    writer.add(split, example, database)
            for example, database in making.mixed(rows):
                writer.add("train", example, database)
        if not writer.sizes["train"]:
            raise _nothing_left(making, rows, say)
        dropped = making.dropped()
        write_json(folder / "licences.json", dict(writer.licences.keys()))
        write_json(folder / "cleaning.json", dropped)
        skipped = (*gathering.skipped, *making.skipped)
        write_json(folder / "skipped.json", [_row(row) for row in skipped])
        # Noted before the folder takes its name: data that is there counts as done.
        digests = {file.name: sha256(file) for file in sorted(folder.glob("*.jsonl"))}
        whole = _over_all(digests)
        run.note(data_sha256=digests, output_sha256=whole, inputs=making.inputs())
    if partial.is_dir():
        with storing(partial):
            shutil.rmtree(partial)
    for line in (*making.table(rows), *summarise(writer.licences)):
        say(line)
    train, valid, tested = (writer.sizes[split] for split in SPLITS)
    return Prepared(train, valid, tested, writer.databases, skipped, dropped, whole)


class _Making:
    """Cleans every source that is read row by row, and holds out what is not for training."""

    def __init__(
        self,
        recipe: Recipe,
        gathering: Gathering,
        partial: Path,
        drops: IO[str],
        progress: Progress | None,
        processes: int | None,
    ) -> None:
        self._recipe, self._gathering, self._partial = recipe, gathering, partial
        self._drops, self._progress = drops, progress
        self._processes = processes or usable_cores()
        self._cleaned: dict[str, Cleaned] = {}
        self._reasons: dict[str, Counter[Reason]] = {}

    def splits(self) -> tuple[dict[str, list[Asked]], Survivors]:
        """Test and validation examples, and the rows that are left for training."""
        data, gathering = self._recipe.data, self._gathering
        test = gathering.test() + self._apart(data.test, "test")
        validation = gathering.validation() + self._apart(data.validation, "validation")
        held_out = {(example.source, example.db_id) for example, _ in validation}
        cleaned = [self._clean(source, source.name) for source in gathering.train(held_out)]
        remove_others(self._partial, tuple(self._cleaned.values()))
        rows = Survivors(cleaned, self._drops)
        self._reasons |= rows.reasons
        near = data.clean.near_duplicates
        rows.put_out_duplicates(near=near, progress=_bar(self._progress, "duplicates"))
        for split, found, parts in (
            ("test", test, data.test),
            ("validation", validation, data.validation),
        ):
            for count in (part.rows for part in parts if part.source == "internal"):
                assert count is not None  # the recipe was checked
                bar = _bar(self._progress, f"hold out {split}")
                drawn = hold_out(rows, count, self._recipe.seed, split, bar)
                found += [(row.kept.example, _database_of(row)) for row in drawn]
        return {"test": test, "validation": validation}, rows

    def mixed(self, rows: Survivors) -> Iterator[Asked]:
        """The training rows that are drawn, each with its database."""
        data, seed = self._recipe.data, self._recipe.seed
        return _drawn(rows, data.train, "train", seed, data.train_rows, self._progress)

    def dropped(self) -> dict[str, dict[str, int]]:
        """Rows left out by source and reason, in the order in which reasons are looked at."""
        return {
            source: {reason.value: counts[reason] for reason in Reason if counts[reason]}
            for source, counts in self._reasons.items()
        }

    @property
    def skipped(self) -> tuple[SkippedRow, ...]:
        """The malformed rows."""
        return tuple(row for one in self._cleaned.values() for row in one.skipped)

    def inputs(self) -> dict[str, str]:
        """A digest of what was read, by source."""
        return {name: one.source.digest for name, one in self._cleaned.items()}

    def table(self, rows: Survivors) -> Iterator[str]:
        """What became of the rows of each source, for people."""
        fit = rows.counts()
        for name, one in self._cleaned.items():
            ending = f", {fit[name]:,} fit for training" if name in fit else ""
            yield f"{name}: {one.raw:,} rows read{ending}"
            for reason, count in self.dropped()[name].items():
                yield f"  {count:>9,}  {reason}"

    def _apart(self, parts: Sequence[SourcePart], split: str) -> list[Asked]:
        """Test or validation rows of corpora that need cleaning, in memory."""
        found: list[Asked] = []
        for part in parts:
            if part.source in OF_ROWS:
                name = f"{part.key} ({split})"
                rows = Survivors(
                    [self._clean(self._gathering.open(part, split), name)], self._drops
                )
                self._reasons[name] = rows.reasons[part.key]
                found += _drawn(rows, [part], split, self._recipe.seed, None, None)
        return found

    def _clean(self, source: Source, name: str) -> Cleaned:
        rules = Rules(
            only_queries=self._recipe.data.clean.statements == "queries",
            max_answer=self._recipe.prompt.max_tokens * _CHARACTERS_A_TOKEN,
            trusted=source.name == "synthetic",  # executed when it was made
        )
        bar = _bar(self._progress, f"clean {name}")
        cleaned = clean_source(
            source, rules, self._partial, processes=self._processes, progress=bar
        )
        self._cleaned[name] = cleaned
        return cleaned


def _nothing_left(making: _Making, rows: Survivors, say: Say) -> DataError:
    for line in making.table(rows):
        say(line)
    return DataError(
        "no training row that is left after cleaning",
        "at least one",
        "see above why they were left out, and mend the rows or the recipe",
    )


def _drawn(
    rows: Survivors,
    parts: Sequence[SourcePart],
    split: str,
    seed: int,
    total: int | None,
    progress: Progress | None,
) -> Iterator[Asked]:
    """The rows that a split draws, each with its database."""
    available = rows.counts()
    portions = [
        Portion(p.key, p.rows, p.cap, p.weight or 1.0, made=p.source == "synthetic") for p in parts
    ]
    plan = plan_mix(portions, available, total, split=split)
    drawn = {
        name: draw(available[name], count, f"{seed}/{split}/{name}") for name, count in plan.items()
    }
    places: Counter[str] = Counter()
    for row in rows.rows(_bar(progress, "write")):
        place = places[row.source]
        places[row.source] += 1
        if drawn[row.source][place]:
            yield row.kept.example, _database_of(row)


def _audit(
    part: AuditPart,
    rows: Survivors,
    splits: Mapping[str, Sequence[Asked]],
    data_dir: Path | None,
    say: Say,
    progress: Progress | None,
) -> dict[str, Any]:
    """Audit the training rows; leaks are out afterwards where the recipe wants it."""
    references: dict[str, Reference] = {
        name: published_benchmark(name, data_dir) for name in part.against
    }
    tested = [(e, db) for e, db in splits["test"] if e.source not in ("spider", "wikisql")]
    # Validation asks training questions of a benchmark, which other corpora may repeat.
    own = {"internal": ("test", tested), "validation": ("validation", splits["validation"])}
    for name, (split, asked) in own.items():
        prints = tuple(fingerprint(example, db.schema) for example, db in asked)
        if prints:
            references[name] = Reference(f"this run's own {split}", prints)
    bar = _bar(progress, "audit")
    report = audit_rows(rows, references, remove=part.remove, progress=bar)
    for found in report.benchmarks:
        say(f"audit: {found.leaking:,} training rows are found in {found.title}")
    return report_facts(report, removed=part.remove)


def _benchmark(name: str, data_dir: Path) -> Dataset:
    return load_benchmark(cast("BenchmarkName", name), data_dir)


def _database_of(row: Row) -> Database:
    schema, db_id = row.kept.schema, row.kept.example.db_id
    return row.cleaned.source.databases[db_id] if schema is None else Database(db_id, schema)


def _bar(progress: Progress | None, title: str) -> Callable[[int, int], None] | None:
    return progress(title) if progress is not None else None


def _row(skipped: SkippedRow) -> dict[str, object]:
    return {"file": str(skipped.file), "line": skipped.line, "reason": skipped.reason}


def _over_all(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
