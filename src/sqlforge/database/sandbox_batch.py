"""Statements on their way through one worker of the sandbox, and their results on the way back."""

from __future__ import annotations

import marshal
import struct
from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from itertools import groupby

from sqlforge.core.records import Database, QueryResult, Status
from sqlforge.database.readonly import MAX_SQL_BYTES

Item = tuple[Database, str]


class Timing(IntEnum):
    """What a run is for: its rows, or the time from preparing it to its last row.

    Timed runs return no rows. ``WARM`` ones share a connection, every ``COLD`` one opens its own.
    """

    OFF = 0
    WARM = 1
    COLD = 2


class Batch:
    """Items for one worker; what needs no worker is answered at once.

    ``held`` is the size in bytes of the results that were answered and not yet taken. ``steps``
    of SQLite's virtual machine bound each statement; 0 does not. So do ``seconds``, if they are
    less than the worker allows anyway.
    """

    def __init__(
        self,
        items: list[Item],
        timing: Timing = Timing.OFF,
        steps: int = 0,
        seconds: float | None = None,
    ) -> None:
        self.held = 0
        self._timing, self._steps, self._seconds = timing, steps, seconds
        self._items = items
        self._slots = [_refuse(database, sql) for database, sql in items]
        self._sizes = [0] * len(items)
        self._taken = 0
        self._open = deque(i for i, slot in enumerate(self._slots) if slot is None)

    @property
    def is_done(self) -> bool:
        """Whether every item has its result."""
        return not self._open

    @property
    def is_empty(self) -> bool:
        """Whether every result has been taken."""
        return self._taken == len(self._slots)

    def answer(self, result: QueryResult, size: int = 0) -> None:
        """The result of the first item that has none; ``size`` in bytes."""
        place = self._open.popleft()
        self._slots[place], self._sizes[place] = result, size
        self.held += size

    def take(self) -> Iterator[QueryResult]:
        """The results that are there, in the order of the items, up to the first that is not."""
        while not self.is_empty and (result := self._slots[self._taken]) is not None:
            self._slots[self._taken] = None
            self.held -= self._sizes[self._taken]
            self._taken += 1
            yield result

    def request(self) -> bytes:
        """The frame that asks for everything still open."""
        groups = groupby((self._items[i] for i in self._open), key=lambda item: item[0])
        asked = [
            (str(database.path), _table_names(database), [sql for _, sql in group])
            for database, group in groups
        ]
        body = marshal.dumps((int(self._timing), self._steps, self._seconds, asked))
        return struct.pack("<I", len(body)) + body


def _refuse(database: Database, sql: str) -> QueryResult | None:
    if database.path is None:
        return QueryResult(Status.ERROR, error="no rows here")
    if len(sql) > MAX_SQL_BYTES:
        error = f"a statement of {len(sql)} characters, more than {MAX_SQL_BYTES}"
        return QueryResult(Status.ERROR, error=error)
    return None


def _table_names(database: Database) -> frozenset[str]:
    return frozenset(table.name.lower() for table in database.schema.tables)
