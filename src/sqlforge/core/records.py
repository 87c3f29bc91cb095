"""The records that cross folder borders: frozen, typed, and never a bare dict.

In the order in which one example meets them: ``Example`` → ``Prediction`` → ``QueryResult`` →
``Verdict`` → ``Metric``; ``Reward`` is a sampled answer's in reinforcement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlforge.core.schema import Schema

SqlValue = str | int | float | bytes | None


@dataclass(frozen=True, slots=True)
class Database:
    """A schema and, where rows exist, the SQLite file that holds them.

    Several databases may share one file (each WikiSQL table is a database of its own); only the
    tables of ``schema`` belong to this one. ``listed_keys`` are the foreign keys as the data set's
    own description lists them, in its order, where it has one that may differ from the file's:
    pairs of ``table.column``, the referring one first.
    """

    db_id: str
    schema: Schema
    path: Path | None = None
    listed_keys: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One question with its gold SQL.

    ``id`` is unique within a data set; ``kind`` is the query kind or hardness, if the source
    knows one; ``source`` and ``licence`` (SPDX identifier) follow the example into every result.
    ``tags`` are further facts of the source, such as ``(("domain", "energy"),)``.
    """

    id: str
    question: str
    sql: str
    db_id: str
    source: str
    licence: str
    kind: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples with the databases that they ask about, keyed by ``db_id``."""

    name: str
    examples: Sequence[Example]
    databases: Mapping[str, Database]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered: the raw text and the SQL extracted from it.

    One that was ``refused`` has no SQL; ``text`` is what would have been answered.
    """

    id: str
    sql: str
    text: str
    refused: bool = False


class Status(StrEnum):
    """How the execution of one query ended."""

    OK = "ok"
    ERROR = "error"  # the database refused it: syntax, unknown names, wrong types
    DENIED = "denied"  # it wanted more than reading its own tables
    TIMEOUT = "timeout"
    TOO_LARGE = "too_large"  # more rows or bytes than the limit, or out of memory
    CRASHED = "crashed"  # the worker process died


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The outcome of one execution; a failing query is a value, not an exception.

    ``rows`` is empty unless ``status`` is ``OK``; ``seconds`` is wall time in the sandbox.
    """

    status: Status
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[SqlValue, ...], ...] = ()
    error: str | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the query ran to its end within all limits."""
        return self.status is Status.OK


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one prediction.

    ``execution`` says whether its result equals the gold's, and is ``None`` where the database
    has no rows to execute on (a schema from DDL alone). ``exact`` is exact match in the sense of
    the mode it was judged in, ``valid`` means that it parses and every name resolves against the
    schema. ``error`` says in a few words what went wrong first (``None`` if execution matched,
    or, where nothing was executed, if it is valid). ``empty_gold`` says that the gold's result has
    no rows, which a wrong query easily meets. ``exact_error`` says why ``exact`` is false and
    ``gold_is_null`` whether the gold gives no row or NULL only, where the mode tells. ``bad_gold``
    is why the gold failed, where that does not stop the scoring; such a verdict counts nowhere.
    ``mistakes`` are the classes of what is wrong (:mod:`sqlforge.score.taxonomy`), the primary one
    first; ``None`` where nobody asked. ``test_suite`` says whether the results are equal on every
    perturbed instance too, and is ``None`` where no suite was asked for. ``refused`` is true where
    the system gave no answer on purpose, which counts as a wrong one, and ``None`` otherwise.
    """

    id: str
    db_id: str
    kind: str | None
    execution: bool | None
    exact: bool
    valid: bool
    parsed: bool
    error: str | None = None
    empty_gold: bool = False
    exact_error: str | None = None
    gold_is_null: bool | None = None
    test_suite: bool | None = None
    bad_gold: str | None = None
    mistakes: tuple[str, ...] | None = None
    refused: bool | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """A proportion with its 95 % interval; ``value``, ``low`` and ``high`` are fractions."""

    value: float
    low: float
    high: float
    correct: int
    n: int


@dataclass(frozen=True, slots=True)
class Reward:
    """What one sampled answer is worth in reinforcement, and why.

    ``right`` says that it gives the gold's result, ``ran`` that it gives one at all, and
    ``timed_out`` that it was stopped at the time limit.
    """

    value: float
    right: bool = False
    ran: bool = False
    timed_out: bool = False
