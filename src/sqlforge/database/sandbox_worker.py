"""The process that runs queries nobody trusts; standard library only, so that it starts quickly.

It is started by :mod:`sqlforge.database.sandbox` in an isolated interpreter and speaks frames
over its pipes: four bytes of length, then a ``marshal`` value. A request is
``(timing, steps, seconds or None, [(path, tables, [sql, …]), …])``; every statement is answered by
one frame ``(status, columns, [marshalled rows, …], error, seconds)``, in order.

The layers, from the outside in: operating-system limits on memory, files and core dumps; a limit
on SQLite's heap; a file opened read-only; an authorizer that lets a statement read the tables it
was given and call harmless functions, nothing else; SQLite's own limits on size and nesting; a
progress handler that ends a statement at its deadline. What gets past all of these is killed by
the parent.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import sqlite3
import struct
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from sqlforge.database.readonly import ReadOnly, connect

CACHED_CONNECTIONS = 16
CHUNK_ROWS = 64  # rows fetched and measured at a time, if they are small
CHUNK_BYTES = 2**16
COLD = 2  # as in Timing, which is not imported: its module needs more than the standard library
PROGRESS_OPS = 2_000  # virtual-machine steps between two looks at the clock

_READ_FAILURES = (
    sqlite3.Error,
    sqlite3.Warning,  # what Python 3.11 raises for two statements in one string
    ValueError,  # NUL bytes and lone surrogates
    OverflowError,
    RecursionError,
)


class _Opened:
    """A connection with its authorizer, and what the file looked like when it was opened."""

    def __init__(self, path: str, cell_bytes: int) -> None:
        self.stamp = _stamp(path)
        self.connection = connect(path)
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, cell_bytes)
        listed = self.connection.execute(
            "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view')"
        ).fetchall()
        views = {name.lower(): self._tables_below(name) for kind, name in listed if kind == "view"}
        self.authorizer = ReadOnly((name.lower() for _, name in listed), views)
        self.connection.set_authorizer(self.authorizer)

    def _tables_below(self, view: str) -> set[str]:
        seen: set[str] = set()

        def note(action: int, table: str | None, *_: str | None) -> int:
            if action == sqlite3.SQLITE_READ and table:
                seen.add(table.lower())
            return sqlite3.SQLITE_OK

        self.connection.set_authorizer(note)
        quoted = view.replace('"', '""')
        try:
            self.connection.execute(f'EXPLAIN SELECT * FROM "{quoted}"').close()
        except sqlite3.Error:  # a view over something that is gone reads nothing
            return set()
        finally:
            self.connection.set_authorizer(None)
        return {name for name in seen if not name.startswith("sqlite_")}


def _stamp(path: str) -> tuple[int, int, int]:
    status = Path(path).stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


Reply = tuple[str, tuple[str, ...], list[bytes], str | None, float]


class Worker:
    """Runs statements one by one; connections are kept open for the databases used last."""

    def __init__(self, seconds: float, rows: int, size: int) -> None:
        self.seconds, self.rows, self.size = seconds, rows, size
        self.allowed = seconds
        self.deadline = 0.0
        self.looks = self.most_looks = 0  # at the clock; 0 allows any number
        self.opened: OrderedDict[str, _Opened] = OrderedDict()

    def run(
        self, path: str, tables: frozenset[str], sql: str, timing: int = 0, steps: int = 0
    ) -> Reply:
        """Execute one statement; whatever it does ends up in the reply.

        ``timing`` is a number of :class:`~sqlforge.database.sandbox_batch.Timing`, ``steps`` how
        many the statement may take, as far as ``PROGRESS_OPS`` tells them apart; 0: any number.
        """
        started = time.perf_counter()
        self.deadline = started + self.allowed
        self.looks, self.most_looks = 0, -(-steps // PROGRESS_OPS)
        opened = None
        try:
            if timing == COLD:
                self._close(path)
            opened = self._open(path)
            opened.authorizer.allowed, opened.authorizer.denied = tables, None
            if timing:
                started = time.perf_counter()
                self.deadline = started + self.allowed
            columns, chunks = self._fetch(opened.connection, sql, keep=not timing)
            status, error = "ok", None
        except MemoryError:
            columns, chunks, status, error = (), [], "too_large", "out of memory"
            self._close(path)  # what it had piled up would take the next statement's time to free
        except _TooLargeError as too_large:
            columns, chunks, status, error = (), [], "too_large", str(too_large)
        except (*_READ_FAILURES, OSError) as failure:
            columns, chunks = (), []
            status, error = self._explain(failure, opened)
        return status, columns, chunks, error, time.perf_counter() - started

    def _open(self, path: str) -> _Opened:
        opened = self.opened.get(path)
        if opened is not None:
            if opened.stamp == _stamp(path):
                self.opened.move_to_end(path)
                return opened
            self._close(path)
        opened = _Opened(path, self.size)
        opened.connection.set_progress_handler(self._look, PROGRESS_OPS)
        self.opened[path] = opened
        if len(self.opened) > CACHED_CONNECTIONS:
            self.opened.popitem(last=False)[1].connection.close()
        return opened

    def _close(self, path: str) -> None:
        if (opened := self.opened.pop(path, None)) is not None:
            opened.connection.close()

    def _look(self) -> bool:
        self.looks += 1
        return self._too_many_steps() or self._is_late()

    def _too_many_steps(self) -> bool:
        return 0 < self.most_looks < self.looks

    def _is_late(self) -> bool:
        return time.perf_counter() > self.deadline

    def _fetch(
        self, connection: sqlite3.Connection, sql: str, *, keep: bool
    ) -> tuple[tuple[str, ...], list[bytes]]:
        cursor = connection.execute(sql.rstrip("; \t\r\n"))
        try:
            if cursor.description is None:
                raise sqlite3.OperationalError("not a query")
            columns = tuple(column[0] for column in cursor.description)
            chunks, rows, size, count = [], 0, 0, 1
            while chunk := cursor.fetchmany(count):
                rows += len(chunk)
                packed = marshal.dumps(chunk) if keep else b""
                size += len(packed)
                if rows > self.rows:
                    raise _TooLargeError(f"more than {self.rows} rows")
                if size > self.size:
                    raise _TooLargeError(f"more than {self.size} bytes")
                if self._is_late():
                    raise sqlite3.OperationalError("interrupted")
                if keep:
                    chunks.append(packed)
                count = min(4 * count, CHUNK_ROWS) if len(packed) < CHUNK_BYTES else 1
            return columns, chunks
        finally:
            cursor.close()

    def _explain(self, failure: BaseException, opened: _Opened | None) -> tuple[str, str]:
        message = str(failure) or type(failure).__name__
        if opened is not None and opened.authorizer.denied:
            return "denied", f"{opened.authorizer.denied} is not allowed"
        if self._too_many_steps() and "interrupted" in message:
            return "timeout", f"stopped after {self.most_looks * PROGRESS_OPS:,} steps"
        if self._is_late() and "interrupted" in message:
            return "timeout", f"stopped after {self.allowed:g} s"
        if "too big" in message:
            return "too_large", message
        return "error", message


class _TooLargeError(Exception):
    """The result passed the limit on rows or bytes."""


def serve(worker: Worker, source: int, sink: int) -> None:
    """Answer batches from the file descriptor ``source`` on ``sink`` until the end of input."""
    while header := _read_exactly(source, 4):
        batch = _read_exactly(source, struct.unpack("<I", header)[0])
        timing, steps, seconds, groups = marshal.loads(batch)
        worker.allowed = worker.seconds if seconds is None else min(seconds, worker.seconds)
        for path, tables, statements in groups:
            for sql in statements:
                _write_all(sink, _packed(worker.run(path, tables, sql, timing, steps)))


def _packed(reply: Reply) -> bytes:
    try:
        body = marshal.dumps(reply)
    except MemoryError:
        body = marshal.dumps(("too_large", (), [], "out of memory", reply[4]))
    return struct.pack("<I", len(body)) + body


def _read_exactly(source: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = os.read(source, size - len(data))
        if not part:
            return b""
        data += part
    return bytes(data)


def _write_all(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view) :]


def limit_process(memory: int) -> None:
    """Bound this process's address space, and forbid files and core dumps, where the system can.

    SQLite's own heap gets half of it: a sort that wants more ends as "out of memory" on every
    system, and leaves room for the result.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA hard_heap_limit = {memory // 2}").close()
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0))
    for kind, value in wanted:
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):  # macOS refuses RLIMIT_AS; the other layers still hold
            continue


def main(arguments: Sequence[str]) -> None:
    """``SECONDS ROWS BYTES MEMORY``: serve standard input until it ends."""
    seconds, rows, size, memory = float(arguments[0]), *map(int, arguments[1:4])
    limit_process(int(memory))
    _write_all(1, b"ready")
    serve(Worker(seconds, int(rows), int(size)), 0, 1)
