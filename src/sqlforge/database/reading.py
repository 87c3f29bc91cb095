"""One way to read any database: SQLite files in the sandbox, the others over a connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from sqlforge.core.records import Database, QueryResult
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.place import Place
from sqlforge.database.remote import RemoteDatabase, RemoteLimits
from sqlforge.database.sandbox import Limits, Sandbox


class ReadOnlyDatabase:
    """A database that is only read, wherever it is; use it as a context manager.

    Args:
        place: where it is.
        seconds: the deadline of each statement.
        rows: the most rows that one statement may give.

    Raises:
        DatabaseError: it cannot be opened.
    """

    def __init__(self, place: Place, *, seconds: float = 10.0, rows: int = 100_000) -> None:
        self.place = place
        self._remote: RemoteDatabase | None = None
        self._sandbox: Sandbox | None = None
        if place.kind == "sqlite" and place.path is not None:
            self.schema = schema_from_sqlite(place.path)
            self._sandbox = Sandbox(Limits(seconds=seconds, rows=rows))
        else:
            self._remote = RemoteDatabase(place, RemoteLimits(seconds=seconds, rows=rows))
            self.schema = self._remote.schema()

    def __enter__(self) -> ReadOnlyDatabase:
        return self

    def __exit__(self, *fault: object) -> None:
        for part in (self._sandbox, self._remote):
            if part is not None:
                part.close()

    @property
    def dialect(self) -> str:
        """sqlglot's name of the database's SQL."""
        return self.place.dialect

    def record(self) -> Database:
        """The database as examples refer to it; a server's has no file."""
        path = self.place.path if self.place.kind == "sqlite" else None
        return Database(self.place.name, self.schema, path)

    def run(self, sql: str) -> QueryResult:
        """Execute one query read-only; a failure is a value."""
        return next(self.run_many([sql]))

    def run_many(self, queries: Iterable[str]) -> Iterator[QueryResult]:
        """The results of many queries, in their order."""
        if self._remote is not None:
            yield from map(self._remote.run, queries)
        elif self._sandbox is not None:
            record = self.record()
            yield from self._sandbox.run_many((record, sql) for sql in queries)

    def quoted(self, name: str) -> str:
        """``name`` quoted as the database's dialect wants it."""
        if self.dialect == "sqlite":
            return '"' + name.replace('"', '""') + '"'
        return exp.to_identifier(name, quoted=True).sql(dialect=self.dialect)
