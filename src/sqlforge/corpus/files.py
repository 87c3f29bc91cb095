"""Read published JSON, plain or packed, row by row, with faults named by line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, TypeVar

from sqlforge.core.errors import DataError, MissingDataError
from sqlforge.core.records import Dataset
from sqlforge.corpus.packed import PACKED, open_binary
from sqlforge.corpus.packed import open_text as open_text  # readers of other texts use it too

OnBadRow = Literal["stop", "skip"]
T = TypeVar("T")

_SUFFIXES = ("", *PACKED)
_NEXT_OBJECT = re.compile(r"\}\s*,\s*(?=\{)")
_BLOCK = 1 << 20  # characters


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
        MissingDataError: there is none; the message lists the names tried.

    >>> find_file(Path("/nowhere"), "dev.json", "Spider")
    Traceback (most recent call last):
    sqlforge.core.errors.MissingDataError: Got no folder /nowhere, expected the files of Spider:
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


def missing(folder: Path, tried: Sequence[str], what: str) -> MissingDataError:
    """The sentence for a data set that is not where it was looked for."""
    names = tried[0] if len(tried) == 1 else f"{', '.join(tried[:-1])} or {tried[-1]}"
    got = f"a folder {folder} without {names}" if folder.is_dir() else f"no folder {folder}"
    return MissingDataError(got, f"the files of {what}", "check --data-dir or SQLFORGE_DATA_DIR")


def read_jsonl(
    path: Path,
    convert: Callable[[object], T],
    *,
    on_bad_row: OnBadRow = "stop",
    skipped: list[SkippedRow] | None = None,
) -> Iterator[tuple[int, T]]:
    """Stream a JSONL file as ``(position, converted row)``, holding one line at a time.

    Args:
        path: the file; see :func:`sqlforge.corpus.packed.open_binary`.
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
    with open_binary(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            position += 1
            try:
                row = convert(_parse(_decode(line)))
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

    Objects are parsed one by one as the text comes in, so that a malformed one is named by the
    line on which it starts. After broken JSON, reading goes on at the next place where one object
    ends and another begins.
    """
    with open_text(path) as file:
        window = _Window(file)
        if not window.skip(" \t\r\n") or window.text[window.offset] != "[":
            raise DataError(
                f"{path}, which holds no JSON array", "a list of rows", "fetch it again"
            )
        window.offset += 1
        position = -1
        while window.skip(" \t\r\n,") and window.text[window.offset] != "]":
            position += 1
            line = window.line()
            try:
                row = convert(window.take())
            except ValueError as fault:
                bad_row(SkippedRow(path, line, str(fault)), on_bad_row, skipped)
            else:
                yield position, row
        if window.offset == len(window.text):
            reason = "the file ends within the list"
            bad_row(SkippedRow(path, window.line(), reason), on_bad_row, skipped)


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


class _Window:
    """The part of a JSON array that is being parsed; it grows until the next object fits."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._lines, self._at_end = file, 1, False
        self.text, self.offset = "", 0

    def line(self) -> int:
        """The line of ``offset``, from 1."""
        return self._lines + self.text.count("\n", 0, self.offset)

    def skip(self, characters: str) -> bool:
        """Go on to the next other character; whether there is one."""
        while True:
            while self.offset < len(self.text) and self.text[self.offset] in characters:
                self.offset += 1
            if self.offset < len(self.text):
                return True
            if not self._grow():
                return False

    def take(self) -> object:
        """Parse the value at ``offset`` and go on behind it.

        Raises:
            ValueError: it is broken; ``offset`` is at the next object.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.offset)
            except (ValueError, RecursionError) as fault:
                if self._grow():  # it may only not be read to its end
                    continue
                self._resume()
                raise _not_json(fault) from fault
            source = self.text[self.offset : end]
            self.offset = end
            _check_text(source, value)
            return value

    def _grow(self) -> bool:
        """Forget what is parsed and read at least as much again as is left."""
        if self._at_end:
            return False
        self._lines, self.text = self.line(), self.text[self.offset :]
        more = self._file.read(max(_BLOCK, len(self.text)))
        self.text, self.offset, self._at_end = self.text + more, 0, not more
        return bool(more)

    def _resume(self) -> None:
        found = _NEXT_OBJECT.search(self.text, self.offset)
        self.offset = found.end() if found else len(self.text) + 1


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        byte = f"byte 0x{line[fault.start]:02x} at {fault.start}"
        raise ValueError(f"not UTF-8 ({byte})") from fault


def _parse(line: str) -> object:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise _not_json(fault) from fault
    _check_text(line, value)
    return value


def _not_json(fault: Exception) -> ValueError:
    """Broken text, or what Python refuses: too many digits, brackets nested too deep."""
    if isinstance(fault, RecursionError):
        return ValueError("no valid JSON: nested too deeply")
    reason = fault.msg if isinstance(fault, json.JSONDecodeError) else str(fault)
    return ValueError(f"no valid JSON: {reason}")


def _check_text(source: str, value: object) -> None:
    """Refuse escapes that neither a database nor a file can hold: NUL and half a character."""
    if "\\u0000" in source:
        raise ValueError("text with a NUL character")
    if "\\ud" in source or "\\uD" in source:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as fault:
            raise ValueError("text with half a surrogate pair") from fault
