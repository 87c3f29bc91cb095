"""From a question to SQL and rows: one model, one database; ``ask`` and ``serve`` share it.

::

    question → values it names → tables shown → prompt → candidates → the database's dialect
             → executed, read-only → the vote → Answer
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Schema

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
    ``rows``. ``confidence`` is calibrated where the model's run has a calibration, else the part
    of the candidates' probability with this result; ``None`` for a single candidate. Of
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


class Answerer:
    """One model on a running engine and one database; may be used from many threads."""

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
        """Load the model and open the database.

        Raises:
            DatabaseError, ModelError: one of them cannot be had.
        """
        raise NotImplementedError

    def answer(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = (),
        samples: int | None = None,
    ) -> Answer:
        """Answer a question; ``history`` are (question, SQL) before it, oldest first."""
        raise NotImplementedError

    def run(self, sql: str) -> Rows:
        """Execute one query, read-only.

        Raises:
            QueryRefused: it wants more than reading.
            DatabaseError: it fails, takes too long, or the database is out of reach.
        """
        raise NotImplementedError

    def schema(self) -> Schema:
        """The tables of the database."""
        raise NotImplementedError

    def close(self) -> None:
        """End the connections and the engine."""
        raise NotImplementedError
