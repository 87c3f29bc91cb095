"""From a question to SQL and rows: one model, one database; ``ask`` and ``serve`` share it.

::

    question → values it names → tables shown → prompt → candidates → the database's dialect
             → executed, read-only → the vote → Answer
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DatabaseError, UserError
from sqlforge.core.records import QueryResult, Status
from sqlforge.core.schema import Schema
from sqlforge.database.cells import Cells
from sqlforge.database.place import place_of
from sqlforge.database.readers import Readers
from sqlforge.database.roles import role_advice
from sqlforge.database.translate import translated
from sqlforge.decode.abstain import Calibration
from sqlforge.decode.vote import Candidate, Choice, choose, only
from sqlforge.serve.answers import Answer, Link, Rows, tried
from sqlforge.serve.asking import Asking, Prompted
from sqlforge.serve.executing import Found, executed, reason
from sqlforge.serve.patience import UNBOUNDED, Patience

if TYPE_CHECKING:
    from sqlforge.model.online import AsksModel

_UNSURE = "The model is too unsure of its answer to give it."
_UNKNOWN = (
    "How likely the answer is right is not known, so it is not given: it was cut short (allow more "
    "with --answer-seconds or --max-new-tokens), or has another number of samples than the "
    "calibration."
)


class QueryRefused(DatabaseError):  # noqa: N818  (what it is, not that it is an error)
    """A query that wants more than reading the database's own tables; nothing was executed."""


class Answerer:
    """One model on a running engine and one database; may be used from many threads.

    Args:
        model: see :mod:`sqlforge.model.online`.
        readers: of the database.
        decoding: how answers are decoded; see :meth:`answer` for another number of samples.
        calibration: what confidence is worth, if that is known; answers are refused by it.
        max_new_tokens: where an answer that does not end is cut.
        patience: how long an answer may take.

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
        patience: Patience = UNBOUNDED,
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
        self._patience = patience
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
        patience: Patience = UNBOUNDED,
    ) -> Answerer:
        """Open the database and load the model.

        Args:
            model: catalog name, hub id, or a folder of a model, an adapter or a run.
            db: a SQLAlchemy URL, or the path of an SQLite or DuckDB file.
            decoding: how answers are decoded.
            max_rows: of a result; more are cut off.
            timeout_s: the deadline of each statement.
            max_new_tokens: where an answer that does not end is cut.
            patience: how long an answer may take.

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
                loaded,
                readers,
                decoding,
                calibration=calibration,
                max_new_tokens=max_new_tokens,
                patience=patience,
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
        self._asking.wait()  # for what is read once; no answer is cut short for that
        clock = self._patience.begin()
        asked = self._asking.prompted(question, history, decoding)
        written = self.model.write(asked.asked, decoding, self._max_new_tokens, clock.writing)
        candidates = [
            replace(c, sql=translated(c.sql, self.readers.schema, self.dialect)) for c in written
        ]
        found: Found = {}
        if execute or decoding.vote:
            found = executed(candidates, self.readers, clock, decoding)
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
            f"a query that failed ({reason(result, self.readers.seconds)})",
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
        # The probability of a text that was brought to its end is not that of a whole answer.
        calibrated = decoding == self.decoding and not choice.candidate.cut_short
        if self._calibration is not None and calibrated:
            confidence = self._calibration.confidence(choice)
        else:
            calibrated = False
        refused = _refused(decoding.refuse_below, confidence, calibrated=calibrated)
        sql = choice.candidate.sql
        result, cut = found.get(sql, (None, False))
        rows, error = None, None
        if refused:
            error = _UNSURE if calibrated else _UNKNOWN
        elif not sql:
            error = "The model wrote no SQL."
        elif result is not None and result.ok:
            rows = Rows(result.columns, result.rows, cut, result.seconds)
        elif result is not None:
            error = _sentence(result.error or str(result.status))
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
            candidates=tried(candidates, found),
            dialect=self.dialect,
            seconds=time.monotonic() - started,
            calibrated=calibrated,
            cut_short=choice.candidate.cut_short,
        )


def _refused(below: float | None, confidence: float | None, *, calibrated: bool) -> bool:
    """Whether an answer is not known to be right as likely as was asked."""
    if below is None:
        return False
    return not calibrated or (confidence is not None and confidence < below)


def _with_samples(decoding: Decoding, samples: int | None) -> Decoding:
    if samples is None or samples == decoding.samples:
        return decoding
    prefer = decoding.prefer_non_empty and samples > 1
    return replace(decoding, samples=samples, vote=samples > 1, prefer_non_empty=prefer)


def _sentence(said: str) -> str:
    said = said.strip().rstrip(".")
    return f"{said[:1].upper()}{said[1:]}."
