"""``prepare``: gather the examples of a recipe into the run's ``data/``."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlforge.core.config import Recipe, SourcePart
from sqlforge.core.errors import DataError
from sqlforge.core.files import new_folder, sha256, write_json
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.files import Reading, SkippedRow
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.store import write_databases, write_examples
from sqlforge.corpus.synthetic.domain import SplitName
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.corpus.wikisql import read_wikisql
from sqlforge.score.benchmarks import DEFAULT_SPLITS, load_benchmark

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """How many examples each split got; ``skipped`` rows were malformed."""

    train: int
    validation: int
    test: int
    databases: int
    skipped: tuple[SkippedRow, ...]


def prepare(recipe: Recipe, run: RunDir, data_dir: Path | None, say: Say) -> Prepared:
    """Write ``data/{train,validation,test}.jsonl`` and ``data/databases.jsonl``.

    Raises:
        DataError: a source is missing, malformed, or smaller than the recipe asks for.
    """
    with new_folder(run.data) as folder:
        gathering = _Gathering(recipe, data_dir, folder, say)
        test = gathering.test()
        validation = gathering.validation()
        train = gathering.train(held_out={(e.source, e.db_id) for e in validation})
        splits = {"train": train, "validation": validation, "test": test}
        used = {example.db_id for examples in splits.values() for example in examples}
        databases = {k: db for k, db in gathering.databases.items() if k in used}
        for split, examples in splits.items():
            write_examples(folder / f"{split}.jsonl", examples)
        write_databases(folder / "databases.jsonl", databases)
        write_json(folder / "licences.json", _licences(splits.values()))
        write_json(folder / "skipped.json", [_row(row) for row in gathering.skipped])
        # Noted before the folder takes its name: data that is there counts as done.
        run.note(data_sha256={f.name: sha256(f) for f in sorted(folder.glob("*.jsonl"))})
    return Prepared(
        len(train), len(validation), len(test), len(databases), tuple(gathering.skipped)
    )


class _Gathering:
    """Reads every source once and draws from it what the recipe asks for."""

    def __init__(self, recipe: Recipe, data_dir: Path | None, folder: Path, say: Say) -> None:
        self._recipe, self._data_dir, self._folder, self._say = recipe, data_dir, folder, say
        self.databases: dict[str, Database] = {}
        self.skipped: list[SkippedRow] = []
        self._synthetic: dict[SplitName, Dataset] = {}
        self._training: dict[str, Dataset] = {}

    def test(self) -> list[Example]:
        found: list[Example] = []
        for part in self._recipe.data.test:
            if part.source == "synthetic":
                found += self._made("test")
                continue
            self._say(f"reading {part.source} ({DEFAULT_SPLITS[part.source]})")
            dataset = load_benchmark(part.source, self._folder_of(part), None)
            found += self._draw(dataset.examples, part, "test", dataset)
        return found

    def validation(self) -> list[Example]:
        """Synthetic examples of its own domains, or training examples of held-out databases."""
        found: list[Example] = []
        for part in self._recipe.data.validation:
            if part.source == "synthetic":
                found += self._made("validation")
            else:
                dataset = self._read_training(part)
                found += self._draw(_by_whole_databases(dataset, part), part, "validation", dataset)
        return found

    def train(self, held_out: set[tuple[str, str]]) -> list[Example]:
        found: list[Example] = []
        for part in self._recipe.data.train:
            if part.source == "synthetic":
                found += self._made("train")
                continue
            dataset = self._read_training(part)
            kept = [e for e in dataset.examples if (e.source, e.db_id) not in held_out]
            found += self._draw(kept, part, "train", dataset)
        return found

    def _made(self, split: SplitName) -> Sequence[Example]:
        """The synthetic corpus is made once, for all splits that want it."""
        if not self._synthetic:
            data = self._recipe.data
            parts = {"train": data.train, "validation": data.validation, "test": data.test}
            counts: dict[SplitName, int] = {
                name: sum(p.rows or 0 for p in parts[name] if p.source == "synthetic")
                for name in ("train", "validation", "test")
            }
            self._say(f"making {sum(counts.values()):,} synthetic examples")
            self._synthetic = generate_corpus(
                self._folder / "databases",
                seed=self._recipe.seed,
                counts=counts,
                max_tables=data.synthetic_max_tables,
                kinds=data.synthetic_kinds,
            )
        dataset = self._synthetic[split]
        self._know(dataset)
        return dataset.examples

    def _read_training(self, part: SourcePart) -> Dataset:
        if part.source not in self._training:
            self._say(f"reading {part.source} (train)")
            on_bad: Literal["stop", "skip"] = "skip" if self._recipe.data.skip_bad_rows else "stop"
            readers: dict[str, Callable[[], Reading]] = {
                "spider": lambda: read_spider(self._folder_of(part), "train", on_bad_row=on_bad),
                "wikisql": lambda: read_wikisql(self._folder_of(part), "train", on_bad_row=on_bad),
            }
            reading = readers[part.source]()
            self.skipped.extend(reading.skipped)
            for note in reading.notes:
                self._say(note)
            self._training[part.source] = reading.dataset
        return self._training[part.source]

    def _folder_of(self, part: SourcePart) -> Path:
        if self._data_dir is None:
            raise DataError(
                f"the source '{part.source}' without a folder to read it from",
                "--data-dir DIR or the environment variable SQLFORGE_DATA_DIR",
                "name the folder that holds the published files",
            )
        return self._data_dir

    def _know(self, dataset: Dataset) -> None:
        """Remember the databases; an id stands for one database only."""
        for db_id, database in dataset.databases.items():
            if self.databases.setdefault(db_id, database) != database:
                raise DataError(
                    f"two databases named '{db_id}', one of them from {dataset.name}",
                    "ids that differ between sources",
                    "leave one of the sources out",
                )

    def _draw(
        self, examples: Sequence[Example], part: SourcePart, split: str, dataset: Dataset
    ) -> list[Example]:
        if part.rows is not None and part.rows > len(examples):
            raise DataError(
                f"{len(examples):,} {split} examples of {part.source}",
                f"the {part.rows:,} that the recipe asks for",
                f"lower data.{split} rows",
            )
        self._know(dataset)
        if part.rows is None:
            return list(examples)
        if split == "validation":
            return list(examples[: part.rows])
        rng = random.Random(f"{self._recipe.seed}/{split}/{part.source}")
        chosen = sorted(rng.sample(range(len(examples)), part.rows))
        return [examples[index] for index in chosen]


def _by_whole_databases(dataset: Dataset, part: SourcePart) -> list[Example]:
    """Training examples, a few a database, so that few databases are lost to training."""
    rng = random.Random(f"validation/{part.source}")
    with_rows = sorted({e.db_id for e in dataset.examples if dataset.databases[e.db_id].path})
    order = {db_id: rank for rank, db_id in enumerate(rng.sample(with_rows, len(with_rows)))}
    candidates = [e for e in dataset.examples if e.db_id in order]
    return sorted(candidates, key=lambda e: (order[e.db_id], e.id))


def _row(skipped: SkippedRow) -> dict[str, object]:
    return {"file": str(skipped.file), "line": skipped.line, "reason": skipped.reason}


def _licences(splits: Iterable[Sequence[Example]]) -> dict[str, str]:
    return {e.source: e.licence for examples in splits for e in examples}
