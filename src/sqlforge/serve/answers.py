"""What an answer is made of: its SQL, its rows, and all that led to them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlforge.core.records import QueryResult, SqlValue
from sqlforge.decode.vote import Candidate, same_answer

Value = SqlValue


@dataclass(frozen=True, slots=True)
class Link:
    """What of the question led to a table, a column or a value; ``said`` are its words."""

    table: str
    column: str | None
    value: str | None
    said: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate in the database's dialect.

    ``probability`` is that of its text, ``votes`` counts the samples with its result, ``error``
    says why it gave no rows.
    """

    sql: str
    probability: float
    votes: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave; ``truncated`` says that there are more rows than are shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    truncated: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and all that led to it.

    ``sql`` is in the database's ``dialect``; ``None`` where nothing was written or the answer is
    ``refused``: too unsure, or how sure is not known. ``error`` is one sentence that says why
    there are no ``rows``. ``confidence`` is the probability of being right where ``calibrated``, as
    the model's run has found out; else the part of the candidates' probability with this result,
    which may be high for a wrong one, and ``None`` for a single candidate. Of ``tables`` the prompt
    showed ``tables_shown``. ``cut_short`` says that the deadline of answers or the limit of tokens
    may have kept the model from writing more.
    """

    question: str
    sql: str | None
    rows: Rows | None
    error: str | None
    refused: bool
    confidence: float | None
    linked: tuple[Link, ...]
    schema_text: str
    tables: int
    tables_shown: int
    candidates: tuple[Tried, ...]
    dialect: str
    seconds: float
    calibrated: bool = False
    cut_short: bool = False


def tried(
    candidates: Sequence[Candidate], found: Mapping[str, tuple[QueryResult, bool]]
) -> tuple[Tried, ...]:
    """Each distinct candidate once, the most probable first."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        known = best.get(candidate.sql)
        if known is None or candidate.logprob > known.logprob:
            best[candidate.sql] = candidate

    def agree(one: str, other: str) -> bool:
        if one not in found or other not in found:
            return one == other
        results = found[one][0], found[other][0]
        return all(r.ok for r in results) and same_answer(one, results[0], other, results[1])

    return tuple(
        Tried(
            sql,
            math.exp(candidate.logprob),
            sum(agree(sql, other.sql) for other in candidates),
            found[sql][0].error if sql in found else None,
        )
        for sql, candidate in sorted(best.items(), key=lambda item: -item[1].logprob)
    )
