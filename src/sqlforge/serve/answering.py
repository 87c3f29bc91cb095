"""From a question to SQL and rows: one model, one database; ``ask`` and ``serve`` share it.

::

    question → values it names → tables shown → prompt → candidates → the database's dialect
             → executed, read-only → the vote → Answer
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DatabaseError, UserError
from sqlforge.core.records import QueryResult, SqlValue, Status
from sqlforge.core.schema import Schema
from sqlforge.database.cells import Cells
from sqlforge.database.place import place_of
from sqlforge.database.readers import Readers
from sqlforge.database.roles import role_advice
from sqlforge.database.translate import translated
from sqlforge.decode.abstain import Calibration
from sqlforge.decode.vote import Candidate, Choice, choose, only, same_answer
from sqlforge.serve.asking import Asking, Prompted

if TYPE_CHECKING:
    from sqlforge.model.online import AsksModel

Value = SqlValue


class QueryRefused(DatabaseError):  # noqa: N818  (what it is, not that it is an error)
    """A query that wants more than reading the database's own tables; nothing was executed."""


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
    ``refused`` for being too unsure. ``error`` is one sentence that says why there are no
    ``rows``. ``confidence`` is the probability of being right where ``calibrated``, as the
    model's run has found out; else the part of the candidates' probability with this result, which
    may be high for a wrong one, and ``None`` for a single candidate. Of
    ``tables`` the prompt showed ``tables_shown``.
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


class Answerer:
    """One model on a running engine and one database; may be used from many threads.

    Args:
        model: see :mod:`sqlforge.model.online`.
        readers: of the database.
        decoding: how answers are decoded; see :meth:`answer` for another number of samples.
        calibration: what confidence is worth, if that is known; answers are refused by it.
        max_new_tokens: where an answer that does not end is cut.

    Raises:
        UserError: literals are to be held to linked values, and the model is shown none.
    """

    def __init__(
        self,
        model: AsksModel,
        readers: Readers,
        decoding: Decoding,
        *,
        calibration: Calibration | None = None,
        max_new_tokens: int = 128,
    ) -> None:
        if decoding.linked_literals and not model.part.link_values:
            raise UserError(
                f"literals held to linked values for '{model.name}', whose prompts have none",
                "a model that was trained with prompt.link_values",
                "leave out --linked-literals",
            )
        self.model, self.readers, self.decoding = model, readers, decoding
        self.dialect = readers.place.dialect
        self._calibration, self._max_new_tokens = calibration, max_new_tokens
        self._asking = Asking(model, readers, max_new_tokens)

    @classmethod
    def open(
        cls,
        model: str,
        db: str,
        decoding: Decoding,
        *,
        max_rows: int = 1000,
        timeout_s: float = 10,
        max_new_tokens: int = 128,
    ) -> Answerer:
        """Open the database and load the model.

        Args:
            model: catalog name, hub id, or a folder of a model, an adapter or a run.
            db: a SQLAlchemy URL, or the path of an SQLite or DuckDB file.
            decoding: how answers are decoded.
            max_rows: of a result; more are cut off.
            timeout_s: the deadline of each statement.
            max_new_tokens: where an answer that does not end is cut.

        Raises:
            DatabaseError, ModelError: one of them cannot be had.
            DataError: answers to refuse without a calibration.
        """
        readers = Readers(place_of(db), seconds=timeout_s, rows=max_rows)
        try:
            from sqlforge.model.online import calibration_of, open_online

            loaded = open_online(model, rows=max(8, decoding.samples))
        except BaseException:
            readers.close()
            raise
        try:
            calibration = calibration_of(loaded, decoding)
            return cls(
                loaded, readers, decoding, calibration=calibration, max_new_tokens=max_new_tokens
            )
        except BaseException:
            readers.close()
            loaded.close()
            raise

    def answer(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = (),
        samples: int | None = None,
        execute: bool = True,
    ) -> Answer:
        """Answer a question.

        Args:
            question: in words.
            history: (question, SQL) before it, oldest first; looked at where the question goes on
                from there ("and in Bergen?").
            samples: candidates to vote over, instead of what ``decoding`` says.
            execute: whether rows are wanted; candidates of a vote are executed all the same.

        Raises:
            UserError: the question does not fit the model's window.
        """
        started = time.monotonic()
        decoding = _with_samples(self.decoding, samples)
        asked = self._asking.prompted(question, history, decoding)
        candidates = [
            replace(c, sql=translated(c.sql, self.readers.schema, self.dialect))
            for c in self.model.write(asked.asked, decoding, self._max_new_tokens)
        ]
        found = self._executed(candidates) if execute or decoding.vote else {}
        results = {sql: result for sql, (result, _) in found.items()}
        choice = (
            choose(candidates, results, prefer_non_empty=decoding.prefer_non_empty)
            if decoding.vote
            else only(candidates[0])
        )
        return self._told(question, asked, candidates, choice, found, decoding, started)

    def run(self, sql: str) -> Rows:
        """Execute one query in the database's dialect, read-only.

        Raises:
            QueryRefused: it wants more than reading.
            DatabaseError: it fails, takes too long, or the database is out of reach.
        """
        result, cut = self.readers.run(sql)
        if result.ok:
            return Rows(result.columns, result.rows, cut, result.seconds)
        kind = QueryRefused if result.status is Status.DENIED else DatabaseError
        raise kind(
            f"a query that failed ({_reason(result, self.readers)})",
            "one query that only reads the database's tables",
            "change it",
        )

    def schema(self) -> Schema:
        """The tables of the database."""
        return self.readers.schema

    @property
    def cells(self) -> Cells | None:
        """What was read of the database's cells for linking; ``None`` while that goes on."""
        return self._asking.cells

    def advice(self) -> tuple[str, ...]:
        """Sentences about a user that may do more than read; empty if there is nothing to say."""
        return role_advice(self.readers)

    def close(self) -> None:
        """End the connections and the engine."""
        self._asking.close()
        self.readers.close()
        self.model.close()

    def __enter__(self) -> Answerer:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _executed(self, candidates: Sequence[Candidate]) -> dict[str, tuple[QueryResult, bool]]:
        return {sql: self.readers.run(sql) for sql in dict.fromkeys(c.sql for c in candidates)}

    def _told(
        self,
        question: str,
        asked: Prompted,
        candidates: Sequence[Candidate],
        choice: Choice,
        found: Mapping[str, tuple[QueryResult, bool]],
        decoding: Decoding,
        started: float,
    ) -> Answer:
        confidence = choice.share if decoding.vote else None
        calibrated = self._calibration is not None and decoding == self.decoding
        if self._calibration is not None and calibrated:
            confidence = self._calibration.confidence(choice)
        below = decoding.refuse_below
        refused = below is not None and confidence is not None and confidence < below
        sql = choice.candidate.sql
        result, cut = found.get(sql, (None, False))
        rows, error = None, None
        if refused:
            error = "The model is too unsure of its answer to give it."
        elif not sql:
            error = "The model wrote no SQL."
        elif result is not None and result.ok:
            rows = Rows(result.columns, result.rows, cut, result.seconds)
        elif result is not None:
            error = _sentence(_reason(result, self.readers))
        return Answer(
            question=question,
            sql=None if refused or not sql else sql,
            rows=rows,
            error=error,
            refused=refused,
            confidence=confidence,
            linked=tuple(Link(*link) for link in asked.linked),
            schema_text=asked.schema_text,
            tables=len(self.readers.schema.tables),
            tables_shown=len(asked.asked.schema.tables),
            candidates=_tried(candidates, found),
            dialect=self.dialect,
            seconds=time.monotonic() - started,
            calibrated=calibrated,
        )


def _with_samples(decoding: Decoding, samples: int | None) -> Decoding:
    if samples is None or samples == decoding.samples:
        return decoding
    prefer = decoding.prefer_non_empty and samples > 1
    return replace(decoding, samples=samples, vote=samples > 1, prefer_non_empty=prefer)


def _tried(
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


def _reason(result: QueryResult, readers: Readers) -> str:
    if result.status is Status.TIMEOUT:
        return f"it took more than the {readers.seconds:g} s that --timeout allows"
    return result.error or str(result.status)


def _sentence(reason: str) -> str:
    reason = reason.strip().rstrip(".")
    return f"{reason[:1].upper()}{reason[1:]}."
