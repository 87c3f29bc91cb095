"""Verdicts on disk while they come, so that a killed scoring goes on where it was.

The file beside the final one has a line that says what is being judged, then a line a verdict,
each written before the next is judged. It is used again only if the first line is the same; a
line cut by the kill is dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path

import sqlforge
from sqlforge.core.files import make_folder, sha256, storing
from sqlforge.core.records import Dataset, Verdict

_FIELDS = tuple(field.name for field in fields(Verdict))


def partial_path(verdicts: Path) -> Path:
    """Where the verdicts lie that will become the file ``verdicts``.

    >>> partial_path(Path("out/verdicts.jsonl")).as_posix()
    'out/.verdicts.jsonl.partial'
    """
    return verdicts.with_name(f".{verdicts.name}.partial")


def what_is_judged(dataset: Dataset, predictions_file: Path, *how: object) -> str:
    """A digest of all that verdicts depend on: examples, databases, predictions, rules, version.

    ``how`` are the settings; a database counts by the size and date of its file.
    """
    digest = hashlib.sha256(repr((sqlforge.__version__, dataset.name, *how)).encode())
    digest.update(sha256(predictions_file).encode())
    for example in dataset.examples:
        digest.update(f"{example.id}\0{example.db_id}\0{example.sql}\0".encode())
    for path in sorted({d.path for d in dataset.databases.values() if d.path is not None}):
        status = path.stat()
        digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def kept_and_judged(
    path: Path, key: str, judge_from: Callable[[int], Iterator[Verdict]]
) -> Iterator[Verdict]:
    """The verdicts that ``path`` holds, then those that ``judge_from`` gives, kept as they come.

    Args:
        path: the file; made if it is missing, begun anew if its key is another.
        key: what is being judged; see :func:`what_is_judged`.
        judge_from: called with the number of verdicts that are there, gives the rest.

    Raises:
        StorageError: the file cannot be written.
    """
    with storing(path):
        make_folder(path.parent)
        count, end = _whole(path, key)
        with path.open("r+b" if end else "wb") as file:
            file.seek(end)
            file.truncate()
            if not end:
                file.write(_line({"key": key}))
            yield from _kept(path, count)
            for verdict in judge_from(count):
                file.write(_line({name: getattr(verdict, name) for name in _FIELDS}))
                file.flush()
                yield verdict


def _whole(path: Path, key: str) -> tuple[int, int]:
    """How many whole verdicts ``path`` holds and where the last one ends; twice 0 if of no use."""
    if not path.is_file():
        return 0, 0
    with path.open("rb") as file:
        header = file.readline()
        if header != _line({"key": key}):
            return 0, 0
        count, end = 0, len(header)
        for line in file:
            if not line.endswith(b"\n") or _verdict(line) is None:
                break
            count, end = count + 1, end + len(line)
    return count, end


def _kept(path: Path, count: int) -> Iterator[Verdict]:
    with path.open("rb") as file:
        for line in islice(file, 1, count + 1):
            verdict = _verdict(line)
            assert verdict is not None, "it was read before"
            yield verdict


def _verdict(line: bytes) -> Verdict | None:
    try:
        return Verdict(**json.loads(line))
    except (ValueError, TypeError):
        return None


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
