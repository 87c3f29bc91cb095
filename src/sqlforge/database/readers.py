"""Several read-only connections to one database, for many threads; lost ones are made anew."""

from __future__ import annotations

import queue
import threading
from dataclasses import replace

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Database, QueryResult, SqlValue, Status
from sqlforge.core.schema import Schema
from sqlforge.database.guard import UNREADABLE, refusal
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.place import Place
from sqlforge.database.remote import RemoteDatabase, RemoteLimits
from sqlforge.database.sandbox import Limits, Sandbox

VALUES = 5_000  # read of one column at most
_LONGEST = 20_000  # characters of a query
_BYTES = 16 * 2**20


class Readers:
    """Executes single queries over the tables of one database and nothing else.

    Args:
        place: where it is.
        seconds: the deadline of each statement.
        rows: the most rows of a result; more are cut off.
        many: connections at once; further threads wait for one.

    Raises:
        DatabaseError: it cannot be held to reading or opened, or has no table.
    """

    def __init__(
        self, place: Place, *, seconds: float = 10.0, rows: int = 1000, many: int = 4
    ) -> None:
        if place.kind == "server" and place.dialect not in ("postgres", "mysql"):
            assert place.url is not None
            raise DatabaseError(
                f"a database of the unknown kind '{place.url.drivername}'",
                "one that can be held to reading: SQLite, DuckDB, PostgreSQL, MySQL or MariaDB",
                "check the URL's beginning, or copy the tables into one of these",
            )
        self.place, self.seconds, self.rows = place, seconds, rows
        self._free: queue.LifoQueue[_Reader | None] = queue.LifoQueue()
        self._all: list[_Reader] = []
        self._lock = threading.Lock()
        first = self._opened()
        if not first.schema.tables:
            self.close()
            raise DatabaseError(
                f"{place.shown}, which has no tables that its user sees",
                "a database with tables to ask about",
                "name another database, or let the user read its tables",
            )
        self.schema: Schema = first.schema
        self._tables = frozenset(table.name.lower() for table in first.schema.tables)
        for _ in range(many - 1):
            self._free.put(None)
        self._free.put(first)

    @property
    def counts_steps(self) -> bool:
        """Whether a statement can be held to steps of SQLite's virtual machine."""
        return self.place.kind == "sqlite"

    def run(
        self, sql: str, seconds: float | None = None, steps: int = 0
    ) -> tuple[QueryResult, bool]:
        """The result of one query and whether rows were cut off; a failure is a value.

        ``seconds`` is less time than each statement has anyway; ``steps``, if it is not 0, holds it
        to so many besides, where they are counted.
        A connection that was lost is made anew once; if that fails too, the result says so.
        """
        fault = self._fault(sql)
        if fault is not None:
            return fault, False
        bounded = _bounded(sql, self.place.dialect, self.rows + 1)
        result = self._execute(bounded, seconds, steps)
        if result.status is Status.CRASHED:  # the database went away, and may be back
            result = self._execute(bounded, seconds, steps)
        cut = len(result.rows) > self.rows
        return (replace(result, rows=result.rows[: self.rows]) if cut else result), cut

    def values(self, sql: str) -> tuple[SqlValue, ...]:
        """The first column of a query of our own; nothing where it fails."""
        return tuple(row[0] for row in self._execute(sql).rows)

    def is_reachable(self) -> bool:
        """Whether the database answers now."""
        return self._execute("SELECT 1").ok

    def close(self) -> None:
        """End all connections."""
        with self._lock:
            for reader in self._all:
                reader.close()
            self._all.clear()

    def _fault(self, sql: str) -> QueryResult | None:
        if len(sql) > _LONGEST:
            return QueryResult(Status.ERROR, error=f"a query of more than {_LONGEST:,} characters")
        sqlite = self.place.kind == "sqlite"  # whose sandbox asks about every table and function
        reason = refusal(sql, self.place.dialect, None if sqlite else self._tables)
        if reason is None or (sqlite and reason == UNREADABLE):
            return None
        if reason == UNREADABLE:
            return QueryResult(Status.ERROR, error=reason)
        return QueryResult(Status.DENIED, error=f"{reason} is not allowed")

    def _execute(self, sql: str, seconds: float | None = None, steps: int = 0) -> QueryResult:
        reader = self._free.get()
        try:
            reader = reader or self._opened(self.schema)
            result = reader.run(sql, seconds, steps)
            if result.status is Status.CRASHED:
                self._drop(reader)
                reader = None
            return result
        except DatabaseError as away:
            return QueryResult(Status.CRASHED, error=str(away))
        finally:
            self._free.put(reader)

    def _drop(self, reader: _Reader) -> None:
        reader.close()
        with self._lock:
            self._all.remove(reader)

    def _opened(self, schema: Schema | None = None) -> _Reader:
        limits = (self.seconds, max(self.rows, VALUES) + 1)
        reader = _Reader(self.place, *limits, schema)
        with self._lock:
            self._all.append(reader)
        return reader


class _Reader:
    """One connection: a sandbox for an SQLite file, else a read-only session."""

    def __init__(self, place: Place, seconds: float, rows: int, schema: Schema | None) -> None:
        self._sandbox: Sandbox | None = None
        self._remote: RemoteDatabase | None = None
        if place.kind == "sqlite" and place.path is not None:
            self.schema = schema or schema_from_sqlite(place.path)
            self._sandbox = Sandbox(Limits(seconds=seconds, rows=rows, bytes=_BYTES))
            self._sandbox.start()
            self._record = Database(place.name, self.schema, place.path)
        else:
            self._remote = RemoteDatabase(place, RemoteLimits(seconds, rows, _BYTES))
            self.schema = schema or self._remote.schema()

    def run(self, sql: str, seconds: float | None, steps: int) -> QueryResult:
        if self._sandbox is not None:
            return self._sandbox.run(self._record, sql, seconds, steps)
        assert self._remote is not None
        return self._remote.run(sql, seconds)

    def close(self) -> None:
        for part in (self._sandbox, self._remote):
            if part is not None:
                part.close()


def _bounded(sql: str, dialect: str, rows: int) -> str:
    """``sql`` with a limit of ``rows`` where it has none or a larger one.

    >>> _bounded("SELECT a FROM t ORDER BY a;", "sqlite", 3)
    'SELECT a FROM t ORDER BY a\\nLIMIT 3'
    >>> _bounded("SELECT a FROM t LIMIT 2 -- two", "sqlite", 3)
    'SELECT a FROM t LIMIT 2 -- two'
    """
    try:
        query = sqlglot.parse_one(sql, dialect=dialect)
    except (SqlglotError, ValueError, RecursionError):
        return sql
    if not isinstance(query, exp.Select | exp.SetOperation):
        return sql
    limit = query.args.get("limit")
    if limit is None:
        return f"{sql.rstrip().rstrip(';').rstrip()}\nLIMIT {rows}"
    count = limit.expression if isinstance(limit, exp.Limit) else None
    if not isinstance(count, exp.Literal) or count.is_string or int(count.name) <= rows:
        return sql
    return query.limit(rows).sql(dialect=dialect)
