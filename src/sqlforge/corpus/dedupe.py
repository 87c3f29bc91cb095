"""Duplicates over all sources of a mix, in one pass over a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from sqlforge.corpus.clean import Dropped, Kept, Reason


def without_duplicates(
    rows: Iterable[Kept], *, near: bool = True
) -> Iterator[tuple[Kept, Dropped | None]]:
    """Each row with why it is left out: it repeats an earlier one that stays.

    Exact duplicates have the same normalised question and the same canonical SQL, whatever their
    schema is. Near-duplicates have the same canonical SQL and nearly the same question (see
    :mod:`sqlforge.corpus.near_duplicates`). Memory: 200 bytes a row, with ``near``
    up to 2,000.

    >>> from sqlforge.core.records import Example
    >>> from sqlforge.corpus.fingerprints import fingerprint
    >>> def row(name, question):
    ...     example = Example(name, question, "SELECT a FROM t", "d", "mine", "MIT")
    ...     return Kept(fingerprint(example, None), None)
    >>> rows = [row("1", "Which a?"), row("2", "which A"), row("3", "Name them all.")]
    >>> [dropped and dropped.detail for _, dropped in without_duplicates(rows)]
    [None, 'of 1', None]
    """
    first: dict[int, int] = {}
    ids: list[str] = []
    waiting: deque[tuple[Kept, Dropped | None]] = deque()

    def singles() -> Iterator[Kept]:
        """The rows that repeat none exactly; what was read before them waits in order."""
        for row in rows:
            key = int(row.fingerprint.duplicate_key, 16)
            earlier = first.setdefault(key, len(ids))
            if earlier == len(ids):
                ids.append(row.example.id)
                waiting.append((row, None))
                yield row
            else:
                waiting.append((row, _dropped(row, Reason.DUPLICATE, f"of {ids[earlier]}")))

    if not near:
        for _ in singles():
            yield from _drained(waiting)
        yield from _drained(waiting)
        return
    from sqlforge.corpus.near_duplicates import near_duplicates

    stream = ((row.fingerprint.words, row.fingerprint.scope) for row in singles())
    for found in near_duplicates(stream):
        while waiting[0][1] is not None:  # exact duplicates in between
            yield waiting.popleft()
        row, _ = waiting.popleft()
        if found is None:
            yield row, None
        else:
            detail = f"of {ids[found.number]}, {found.similarity:.0%} of it"
            yield row, _dropped(row, Reason.NEAR_DUPLICATE, detail)
    yield from _drained(waiting)


def _drained(
    waiting: deque[tuple[Kept, Dropped | None]],
) -> Iterator[tuple[Kept, Dropped | None]]:
    while waiting:
        yield waiting.popleft()


def _dropped(row: Kept, reason: Reason, detail: str) -> Dropped:
    return Dropped(row.example.id, reason, detail, row.example.question, row.example.sql)
