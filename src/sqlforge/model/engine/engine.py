"""The generation engine: requests come and go at any time, a step writes one token of each.

See ``docs/decisions/0042-a-generation-engine.md`` for why it is built this way.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch

from sqlforge.core.errors import UserError
from sqlforge.model.engine.batch import Batch
from sqlforge.model.engine.deadlines import Deadlines
from sqlforge.model.engine.drafts import Drafts
from sqlforge.model.engine.endings import Endings
from sqlforge.model.engine.masks import Fill, native_fill
from sqlforge.model.engine.memory import hosted, prefill_for, rows_for, width_for
from sqlforge.model.engine.profile import Profile
from sqlforge.model.engine.request import Finish, Request, Ticket, room_for
from sqlforge.model.engine.table import Job

_LOG = logging.getLogger(__name__)


class Engine:
    """Writes texts with one model, many at once.

    A request gets a row as soon as one is free. Without a thread of its own (:meth:`start`) the
    engine moves when somebody waits for a ticket, or calls :meth:`step`.

    Args:
        model: a transformers causal model, adapted or not, in evaluation mode. Its attention is
            exchanged until :meth:`close`.
        tokenizer: only its special ids and ``decode`` are used.
        rows: texts that run at once; fewer where memory says so.
        width: longest prompt and text together, in tokens, within the model's window; 4,096
            if ``None``.
        batch_tokens: bounds ``rows × width``.
        prefill_tokens: bounds what one pass over prompts holds, padding included.
        stop_at_semicolon: the semicolon that ends a SELECT ends the text.
        drafts: guess tokens of a greedy text that runs alone on a CPU.
        fill: see :class:`sqlforge.model.engine.masks.Masks`.

    Raises:
        UserError: not even one row fits, or the model attends in a way that slots do not know.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        rows: int = 256,
        width: int | None = None,
        batch_tokens: int | None = None,
        prefill_tokens: int | None = None,
        stop_at_semicolon: bool = False,
        drafts: bool = False,
        fill: Fill = native_fill,
    ) -> None:
        self._model, self._tokenizer, self._fill = model, tokenizer, fill
        self._width = width_for(model, width)
        wanted = rows if batch_tokens is None else min(rows, batch_tokens // self._width)
        self._prefill_tokens = prefill_tokens or prefill_for(model)
        self._endings = Endings(model, tokenizer, at_semicolon=stop_at_semicolon)
        self._changed = threading.Condition()
        self._turn = threading.RLock()
        self._arrived: deque[Job] = deque()
        self._waiting: list[Job] = []
        self._thread: threading.Thread | None = None
        self._closed = self._cancelled = self._listened = False
        self.profile, self._deadlines = Profile(), Deadlines()
        self._prefilled, self._drafts = 0, Drafts() if drafts else None
        self._hosting = contextlib.ExitStack()
        with contextlib.ExitStack() as hosting:
            hosting.enter_context(hosted(model, self._width))
            self._batch = self._built(rows_for(model, self._width, max(1, wanted)))
            self._hosting = hosting.pop_all()

    def submit(self, request: Request) -> Ticket:
        """Ask for a text; comes back at once.

        Raises:
            UserError: the prompt does not fit.
        """
        limit = room_for(request, self._width)
        ticket = Ticket(request, self._changed, self._advance, self._note)
        uniforms = None
        if request.temperature > 0:
            uniforms = np.random.Generator(np.random.Philox(request.seed)).random(limit)
        with self._changed:
            if self._closed:
                raise UserError("a request to a closed engine", "an open one", "make another")
            self._arrived.append(Job(request, ticket, limit, uniforms))
            self._changed.notify_all()
        return ticket

    def step(self) -> bool:
        """Let every running text have one more token; whether anything is left to do.

        Whatever a model raises, all tickets raise too: texts of a step half done cannot go on.
        """
        with self._turn, torch.inference_mode():
            try:
                try:
                    return self._step()
                except torch.OutOfMemoryError:
                    pass  # what the exception holds is let go before anything is built
                self._halve()
            except Exception as fault:
                for job in self._leave_all():
                    job.ticket.finish(None, fault)
                raise
            return True

    def start(self) -> None:
        """Move in a thread of the engine's own until :meth:`close`."""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """Let go of what earlier prompts left to be shared: to be called when weights changed."""
        with self._turn:
            self._batch.forget()

    def close(self) -> None:
        """Cancel what runs, give the memory back and the model its attention."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._turn:
            for job in self._leave_all():
                self._told(job, "cancelled")
            self._batch.close()
            self._hosting.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def rows(self) -> int:
        """How many texts may run at once."""
        return len(self._batch.table.jobs)

    @property
    def width(self) -> int:
        """Longest prompt and text together, in tokens."""
        return self._width

    @property
    def prefilled(self) -> int:
        """Prompt tokens that were run, padding left out."""
        return self._prefilled + self._batch.prefilled

    # The loop.

    def _built(self, rows: int) -> Batch:
        return Batch(
            self._model,
            self._tokenizer,
            rows=rows,
            width=self._width,
            prefill_tokens=self._prefill_tokens,
            fill=self._fill,
            ended=self._end_some,
            stuck=self._end_stuck,
            profile=self.profile,
            drafts=self._drafts,
        )

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._busy())
                if self._closed:
                    return
            try:
                self.step()
            except Exception:  # noqa: BLE001  (all tickets have it; later ones need the thread)
                continue

    def _busy(self) -> bool:
        return bool(self._arrived or self._waiting or self._batch.table.live.any())

    def _advance(self, ready: Callable[[], bool]) -> None:
        """What a waiting ticket does: wait for the thread, or take the step itself."""
        if self._thread is not None:
            with self._changed:
                self._changed.wait_for(ready)
        else:
            self.step()

    def _step(self) -> bool:
        self._take_arrivals()
        self._drop_cancelled()
        batch = self._batch
        # A pass over few prompts costs about as much as one over many: some free rows may wait.
        if self._waiting and batch.free >= min(len(self._waiting), max(1, self.rows // 8)):
            batch.drain()
            taken, self._waiting = self._waiting[: batch.free], self._waiting[batch.free :]
            batch.admit(taken)
        batch.pack()
        if batch.table.live.any():
            self._deadlines.decode(batch)
        self._tell_listeners()
        return self._busy()

    def _end_some(self, rows: np.ndarray, tokens: np.ndarray) -> None:
        table = self._batch.table
        stopped = self._endings.stopped(table, rows, tokens)
        cut = table.count[rows] >= table.limit[rows]
        for n in np.flatnonzero(stopped | cut).tolist():
            self._finish(int(rows[n]), "stop" if stopped[n] else "length")

    def _end_stuck(self, rows: np.ndarray) -> None:
        if len(rows):
            _LOG.warning(
                "texts that no token could follow, ended where they stood: %d (a constraint at a "
                "dead end, or a model whose numbers are not finite)", len(rows),
            )  # fmt: skip
        for row in rows.tolist():
            self._finish(row, "stuck")

    def _finish(self, row: int, finish: Finish) -> None:
        self._told(self._batch.table.leave(row), finish)

    def _told(self, job: Job, finish: Finish) -> None:
        job.ticket.finish(self._endings.completed(job, finish))

    # Coming and going.

    def _take_arrivals(self) -> None:
        with self._changed:
            self._waiting.extend(self._arrived)
            self._arrived.clear()

    def _leave_all(self) -> list[Job]:
        """All that run, wait or have arrived."""
        self._take_arrivals()
        jobs, self._waiting = [*self._batch.leave_all(), *self._waiting], []
        return jobs

    def _drop_cancelled(self) -> None:
        with self._changed:
            if not self._cancelled:
                return
            self._cancelled = False
        for job in [job for job in self._waiting if job.ticket.cancelled]:
            self._waiting.remove(job)
            self._told(job, "cancelled")
        for row, running in enumerate(self._batch.table.jobs):
            if running is not None and running.ticket.cancelled:
                self._finish(row, "cancelled")

    def _note(self, what: Literal["cancelled", "listening"]) -> None:
        with self._changed:
            self._cancelled |= what == "cancelled"
            self._listened |= what == "listening"
            self._changed.notify_all()

    def _tell_listeners(self) -> None:
        table = self._batch.table
        if self._listened:
            self._listened = False
            for row, job in enumerate(table.jobs):
                table.streamed[row] = job is not None and job.ticket.listening
        for row in np.flatnonzero(table.streamed).tolist():
            job = table.jobs[row]
            assert job is not None
            job.ticket.tell(table.written[row, job.streamed : table.count[row]].tolist())
            job.streamed = int(table.count[row])

    def _halve(self) -> None:
        """Begin again with half the rows; texts go on from what they have."""
        rows = self.rows // 2
        self._waiting = self._leave_all()
        if rows < 1:
            raise UserError(
                "a text that does not fit into memory",
                "room for one at least",
                "show a smaller schema, or take a smaller model",
            )
        _LOG.warning("out of memory with %d texts at once: going on with %d", self.rows, rows)
        self._prefilled = self.prefilled
        self._batch.close()
        torch.cuda.empty_cache()  # does nothing where there is no card
        self._batch = self._built(rows)
