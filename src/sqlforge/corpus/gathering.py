"""Opens every source that a recipe names; benchmarks are read whole, corpora later, row by row."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from sqlforge.core.config import DataPart, SourcePart
from sqlforge.core.errors import DataError
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.corpus.files import OnBadRow, Reading, SkippedRow
from sqlforge.corpus.gretel import PUBLISHED_ROWS as GRETEL_ROWS
from sqlforge.corpus.gretel import open_gretel
from sqlforge.corpus.own import UNKNOWN_LICENCE, open_own
from sqlforge.corpus.own_database.folder import open_made
from sqlforge.corpus.raw import Source, source_of_examples
from sqlforge.corpus.spider import read_spider
from sqlforge.corpus.sql_create_context import PUBLISHED_ROWS, open_sql_create_context
from sqlforge.corpus.synthetic.domain import SplitName
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.corpus.wikisql import read_wikisql

Say = Callable[[str], None]
Asked = tuple[Example, Database]
OF_ROWS = ("sql-create-context", "gretel", "own")
"""Sources that are read row by row and need cleaning wherever they are used."""


class Gathering:
    """Reads every benchmark once and opens every corpus.

    Args:
        data: what the recipe says.
        seed: of everything drawn.
        data_dir: the folder with published data, if there is one.
        folder: where the synthetic corpus puts its databases.
        load_benchmark: gives the test examples of ``"spider"`` or ``"wikisql"``.
        say: told what is read.
    """

    def __init__(
        self,
        data: DataPart,
        seed: int,
        data_dir: Path | None,
        folder: Path,
        load_benchmark: Callable[[str, Path], Dataset],
        say: Say,
    ) -> None:
        self._data, self._seed, self._data_dir, self._folder = data, seed, data_dir, folder
        self._load_benchmark, self._say = load_benchmark, say
        self._on_bad_row: OnBadRow = "skip" if data.skip_bad_rows else "stop"
        self.skipped: list[SkippedRow] = []
        self._synthetic: dict[SplitName, Dataset] = {}
        self._training: dict[str, Dataset] = {}

    def test(self) -> list[Asked]:
        """The test examples of benchmarks and of the synthetic corpus."""
        found: list[Asked] = []
        for part in self._data.test:
            if part.source == "synthetic":
                found += _with_databases(self._made("test"))
            elif part.source in ("spider", "wikisql"):
                self._say(f"reading {part.source} (test questions)")
                dataset = self._load_benchmark(part.source, self._folder_of(part))
                chosen = self._draw(dataset.examples, part, "test")
                found += _with_databases(dataset, chosen)
        return found

    def validation(self) -> list[Asked]:
        """Synthetic examples of its own domains, or training examples of held-out databases."""
        found: list[Asked] = []
        for part in self._data.validation:
            if part.source == "synthetic":
                found += _with_databases(self._made("validation"))
            elif part.source in ("spider", "wikisql"):
                dataset = self._read_training(part)
                candidates = _by_whole_databases(dataset, part)
                found += _with_databases(dataset, self._draw(candidates, part, "validation"))
        return found

    def train(self, held_out: set[tuple[str, str]]) -> list[Source]:
        """The training sources in the recipe's order, without databases that are held out."""
        found = []
        for part in self._data.train:
            if part.source in OF_ROWS:
                found.append(self.open(part, "train"))
                continue
            is_made = part.source == "synthetic"
            dataset = self._made("train") if is_made else self._read_training(part)
            kept = [e for e in dataset.examples if (e.source, e.db_id) not in held_out]
            found.append(source_of_examples(part.source, kept, dataset.databases))
        return found

    def open(self, part: SourcePart, split: str) -> Source:
        """A corpus that is read row by row."""
        self._say(f"opening {part.key} ({split})")
        place, revision, on_bad_row = part.path, part.revision, self._on_bad_row
        if part.source == "sql-create-context":
            source = open_sql_create_context(
                self._data_dir, path=place, revision=revision, on_bad_row=on_bad_row
            )
            published = PUBLISHED_ROWS
        elif part.source == "gretel":
            name: Literal["train", "test"] = "test" if split == "test" else "train"
            source = open_gretel(
                self._data_dir, name, path=place, revision=revision, on_bad_row=on_bad_row
            )
            published = GRETEL_ROWS[name]
        else:
            assert part.path is not None  # the recipe was checked
            licence = part.licence or UNKNOWN_LICENCE
            if part.path.is_dir():
                return open_made(part.path, split, name=part.key, licence=licence)
            return open_own(
                part.path,
                name=part.key,
                licence=licence,
                database=part.database,
                dialect=part.dialect,
                on_bad_row=self._on_bad_row,
            )
        if source.count is not None and source.count != published:
            rows = f"about {source.count:,} rows at hand"
            self._say(f"{part.key}: {rows}, {published:,} are published")
        return source

    def _made(self, split: SplitName) -> Dataset:
        """The synthetic corpus is made once, for all splits that want it."""
        if not self._synthetic:
            data = self._data
            parts = {"train": data.train, "validation": data.validation, "test": data.test}
            counts: dict[SplitName, int] = {
                name: sum(p.rows or 0 for p in parts[name] if p.source == "synthetic")
                for name in ("train", "validation", "test")
            }
            self._say(f"making {sum(counts.values()):,} synthetic examples")
            self._synthetic = generate_corpus(
                self._folder / "databases",
                seed=self._seed,
                counts=counts,
                max_tables=data.synthetic_max_tables,
                kinds=data.synthetic_kinds,
            )
        return self._synthetic[split]

    def _read_training(self, part: SourcePart) -> Dataset:
        if part.source not in self._training:
            self._say(f"reading {part.source} (train)")
            folder, on_bad = self._folder_of(part), self._on_bad_row
            readers: dict[str, Callable[[], Reading]] = {
                "spider": lambda: read_spider(folder, "train", on_bad_row=on_bad),
                "wikisql": lambda: read_wikisql(folder, "train", on_bad_row=on_bad),
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

    def _draw(self, examples: Sequence[Example], part: SourcePart, split: str) -> list[Example]:
        if part.rows is not None and part.rows > len(examples):
            raise DataError(
                f"{len(examples):,} {split} examples of {part.source}",
                f"the {part.rows:,} that the recipe asks for",
                f"lower data.{split} rows",
            )
        wanted = part.rows or min(part.cap or len(examples), len(examples))
        if split == "validation" or wanted == len(examples):
            return list(examples[:wanted])
        rng = random.Random(f"{self._seed}/{split}/{part.source}")
        return [examples[index] for index in sorted(rng.sample(range(len(examples)), wanted))]


def _with_databases(dataset: Dataset, examples: Sequence[Example] | None = None) -> list[Asked]:
    chosen = dataset.examples if examples is None else examples
    return [(example, dataset.databases[example.db_id]) for example in chosen]


def _by_whole_databases(dataset: Dataset, part: SourcePart) -> list[Example]:
    """Training examples, a few a database, so that few databases are lost to training."""
    rng = random.Random(f"validation/{part.source}")
    with_rows = sorted({e.db_id for e in dataset.examples if dataset.databases[e.db_id].path})
    order = {db_id: rank for rank, db_id in enumerate(rng.sample(with_rows, len(with_rows)))}
    candidates = [e for e in dataset.examples if e.db_id in order]
    return sorted(candidates, key=lambda e: (order[e.db_id], e.id))
