"""The cleaned rows of a whole mix, and which of them are still in."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO

from sqlforge.corpus.chunks import Cleaned
from sqlforge.corpus.clean import Dropped, Kept, Reason
from sqlforge.corpus.dedupe import without_duplicates

Tick = Callable[[int, int], None]
_TICK = 5_000  # rows between two looks at the clock


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is in: ``place`` counts the kept rows of all sources."""

    place: int
    cleaned: Cleaned
    kept: Kept

    @property
    def source(self) -> str:
        """The name of its source."""
        return self.cleaned.source.name


class Survivors:
    """Rows on disk, of which one byte each in memory says whether they are still in.

    Every row that goes out is written to ``drops`` with its reason and counted by source.
    """

    def __init__(self, cleaned: Sequence[Cleaned], drops: IO[str]) -> None:
        self._cleaned, self._drops = cleaned, drops
        self._alive = bytearray()
        self._kept: list[int] = []
        self.reasons: dict[str, Counter[Reason]] = {c.source.name: Counter() for c in cleaned}
        for one in cleaned:
            for found in one.results():
                if isinstance(found, Dropped):
                    self._tell(one.source.name, found)
                else:
                    self._alive.append(1)
            self._kept.append(len(self._alive) - sum(self._kept))

    def __len__(self) -> int:
        return self._alive.count(1)

    def rows(self, progress: Tick | None = None) -> Iterator[Row]:
        """The rows that are in, in the order of the sources; they may be put out meanwhile."""
        place, total = 0, len(self._alive)
        for one in self._cleaned:
            for found in one.results():
                if isinstance(found, Dropped):
                    continue
                if self._alive[place]:
                    yield Row(place, one, found)
                place += 1
                if progress is not None and (place % _TICK == 0 or place == total):
                    progress(place, total)

    def put_out(self, row: Row, reason: Reason, detail: str) -> None:
        """A row is out from now on."""
        example = row.kept.example
        self._alive[row.place] = 0
        told = Dropped(example.id, reason, detail, example.question, example.sql)
        self._tell(row.source, told)

    def take_out(self, row: Row) -> None:
        """A row is used elsewhere: it is out, and not counted as left out."""
        self._alive[row.place] = 0

    def put_out_duplicates(self, *, near: bool, progress: Tick | None = None) -> None:
        """Of rows that say the same the first one stays; rows that were made are all let in."""
        waiting: deque[Row] = deque()

        def told_apart() -> Iterator[Kept]:
            for row in self.rows(progress):
                if not row.cleaned.trusted:
                    waiting.append(row)
                    yield row.kept

        for _, dropped in without_duplicates(told_apart(), near=near):
            row = waiting.popleft()
            if dropped is not None:
                self.put_out(row, dropped.reason, dropped.detail)

    def counts(self) -> Counter[str]:
        """Rows that are in, by source."""
        found = Counter({one.source.name: 0 for one in self._cleaned})
        place = 0
        for one, kept in zip(self._cleaned, self._kept, strict=True):
            found[one.source.name] += self._alive.count(1, place, place + kept)
            place += kept
        return found

    def _tell(self, source: str, dropped: Dropped) -> None:
        self.reasons[source][dropped.reason] += 1
        line = {"source": source, **_told(dropped)}
        self._drops.write(json.dumps(line, ensure_ascii=False) + "\n")


def _told(dropped: Dropped) -> dict[str, str]:
    short = replace(dropped, question=dropped.question[:300], sql=dropped.sql[:1000])
    return {
        "id": short.id,
        "reason": short.reason.value,
        "detail": short.detail,
        "question": short.question,
        "sql": short.sql,
    }
