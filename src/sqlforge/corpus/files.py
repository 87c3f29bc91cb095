"""Read published data files: plain, ``.xz`` or ``.gz``, row by row, with faults named by line."""

from __future__ import annotations

import contextlib
import gzip
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeVar

from sqlforge.core.errors import DataError
from sqlforge.core.records import Dataset

OnBadRow = Literal["stop", "skip"]
T = TypeVar("T")

_SUFFIXES = ("", ".xz", ".gz")
_NEXT_OBJECT = re.compile(r"\}\s*,\s*(?=\{)")


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A malformed row that was left out; ``line`` counts from 1."""

    file: Path
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found: the data set, the rows left out, and notes for the user.

    ``notes`` are whole sentences about what the data lacks (a missing database, say).
    """

    dataset: Dataset
    skipped: tuple[SkippedRow, ...] = ()
    notes: tuple[str, ...] = ()


def find_file(folder: Path, name: str, what: str) -> Path:
    """The file ``name`` in ``folder``, plain or compressed.

    Args:
        folder: where to look.
        name: the published name, such as ``"dev.json"``.
        what: the data set, for the message.

    Raises:
        DataError: there is none; the message lists the names tried.

    >>> find_file(Path("/nowhere"), "dev.json", "Spider")
    Traceback (most recent call last):
    sqlforge.core.errors.DataError: Got no folder /nowhere, expected the files of Spider:
    check --data-dir or SQLFORGE_DATA_DIR.
    """
    found = optional_file(folder, name)
    if found is None:
        tried = [name + suffix for suffix in _SUFFIXES]
        raise missing(folder, tried, what)
    return found


def optional_file(folder: Path, name: str) -> Path | None:
    """As :func:`find_file`, but ``None`` where there is no such file."""
    candidates = (folder / (name + suffix) for suffix in _SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def missing(folder: Path, tried: Sequence[str], what: str) -> DataError:
    """The sentence for a data set that is not where it was looked for."""
    names = tried[0] if len(tried) == 1 else f"{', '.join(tried[:-1])} or {tried[-1]}"
    got = f"a folder {folder} without {names}" if folder.is_dir() else f"no folder {folder}"
    return DataError(got, f"the files of {what}", "check --data-dir or SQLFORGE_DATA_DIR")


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file, unpacked by its suffix (``.xz``, ``.gz``, otherwise plain).

    Faults that show only while reading (a truncated archive, bytes that are not UTF-8) are
    turned into the same kind of error.

    Raises:
        DataError: the file is missing, cannot be read, is truncated or is not UTF-8.
    """
    try:
        with _open(path) as file:
            yield file
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as fault:
        raise DataError(
            f"{path}, which is truncated or corrupt ({fault})", "a whole file", "fetch it again"
        ) from fault
    except UnicodeDecodeError as fault:
        raise DataError(
            f"{path}, which is not UTF-8 (byte 0x{fault.object[fault.start]:02x}: {fault.reason})",
            "UTF-8 text",
            "convert the file or fetch it again",
        ) from fault
    except FileNotFoundError as fault:
        raise DataError(f"no file {path}", "a data file", "check the path") from fault
    except (PermissionError, IsADirectoryError) as fault:
        raise DataError(
            f"{path}, which cannot be read ({fault.strerror})",
            "a readable file",
            "check what it is and who may read it",
        ) from fault


def read_jsonl(
    path: Path,
    convert: Callable[[object], T],
    *,
    on_bad_row: OnBadRow = "stop",
    skipped: list[SkippedRow] | None = None,
) -> Iterator[tuple[int, T]]:
    """Stream a JSONL file as ``(position, converted row)``, holding one line at a time.

    Args:
        path: the file; see :func:`open_text`.
        convert: turns the parsed value of one line into a row and raises ``ValueError`` with a
            reason if it is malformed.
        on_bad_row: ``"stop"`` raises at the first malformed row, ``"skip"`` goes on.
        skipped: the rows left out are appended here.

    Yields:
        The position counts rows from 0, the malformed ones included, so that it stays the same
        whether or not they are skipped. Blank lines do not count.

    Raises:
        DataError: the file cannot be read, or a row is malformed (file and line named).
    """
    position = -1
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            position += 1
            try:
                row = convert(_parse(line))
            except ValueError as fault:
                bad_row(SkippedRow(path, number, str(fault)), on_bad_row, skipped)
                continue
            yield position, row


def read_json_array(
    path: Path,
    convert: Callable[[object], T],
    *,
    on_bad_row: OnBadRow = "stop",
    skipped: list[SkippedRow] | None = None,
) -> Iterator[tuple[int, T]]:
    """As :func:`read_jsonl`, for a file that is one JSON array of objects.

    The text is held in memory, its objects are parsed one by one, so that a malformed one is
    named by the line on which it starts. After broken JSON, reading goes on at the next place
    where one object ends and another begins.
    """
    with open_text(path) as file:
        text = file.read()
    if not text.lstrip().startswith("["):
        raise DataError(f"{path}, which holds no JSON array", "a list of rows", "fetch it again")
    offset = _after_comma(text, text.index("[") + 1)
    line, counted, position = 1, 0, -1
    while offset < len(text) and text[offset] != "]":
        position += 1
        line, counted = line + text.count("\n", counted, offset), offset
        try:
            value, end = _DECODER.raw_decode(text, offset)
        except json.JSONDecodeError as fault:
            bad_row(SkippedRow(path, line, f"no valid JSON: {fault.msg}"), on_bad_row, skipped)
            offset = _resume(text, offset)
            continue
        try:
            _check_text(text[offset:end], value)
            row = convert(value)
        except ValueError as fault:
            bad_row(SkippedRow(path, line, str(fault)), on_bad_row, skipped)
        else:
            yield position, row
        offset = _after_comma(text, end)
    if offset == len(text):
        line = text.count("\n") + 1
        bad_row(SkippedRow(path, line, "the file ends within the list"), on_bad_row, skipped)


def bad_row(row: SkippedRow, on_bad_row: OnBadRow, skipped: list[SkippedRow] | None) -> None:
    """Stop at a malformed row or take note of it.

    Raises:
        DataError: ``on_bad_row`` is ``"stop"``.
    """
    if on_bad_row == "stop":
        raise DataError(
            f"a malformed row in {row.file}, line {row.line} ({row.reason})",
            "a row as its authors publish it",
            "repair that line, or leave such rows out with 'skip_bad_rows: true' in a recipe",
        )
    if skipped is not None:
        skipped.append(row)


def fields(value: object, **types: type | tuple[type, ...]) -> dict[str, object]:
    """The named fields of a JSON object, checked for presence and type.

    Raises:
        ValueError: the value is no object, or a field is missing or of another type.

    >>> fields({"a": 1, "b": "x"}, a=int)
    {'a': 1}
    """
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__} instead of an object")
    found = {}
    for name, kind in types.items():
        if name not in value:
            raise ValueError(f"the field '{name}' is missing")
        if not isinstance(value[name], kind):
            raise ValueError(f"the field '{name}' is a {type(value[name]).__name__}")
        found[name] = value[name]
    return found


_DECODER = json.JSONDecoder()


def _open(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8-sig")  # a byte order mark is no part of the first row


def _parse(line: str) -> object:
    try:
        value: object = json.loads(line)
    except json.JSONDecodeError as fault:
        raise ValueError(f"no valid JSON: {fault.msg}") from fault
    _check_text(line, value)
    return value


def _check_text(source: str, value: object) -> None:
    """Refuse escapes that neither a database nor a file can hold: NUL and half a character."""
    if "\\u0000" in source:
        raise ValueError("text with a NUL character")
    if "\\ud" in source or "\\uD" in source:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as fault:
            raise ValueError("text with half a surrogate pair") from fault


def _after_comma(text: str, offset: int) -> int:
    while offset < len(text) and text[offset] in " \t\r\n,":
        offset += 1
    return offset


def _resume(text: str, offset: int) -> int:
    """Where the next object begins; beyond the end if there is none."""
    found = _NEXT_OBJECT.search(text, offset)
    return found.end() if found else len(text) + 1
