"""Rows of named text columns from any published layout: JSON, JSONL, CSV, TSV or Parquet."""

from __future__ import annotations

import csv
import difflib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlforge.core.errors import DataError
from sqlforge.corpus.files import OnBadRow, SkippedRow, bad_row, read_json_array, read_jsonl
from sqlforge.corpus.packed import PACKED, open_binary, open_text

LAYOUTS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
"""The suffixes read here; all but Parquet may be packed (``.gz``, ``.xz``, ``.zst``) as well."""

_PARQUET_ROWS = 1_000  # held at once
_BROKEN = re.compile("[\x00\udc80-\udcff]")  # NUL, and bytes that are no UTF-8
_END = "\x00 end"  # a line behind the last one: it shows whether a quote is still open
_MAX_CELL = 2**31 - 1  # bytes; what is too long is for the cleaning to say

Row = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that a layout promises: ``required`` ones, and ``optional`` ones beside."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


def read_rows(
    path: Path,
    columns: Columns,
    *,
    on_bad_row: OnBadRow = "stop",
    skipped: list[SkippedRow] | None = None,
) -> Iterator[tuple[int, Row]]:
    """Stream a file as ``(position, {column: text or None})``.

    Args:
        path: the file; its suffix says how it is read.
        columns: which columns to take; others are passed over.
        on_bad_row: what to do at a malformed row (broken JSON or UTF-8, text that is none); see
            :func:`sqlforge.corpus.files.read_jsonl`.
        skipped: the rows left out are appended here.

    Yields:
        The position counts rows from 0, malformed ones included. An absent optional column is
        ``None``. A cell without a value is ``None`` or ``""``: what that means is for the caller.

    Raises:
        DataError: the file cannot be read, lacks a required column (the message says which one was
            expected and what came instead), or holds a malformed row.
    """
    layout = _layout(path)
    take = _Taking(path, columns, line_by_line=layout in (".json", ".jsonl", ".ndjson"))
    if layout == ".parquet":
        yield from _parquet(path, take, on_bad_row, skipped)
    elif layout in (".csv", ".tsv"):
        yield from _csv(path, take, "," if layout == ".csv" else "\t", on_bad_row, skipped)
    elif layout == ".json" and _is_array(path):
        yield from read_json_array(path, take, on_bad_row=on_bad_row, skipped=skipped)
    else:
        yield from read_jsonl(path, take, on_bad_row=on_bad_row, skipped=skipped)


def check_columns(where: str, found: Iterable[str], columns: Columns) -> None:
    """Refuse a table without the columns expected.

    Raises:
        DataError: one is missing; a column of a similar name is offered as the renamed one.

    >>> check_columns("a.csv", ["question", "contxt"], Columns(("question", "context")))
    Traceback (most recent call last):
    sqlforge.core.errors.DataError: Got a.csv with the columns 'question', 'contxt', expected the
    columns 'question', 'context': rename 'contxt' to 'context'.
    """
    names = list(found)
    absent = [name for name in columns.required if name not in names]
    if not absent:
        return
    spare = [name for name in names if name not in columns.required + columns.optional]
    close = difflib.get_close_matches(absent[0], spare, n=1) or (spare if len(spare) == 1 else [])
    fix = f"rename '{close[0]}' to '{absent[0]}'" if close else f"add the column '{absent[0]}'"
    raise DataError(
        f"{where} with the columns {_listed(names)}",
        f"the columns {_listed(columns.required)}",
        fix,
    )


def count_rows(path: Path) -> int | None:
    """About how many rows a file has, without parsing them; ``None`` where only parsing tells.

    Lines are counted, blank ones and those within CSV cells too: enough to tell when it is done.
    """
    layout = _layout(path)
    if layout == ".json":
        return None
    if layout != ".parquet":
        with open_binary(path) as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(1, lines - (layout in (".csv", ".tsv")))
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowInvalid, OSError):  # what is wrong with it is said when it is read
        return None


class _Taking:
    """Takes the wanted columns out of one row; the first row shows whether they are there."""

    def __init__(self, path: Path, columns: Columns, *, line_by_line: bool) -> None:
        self._path, self.columns, self._unchecked = path, columns, line_by_line

    def __call__(self, value: object) -> Row:
        if not isinstance(value, dict):
            raise ValueError(f"a {type(value).__name__} instead of an object")
        if self._unchecked:
            check_columns(str(self._path), map(str, value), self.columns)
            self._unchecked = False
        row: dict[str, str | None] = {}
        for name in self.columns.required:
            if name not in value:
                raise ValueError(f"the field '{name}' is missing")
            row[name] = _text(name, value[name])
        for name in self.columns.optional:
            row[name] = _text(name, value.get(name))
        return row


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"the field '{name}' is a {type(value).__name__}")


def _layout(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    layout = suffixes[-1] if suffixes else ""
    if layout not in LAYOUTS or (layout == ".parquet" and path.suffix.lower() != ".parquet"):
        raise DataError(
            f"{path}, whose name does not say how to read it",
            f"a name that ends in {', '.join(LAYOUTS[:-1])} (or these with .gz, .xz or .zst) or "
            f"{LAYOUTS[-1]}",
            "rename or convert the file",
        )
    return layout


def _is_array(path: Path) -> bool:
    with open_text(path) as file:
        for line in file:
            if line.strip():
                return line.lstrip().startswith("[")
    return False


def _csv(
    path: Path,
    take: _Taking,
    delimiter: str,
    on_bad_row: OnBadRow,
    skipped: list[SkippedRow] | None,
) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(_MAX_CELL)
    with open_binary(path) as packed:
        # Broken bytes come in as surrogates, so that only the row that has them is at fault.
        text = (line.decode("utf-8", "surrogateescape") for line in packed)
        reader = csv.reader(itertools.chain(text, [_END]), delimiter=delimiter)
        records = _records(reader, path)
        header = [name.strip() for name in next(records, [])]
        header[:1] = [name.removeprefix("\ufeff") for name in header[:1]]
        if any(_BROKEN.search(name) for name in header):  # as spreadsheets save "Unicode text"
            raise DataError(f"{path}, which is not UTF-8", "UTF-8 text", "save it as UTF-8")
        check_columns(str(path), header, take.columns)
        position = -1
        for cells in records:
            if not cells:
                continue
            position += 1
            try:
                yield position, take(_fitting(header, cells))
            except ValueError as fault:
                bad_row(SkippedRow(path, reader.line_num, str(fault)), on_bad_row, skipped)


def _records(reader: Any, path: Path) -> Iterator[list[str]]:
    start = 1
    try:
        for cells in reader:
            if cells == [_END]:
                return
            if cells and cells[-1].endswith(_END):
                raise DataError(
                    f"{path}, which ends within the quoted cell of line {start}",
                    "a whole CSV file",
                    "close the quote or fetch it again",
                )
            yield cells
            start = reader.line_num + 1
    except csv.Error as fault:
        raise DataError(
            f"{path}, line {reader.line_num} ({fault})", "a CSV file", "mend that line"
        ) from fault


def _fitting(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} cells under {len(header)} columns")
    for name, cell in zip(header, cells, strict=True):
        if "\x00" in cell:
            raise ValueError("text with a NUL character")
        if not cell.isascii() and _BROKEN.search(cell):
            raise ValueError(f"the column '{name}' is not UTF-8")
    return dict(zip(header, cells, strict=True))


def _parquet(
    path: Path,
    take: _Taking,
    on_bad_row: OnBadRow,
    skipped: list[SkippedRow] | None,
) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_binary(path):  # a missing or forbidden file is Python's error, not Arrow's
        pass
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            check_columns(str(path), names, take.columns)
            wanted = [n for n in take.columns.required + take.columns.optional if n in names]
            batches = file.iter_batches(batch_size=_PARQUET_ROWS, columns=wanted)
            rows = itertools.chain.from_iterable(_rows_of(batch, pa) for batch in batches)
            for position, row in enumerate(rows):
                try:
                    yield position, take({name: _decoded(name, v) for name, v in row.items()})
                except ValueError as fault:
                    bad_row(SkippedRow(path, position + 1, str(fault)), on_bad_row, skipped)
    except (pa.ArrowInvalid, OSError) as fault:
        reason = " ".join(str(fault).split())
        raise DataError(
            f"{path}, which is truncated or no Parquet file ({reason})",
            "a whole file",
            "fetch it again",
        ) from fault


def _rows_of(batch: Any, pa: Any) -> Iterator[dict[str, object]]:
    """The rows with text as bytes: Arrow would refuse a whole batch for one broken cell."""
    columns = []
    for column in batch.columns:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        columns.append((column.cast(pa.large_binary()) if is_text else column).to_pylist())
    for cells in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, cells, strict=True))


def _decoded(name: str, value: object) -> object:
    if not isinstance(value, bytes):
        return value
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise ValueError(f"the column '{name}' is not UTF-8") from None
    if "\x00" in text:
        raise ValueError("text with a NUL character")
    return text


def _listed(names: Sequence[str]) -> str:
    shown = [json.dumps(name, ensure_ascii=False).replace('"', "'") for name in names[:15]]
    return ", ".join(shown) + (", …" if len(names) > 15 else "")
