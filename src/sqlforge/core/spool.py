"""Long sequences on disk: what is read once in order need not be held in memory."""

from __future__ import annotations

import contextlib
import pickle
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, TypeVar, overload

from sqlforge.core.files import storing

T = TypeVar("T")

MOST_HELD = 20_000
"""Rows up to which a sequence is a plain tuple."""


def spooled(rows: Iterable[T], most_held: int = MOST_HELD) -> Sequence[T]:
    """All ``rows`` as a sequence: a tuple if they are few, otherwise a file without a name.

    Rows are anything that ``pickle`` takes. The file is gone with the sequence, or the process.
    Raises :class:`StorageError` if the folder for temporary files has no room.

    >>> spooled("abc")
    ('a', 'b', 'c')
    >>> long = spooled(range(9), most_held=4)
    >>> len(long), long[7], long[-1], long[2:4], sum(long)
    (9, 7, 8, (2, 3), 36)
    """
    source = iter(rows)
    held = tuple(islice(source, most_held + 1))
    return held if len(held) <= most_held else _Spooled(chain(held, source))


class _Spooled(Sequence[T]):
    """Rows in a file, and where each begins."""

    def __init__(self, rows: Iterable[T]) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="sqlforge-")  # noqa: SIM115  (closed with the spool)
        weakref.finalize(self, _close, self._file)
        self._starts = array("Q", [0])
        folder = Path(tempfile.gettempdir())
        for row in rows:
            packed = pickle.dumps(row, pickle.HIGHEST_PROTOCOL)
            with storing(folder):
                self._file.write(packed)
            self._starts.append(self._starts[-1] + len(packed))
        with storing(folder):
            self._file.flush()

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, place: int) -> T: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[T]: ...

    def __getitem__(self, place: int | slice) -> T | Sequence[T]:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        number = range(len(self))[place]
        start, end = self._starts[number], self._starts[number + 1]
        self._file.seek(start)
        row: T = pickle.loads(self._file.read(end - start))
        return row

    def __iter__(self) -> Iterator[T]:
        return (self[i] for i in range(len(self)))


def _close(file: IO[bytes]) -> None:
    with contextlib.suppress(OSError):  # nobody needs what was not yet written
        file.close()
