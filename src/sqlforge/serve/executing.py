"""What the candidates for an answer come to, within the time that it has left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlforge.core.decoding import Decoding
from sqlforge.core.records import QueryResult, Status
from sqlforge.database.readers import Readers
from sqlforge.decode.vote import FIRST_STEPS, Candidate, settled
from sqlforge.serve.patience import Clock

Found = dict[str, tuple[QueryResult, bool]]


def executed(
    candidates: Sequence[Candidate], readers: Readers, clock: Clock, decoding: Decoding
) -> Found:
    """The result of each distinct candidate's SQL, and whether rows were cut off.

    In a vote over an SQLite file every query first gets ``FIRST_STEPS``, and those that need more
    get the time that is left only where they could still change who wins: see
    :func:`sqlforge.decode.vote.settled`. Servers and DuckDB count no steps.
    """
    queries = list(dict.fromkeys(c.sql for c in candidates))
    steps = FIRST_STEPS if decoding.vote and readers.counts_steps else 0
    found = {sql: _run(sql, readers, clock, steps) for sql in queries}
    results = {sql: result for sql, (result, _) in found.items()}
    if steps and not settled(candidates, results, prefer_non_empty=decoding.prefer_non_empty):
        stopped = [sql for sql in queries if results[sql].status is Status.TIMEOUT]
        found |= {sql: _run(sql, readers, clock) for sql in stopped}
    return found


def reason(result: QueryResult, seconds: float, left: float | None = None, steps: int = 0) -> str:
    """Why a query gave no rows; ``left`` is what it had of the ``seconds`` that are allowed."""
    if result.status is not Status.TIMEOUT:
        return result.error or str(result.status)
    if steps:
        return "it was stopped after a moment, since it could not change the vote"
    if left is not None and left < seconds:
        return (
            f"it took more than the {left:.2g} s that --answer-seconds left: "
            "allow it more with --timeout"
        )
    return f"it took more than the {seconds:g} s that --timeout allows"


def _run(sql: str, readers: Readers, clock: Clock, steps: int = 0) -> tuple[QueryResult, bool]:
    left = clock.query_s()
    result, cut = readers.run(sql, left, steps)
    if not result.ok:
        result = replace(result, error=reason(result, readers.seconds, left, steps))
    return result, cut
