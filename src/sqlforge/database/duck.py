"""DuckDB files: opened read-only and without the world outside the file, through DuckDB's driver.

SQLAlchemy is not between: the dialect that there is reads columns through PostgreSQL's catalog
tables, some of which DuckDB lacks.

A file is open only while something is read of it: it may be written, replaced or missing meanwhile,
and what comes next reads what there is then. Opening takes about a hundredth of a second.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Status
from sqlforge.core.schema import Column, ForeignKey, Schema, Table
from sqlforge.database.place import no_driver

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
_COLUMNS = """
    SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
    WHERE NOT internal AND schema_name = current_schema() AND database_name = current_database()
    ORDER BY table_oid, column_index
"""
_CONSTRAINTS = """
    SELECT table_name, constraint_type, constraint_column_names, referenced_table,
           referenced_column_names
    FROM duckdb_constraints()
    WHERE schema_name = current_schema() AND database_name = current_database()
      AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
    ORDER BY table_oid, constraint_index
"""
_CHUNK = 500  # rows fetched at a time


class DuckFile:
    """A file that is opened for each statement; from one thread.

    Raises:
        DatabaseError: it cannot be opened now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path):
            import duckdb

        self.faults: tuple[type[Exception], ...] = (duckdb.Error,)
        self._interrupted = duckdb.InterruptException

    def schema(self) -> Schema:
        """The tables and views of the file's default schema."""
        with _opened(self._path) as connection:
            return duckdb_schema(connection)

    @contextlib.contextmanager
    def rows(
        self, sql: str, seconds: float
    ) -> Iterator[tuple[tuple[str, ...], Iterator[Sequence[Sequence[Any]]]]]:
        """The columns and rows of a query, which ends after so many seconds.

        Raises:
            DatabaseError: the file is away, or a program writes to it.
        """
        with _opened(self._path) as connection:
            alarm = threading.Timer(seconds, connection.interrupt)
            alarm.daemon = True
            alarm.start()
            try:
                result = connection.execute(sql)
                columns = tuple(column[0] for column in result.description or ())
                yield columns, iter(lambda: result.fetchmany(_CHUNK), [])
            finally:
                alarm.cancel()
                alarm.join()  # one that goes off now must not meet a closed connection

    def status(self, error: Exception) -> Status:
        """What an error of the driver means."""
        return Status.TIMEOUT if isinstance(error, self._interrupted) else Status.ERROR

    def close(self) -> None:
        """Nothing is open."""


class _Door:
    """Lets readers of one file in together, but never of a file that took the place of another.

    DuckDB gives whoever opens a path that this process has open the file that was there then.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._stamp: tuple[int, ...] = ()

    @contextlib.contextmanager
    def open(self, path: Path) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._inside or self._stamp == _stamp(path))
            self._stamp = _stamp(path)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()


_DOORS: dict[Path, _Door] = {}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[DuckDBPyConnection]:
    with _DOORS.setdefault(path.absolute(), _Door()).open(path):
        connection = open_duckdb(path)
        try:
            yield connection
        finally:
            connection.close()


def _stamp(path: Path) -> tuple[int, ...]:
    """What tells a file from another in its place; nothing where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def open_duckdb(path: Path) -> DuckDBPyConnection:
    """A connection that can only read the file's own tables.

    Raises :class:`DatabaseError` if the driver is missing or the file cannot be opened.
    """
    try:
        import duckdb
    except ModuleNotFoundError as missing:
        raise no_driver("duckdb", missing.name) from None
    try:
        return duckdb.connect(str(path), read_only=True, config=_CONFIG)
    except (duckdb.Error, OSError) as error:
        raise DatabaseError(
            f"{path} ({str(error).partition(chr(10))[0]})",
            "a DuckDB file that can be opened for reading",
            "close the program that is writing to it, or check the file",
        ) from None


def duckdb_schema(connection: DuckDBPyConnection) -> Schema:
    """The tables and views of the file's default schema."""
    columns: dict[str, list[tuple[str, str, str | None]]] = {}
    for table, name, kind, comment in connection.execute(_COLUMNS).fetchall():
        columns.setdefault(table, []).append((name, kind, comment))
    keys: dict[str, set[str]] = {}
    foreign: dict[str, list[ForeignKey]] = {}
    for table, kind, own, target, referred in connection.execute(_CONSTRAINTS).fetchall():
        if kind == "PRIMARY KEY":
            keys.setdefault(table, set()).update(own)
        else:
            foreign.setdefault(table, []).append(ForeignKey(tuple(own), target, tuple(referred)))
    return Schema(
        tuple(
            Table(
                table,
                tuple(Column(n, kind, n in keys.get(table, ()), note) for n, kind, note in found),
                tuple(foreign.get(table, ())),
            )
            for table, found in columns.items()
        ),
        "duckdb",
    )
