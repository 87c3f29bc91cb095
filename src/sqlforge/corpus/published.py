"""Where a published corpus lies: local files in its layout, or else the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlforge.core.errors import DataError
from sqlforge.core.files import sha256
from sqlforge.corpus.files import OnBadRow, SkippedRow
from sqlforge.corpus.hub import HubTable, hub_table
from sqlforge.corpus.packed import PACKED
from sqlforge.corpus.rows import LAYOUTS, Columns, Row, count_rows, read_rows


@dataclass(frozen=True, slots=True)
class Layout:
    """How a corpus is published.

    Args:
        hub: its name on the hub.
        folders: where its files are looked for inside a data folder.
        stems: file names without suffix, by split; ``*`` stands for the parts of a divided file.
            The first one is the corpus's own and is looked for in the data folder itself as well.
        columns: of its rows.
    """

    hub: str
    folders: tuple[str, ...]
    stems: dict[str, tuple[str, ...]]
    columns: Columns


@dataclass(frozen=True, slots=True)
class Place:
    """An opened corpus: local ``files``, or a ``table`` of the hub."""

    layout: Layout
    files: tuple[Path, ...] = ()
    table: HubTable | None = None

    @property
    def digest(self) -> str:
        """Of everything that will be read."""
        if self.table is not None:
            return self.table.digest
        whole = hashlib.sha256("".join(sha256(file) for file in self.files).encode())
        return f"sha256:{whole.hexdigest()}"

    @property
    def count(self) -> int | None:
        """About how many rows there are, where that can be told before reading."""
        if self.table is not None:
            return self.table.count
        counts = [count_rows(file) for file in self.files]
        return sum(count or 0 for count in counts) if None not in counts else None

    def rows(self, on_bad_row: OnBadRow, skipped: list[SkippedRow]) -> Iterator[tuple[int, Row]]:
        """Every row with its position, counted over all files."""
        if self.table is not None:
            yield from self.table.rows()
            return
        start = 0
        for file in self.files:
            count = -len(skipped)
            read = read_rows(file, self.layout.columns, on_bad_row=on_bad_row, skipped=skipped)
            for place, row in read:
                yield start + place, row
                count += 1
            start += count + len(skipped)


def find_published(
    layout: Layout,
    split: str,
    data_dir: Path | None,
    *,
    path: Path | None = None,
    revision: str | None = None,
) -> Place:
    """The corpus at ``path``, inside ``data_dir``, or on the hub; the first that there is.

    Raises:
        DataError: ``path`` does not exist, or nothing is at hand and the hub does not answer.
    """
    if path is not None:
        if not path.exists():
            raise DataError(f"no file {path}", f"rows of {layout.hub}", "check the recipe's 'path'")
        files = _files_in(path, layout.stems[split]) if path.is_dir() else [path]
        if not files:
            raise DataError(
                f"a folder {path} without {_named(layout, split)}",
                f"the files of {layout.hub}",
                "name the file itself in the recipe's 'path'",
            )
        return Place(layout, tuple(files))
    if data_dir is not None and revision is None:
        own, *_ = stems = layout.stems[split]
        places = [(data_dir, (own,)), *((data_dir / folder, stems) for folder in layout.folders)]
        for folder, names in places:
            if files := _files_in(folder, names):
                return Place(layout, tuple(files))
    fix = (
        f"put {_named(layout, split)} into DIR/{layout.folders[0]}/ and name DIR by --data-dir "
        "or SQLFORGE_DATA_DIR, or name the file as 'path' in the recipe"
    )
    return Place(layout, table=hub_table(layout.hub, split, layout.columns, revision, fix))


def _named(layout: Layout, split: str) -> str:
    stem = layout.stems[split][0]
    return f"{stem}.json, .jsonl, .csv or .parquet"


def _files_in(folder: Path, stems: Sequence[str]) -> list[Path]:
    """The files of the first stem that has any; of one layout, in the order of their names."""
    for stem in stems:
        for suffix in (f"{layout}{packed}" for layout in LAYOUTS for packed in ("", *PACKED)):
            found = sorted(path for path in folder.glob(stem + suffix) if path.is_file())
            if found:
                return found
    return []
