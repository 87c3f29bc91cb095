"""The read-only executor: any SQL in, a :class:`QueryResult` out, within its limits.

The statements run in worker processes (:mod:`sqlforge.database.sandbox_worker`), which refuse
whatever is not reading and stop at the deadline themselves. Should one hang or die all the same,
it is killed and replaced, the statement gets its verdict, and the next one runs.
"""

from __future__ import annotations

import contextlib
import marshal
import math
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from sqlforge.core.records import Database, QueryResult, Status
from sqlforge.database.sandbox_batch import Batch, Item, Timing

BATCH = 32  # statements sent to a worker at a time
WINDOW = 16  # batches a worker may be ahead of the oldest unanswered one
HELD_BYTES = 32 * 2**20  # of results that wait for an older one, before workers have to wait too
START_SECONDS = 30.0
# No site-packages: the worker needs the standard library and starts in a twentieth of a second.
START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from sqlforge.database.sandbox_worker import main; main(sys.argv[2:])"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use; ``seconds`` of wall time, ``rows`` and ``bytes`` of its result.

    ``memory`` bounds the worker's address space in bytes. A worker that does not answer within
    ``grace`` seconds after the deadline is killed.
    """

    seconds: float = 5.0
    rows: int = 100_000
    bytes: int = 64 * 2**20
    memory: int = 2**30
    grace: float = 1.0


class Sandbox:
    """Worker processes that execute SQL read-only; use it as a context manager, from one thread.

    Args:
        limits: the bounds of each query.
        workers: how many processes :meth:`run_many` spreads its queries over.

    >>> from sqlforge.core.schema import Schema
    >>> with Sandbox() as sandbox:
    ...     sandbox.run(Database("none", Schema(())), "SELECT 1").error
    'no rows here'
    """

    def __init__(self, limits: Limits = Limits(), workers: int = 1) -> None:
        self.limits = limits
        self._workers = [_Process(limits) for _ in range(max(1, workers))]
        self._owner: object = None  # the iteration that the workers' batches belong to

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; the next query would start new ones."""
        for worker in self._workers:
            worker.stop()

    def start(self) -> None:
        """Start all workers and do not wait for them, so that they are there when needed.

        Raises ``OSError`` if a process cannot be started.
        """
        for worker in self._workers:
            worker.start()

    def run(
        self, database: Database, sql: str, seconds: float | None = None, steps: int = 0
    ) -> QueryResult:
        """Execute one statement over the rows of ``database``; never raises for what it does.

        ``seconds`` is less time than the limits give it; ``steps`` as in :meth:`run_many`.
        """
        return next(self.run_many([(database, sql)], seconds=seconds, steps=steps))

    def run_many(
        self,
        items: Iterable[Item],
        timing: Timing = Timing.OFF,
        *,
        steps: int = 0,
        together: int = BATCH,
        seconds: float | None = None,
    ) -> Generator[QueryResult, None, None]:
        """The results of ``items`` in their order, spread over the workers.

        The items are consumed lazily: at most a bounded number runs ahead of the result that is
        yielded, and no more than ``HELD_BYTES`` of results and one a worker are held. With
        ``timing`` the results have no rows, and their seconds are those of the query alone. A
        query that takes more than ``steps`` of SQLite's virtual machine, if that is not 0, runs
        out of time as at its deadline, but on every machine alike. A worker gets ``together``
        queries at a time; where many may be slow, few of them spread better. One iteration at a
        time: going on with one after a later one has started raises ``RuntimeError``. Raises
        ``OSError`` if a worker process cannot be started.
        """
        if any(worker.batch is not None for worker in self._workers):
            raise RuntimeError("the sandbox is still busy with an earlier run_many")
        owner = self._owner = object()
        source = iter(items)
        pending: deque[Batch] = deque()

        def following() -> Batch:
            return Batch(list(islice(source, together)), timing, steps, seconds)

        try:
            while True:
                if self._owner is not owner:
                    raise RuntimeError("a later run_many has taken the sandbox over")
                self._feed(following, pending)
                if not pending:
                    return
                yield from pending[0].take()
                if pending[0].is_empty:
                    pending.popleft()
                elif self._owner is owner:
                    self._collect(pending)
        finally:
            if self._owner is owner:
                for worker in self._workers:
                    if worker.batch is not None:  # the caller went away in the middle of a batch
                        worker.stop()

    def _feed(self, following: Callable[[], Batch], pending: deque[Batch]) -> None:
        for worker in self._workers:
            if worker.batch is None and len(pending) < WINDOW * len(self._workers):
                batch = following()
                if batch.is_empty:
                    return
                pending.append(batch)
                worker.send(batch)

    def _collect(self, pending: deque[Batch]) -> None:
        busy = [worker for worker in self._workers if worker.batch is not None]
        if sum(batch.held for batch in pending) > HELD_BYTES:
            for worker in busy:
                if worker.batch is not pending[0]:  # its pipe fills up, and it has to wait
                    worker.postpone()
            busy = [worker for worker in busy if worker.batch is pending[0]]
        wait = min(worker.due for worker in busy) - time.monotonic()
        readable = _readable([worker.output for worker in busy], wait)
        for worker in busy:
            if worker.output in readable:
                worker.receive()
            elif time.monotonic() > worker.due:
                worker.fail(Status.TIMEOUT, f"killed after {self.limits.seconds:g} s")


def _readable(descriptors: list[int], seconds: float) -> set[int]:
    """Those with something to read (or at their end) within ``seconds``."""
    poller = select.poll()  # unlike select() it takes descriptors beyond 1,023
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poller.poll(max(0, math.ceil(seconds * 1000)))}


class _Process:
    """One worker process, the batch it is busy with and the moment it is overdue."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.batch: Batch | None = None
        self.due = 0.0
        self.output = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._buffer = bytearray()

    def start(self) -> subprocess.Popen[bytes]:
        """The process, a new one if there is none."""
        if self._process is not None:
            return self._process
        limits = self.limits
        packages = str(Path(__file__).parents[2])
        numbers = [str(n) for n in (limits.seconds, limits.rows, limits.bytes, limits.memory)]
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", START, packages, *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the parent only, which then stops it
        )
        assert process.stdout is not None
        self._process, self.output, self._is_ready = process, process.stdout.fileno(), False
        return process

    def send(self, batch: Batch) -> None:
        """Start on ``batch``, in a new process if there is none."""
        if batch.is_done:
            return
        self.batch = batch
        process = self.start()
        self._wait()
        assert process.stdin is not None
        self.postpone()
        try:
            process.stdin.write(batch.request())
            process.stdin.flush()
        except OSError:  # it died while idle: the pipe's end is noticed by `receive`
            return

    def postpone(self) -> None:
        """Start the clock of the current statement anew."""
        self.due = time.monotonic() + self.limits.seconds + self.limits.grace

    def receive(self) -> None:
        """Take what the process has written and answer as many statements as that completes."""
        data = os.read(self.output, 1 << 20)
        if not data:
            self.fail(Status.CRASHED, "the worker process died")
            return
        self._buffer += data
        self.postpone()
        while self.batch is not None and (frame := self._frame()) is not None:
            status, columns, chunks, error, seconds = marshal.loads(frame)
            rows = tuple(chain.from_iterable(map(marshal.loads, chunks)))
            result = QueryResult(Status(status), columns, rows, error, seconds)
            self.batch.answer(result, len(frame))
            if self.batch.is_done:
                self.batch = None

    def fail(self, status: Status, error: str) -> None:
        """Give the statement that hung or crashed its verdict; the rest goes to a new process."""
        batch = self.batch
        self.stop()
        if batch is not None:
            batch.answer(QueryResult(status, error=error, seconds=self.limits.seconds))
            self.send(batch)

    def stop(self) -> None:
        """Kill the process, if there is one, and forget its batch."""
        self.batch = None
        self._buffer.clear()
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError):  # what was not yet written is lost with it
                self._process.communicate()
            self._process = None

    def _frame(self) -> bytes | None:
        if len(self._buffer) < 4:
            return None
        end = 4 + int(struct.unpack_from("<I", self._buffer)[0])
        if len(self._buffer) < end:
            return None
        frame = bytes(self._buffer[4:end])
        del self._buffer[:end]
        return frame

    def _wait(self) -> None:
        """Wait for a process just started to say that it is ready."""
        if self._is_ready:
            return
        if not _readable([self.output], START_SECONDS) or os.read(self.output, 5) != b"ready":
            self.stop()
            raise OSError("the sandbox's worker process did not start")
        self._is_ready = True
