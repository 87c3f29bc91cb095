"""Read-only queries on a database server or a DuckDB file, each with a deadline.

Like the sandbox for SQLite files, a statement that fails is a :class:`QueryResult`, not an
exception. Three walls stand before the rows: the guard (one query that only reads), a read-only
transaction of the server's own that is rolled back after every statement, and a protocol that
takes one statement at a time. The user named in the URL needs no right but to read.
"""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import QueryResult, SqlValue, Status
from sqlforge.core.schema import Schema
from sqlforge.database.duck import DuckFile
from sqlforge.database.guard import refusal
from sqlforge.database.place import Place, engine_for, without_secrets

if TYPE_CHECKING:
    from sqlalchemy import Connection

_CHUNK = 500  # rows fetched at a time
# SQLSTATEs of PostgreSQL, then numbers of MariaDB and MySQL.
_TIMEOUTS = frozenset(("57014", "1969", "3024", "1317"))
_READ_ONLY = frozenset(("25006", "1792"))


@dataclass(frozen=True, slots=True)
class RemoteLimits:
    """What one statement may use: ``seconds`` of wall time, ``rows`` and ``bytes`` of result."""

    seconds: float = 5.0
    rows: int = 100_000
    bytes: int = 64 * 2**20


class RemoteDatabase:
    """One read-only connection; use it as a context manager, from one thread.

    Args:
        place: a server or a DuckDB file; see :func:`sqlforge.database.place.place_of`.
        limits: the bounds of each statement.

    Raises:
        DatabaseError: the database cannot be reached or its driver is not installed.
    """

    def __init__(self, place: Place, limits: RemoteLimits = RemoteLimits()) -> None:
        self.place = place
        self.limits = limits
        duck = place.path if place.kind == "duckdb" else None
        self._link: _Link = _Server(place, limits) if duck is None else DuckFile(duck)

    def __enter__(self) -> RemoteDatabase:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._link.close()

    def schema(self) -> Schema:
        """The tables and views that the user sees in the default schema."""
        return self._link.schema()

    def run(self, sql: str, seconds: float | None = None) -> QueryResult:
        """Execute one query; never raises for what it does.

        ``seconds`` is less time than the limits give it.
        """
        started = time.monotonic()
        allowed = self.limits.seconds if seconds is None else min(seconds, self.limits.seconds)
        reason = refusal(sql, self.place.dialect)
        if reason is not None:
            return QueryResult(Status.DENIED, error=reason)
        try:
            with self._link.rows(sql, allowed) as (columns, chunks):
                rows, fault = _gathered(chunks, self.limits)
        except DatabaseError as away:
            seconds = time.monotonic() - started
            return QueryResult(Status.CRASHED, error=str(away), seconds=seconds)
        except self._link.faults as error:
            status = self._link.status(error)
            return QueryResult(
                status,
                error=without_secrets(error, self.place.url),
                seconds=time.monotonic() - started,
            )
        if fault is not None:
            return QueryResult(Status.TOO_LARGE, error=fault, seconds=time.monotonic() - started)
        return QueryResult(Status.OK, columns, rows, seconds=time.monotonic() - started)


class _Link(Protocol):
    """What :class:`RemoteDatabase` needs of a driver."""

    faults: tuple[type[Exception], ...]

    def schema(self) -> Schema: ...

    def rows(
        self, sql: str, seconds: float
    ) -> contextlib.AbstractContextManager[
        tuple[tuple[str, ...], Iterator[Sequence[Sequence[Any]]]]
    ]: ...

    def status(self, error: Exception) -> Status: ...

    def close(self) -> None: ...


class _Server:
    """PostgreSQL, MySQL, MariaDB or another server through SQLAlchemy."""

    def __init__(self, place: Place, limits: RemoteLimits) -> None:
        from sqlalchemy import event
        from sqlalchemy.exc import SQLAlchemyError

        self.place = place
        self.faults: tuple[type[Exception], ...] = (SQLAlchemyError, OSError)
        self.engine = engine_for(place, **_connect_args(place, limits))
        self._mariadb = False
        if place.dialect == "mysql":
            event.listen(self.engine, "connect", lambda raw, _: self._set_up(raw))
        try:
            self.engine.connect().close()
        except (SQLAlchemyError, OSError, ValueError) as error:
            self.engine.dispose()
            raise DatabaseError(
                f"{place.shown} ({without_secrets(error, place.url)})",
                "a database that can be reached",
                "check host, name, user and password",
            ) from None

    def schema(self) -> Schema:
        from sqlforge.database.introspect import schema_of_engine

        return schema_of_engine(self.engine, self.place)

    @contextlib.contextmanager
    def rows(
        self, sql: str, seconds: float
    ) -> Iterator[tuple[tuple[str, ...], Iterator[Sequence[Sequence[Any]]]]]:
        with self.engine.connect() as connection:
            plain = connection.execution_options(no_parameters=True)
            for statement in self._opening(seconds):
                plain.exec_driver_sql(statement)
            try:
                result = _streaming(plain, sql)
                try:
                    yield tuple(result.keys()), iter(lambda: result.fetchmany(_CHUNK), [])
                finally:
                    result.close()
            finally:
                connection.rollback()

    def status(self, error: Exception) -> Status:
        original = getattr(error, "orig", error)
        codes = {str(getattr(original, "sqlstate", None)), *map(str, original.args[:1])}
        if codes & _TIMEOUTS:
            return Status.TIMEOUT
        if codes & _READ_ONLY:
            return Status.DENIED
        lost = getattr(error, "connection_invalidated", False)
        return Status.CRASHED if lost else Status.ERROR

    def close(self) -> None:
        self.engine.dispose()

    def _set_up(self, raw: Any) -> None:
        """MySQL and MariaDB: every transaction of the session reads only."""
        cursor = raw.cursor()
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.execute("SELECT VERSION()")
        self._mariadb = "mariadb" in str(cursor.fetchone()[0]).lower()
        cursor.close()

    def _opening(self, seconds: float) -> tuple[str, ...]:
        """The statements that make the transaction read-only and give it a deadline."""
        thousandths = max(1, round(seconds * 1000))
        if self.place.dialect == "postgres":
            return ("SET TRANSACTION READ ONLY", f"SET LOCAL statement_timeout = {thousandths}")
        if self.place.dialect != "mysql":
            return ()
        deadline = (
            f"max_statement_time = {thousandths / 1000:g}"
            if self._mariadb
            else f"max_execution_time = {thousandths}"
        )
        return (f"SET SESSION {deadline}", "START TRANSACTION READ ONLY")


def _streaming(connection: Connection, sql: str) -> Any:
    return connection.execution_options(stream_results=True, max_row_buffer=_CHUNK).exec_driver_sql(
        sql
    )


def _connect_args(place: Place, limits: RemoteLimits) -> dict[str, object]:
    driver = place.url.drivername if place.url is not None else ""
    if driver.endswith("+psycopg"):
        # Prepared at once: the server then refuses a text of several statements.
        return {"connect_timeout": 10, "prepare_threshold": 0}
    if driver.endswith("+pymysql"):
        return {"connect_timeout": 10, "read_timeout": max(2, round(limits.seconds * 2) + 2)}
    return {}


def _gathered(
    chunks: Iterator[Sequence[Sequence[Any]]], limits: RemoteLimits
) -> tuple[tuple[tuple[SqlValue, ...], ...], str | None]:
    rows: list[tuple[SqlValue, ...]] = []
    size = 0
    for chunk in chunks:
        for row in chunk:
            rows.append(tuple(plain_value(value) for value in row))
            size += sum(len(v) if isinstance(v, str | bytes) else 8 for v in rows[-1])
        if len(rows) > limits.rows:
            return (), f"more than {limits.rows:,} rows"
        if size > limits.bytes:
            return (), f"more than {limits.bytes:,} bytes"
    return tuple(rows), None


def plain_value(value: Any) -> SqlValue:
    """A driver's value as one of the five kinds that SQLite knows.

    >>> plain_value(decimal.Decimal("3.50")), plain_value(datetime.date(2020, 1, 2))
    (3.5, '2020-01-02')
    """
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    if isinstance(value, decimal.Decimal):
        return (
            int(value)
            if value == value.to_integral_value() and not value.as_tuple().exponent
            else float(value)
        )
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if isinstance(value, list | dict | tuple):
        return json.dumps(value, default=str)
    return str(value)
