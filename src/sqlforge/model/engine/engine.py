"""The generation engine: requests come and go at any time, a step writes one token of each.

See ``docs/decisions/0042-a-generation-engine.md`` for why it is built this way.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch

from sqlforge.core.errors import UserError
from sqlforge.model.engine.beginnings import Beginnings
from sqlforge.model.engine.masks import Fill, Masks, native_fill
from sqlforge.model.engine.memory import hosted, rows_for, width_for, window_of
from sqlforge.model.engine.profile import Profile
from sqlforge.model.engine.request import Completion, Finish, Request, Ticket
from sqlforge.model.engine.runner import Runner
from sqlforge.model.engine.sampling import choose
from sqlforge.model.engine.slots import SlotCache
from sqlforge.model.engine.statement import ends_statement
from sqlforge.model.engine.table import Job, Launched, Table

_LEAST_SHARED = 8
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
        width: longest prompt and text together, in tokens; the model's window if ``None``.
        batch_tokens: bounds ``rows × width``.
        prefill_tokens: bounds what one pass over prompts holds, padding included.
        stop_at_semicolon: the semicolon that ends a SELECT ends the text.
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
        fill: Fill = native_fill,
    ) -> None:
        self._model, self._tokenizer, self._fill = model, tokenizer, fill
        self._hosting = hosted(model)
        self._hosting.__enter__()
        self._width = width_for(model, width)
        self._wanted = rows if batch_tokens is None else min(rows, batch_tokens // self._width)
        cuda = model.device.type == "cuda"
        self._prefill_tokens = prefill_tokens or (32_768 if cuda else 4_096)
        ends = tokenizer.eos_token_id
        self._ends = np.array(ends if isinstance(ends, list) else [ends])
        self._stop_at_semicolon = stop_at_semicolon
        self._semicolons: np.ndarray | None = None
        self._changed = threading.Condition()
        self._turn = threading.RLock()
        self._arrived: deque[Job] = deque()
        self._waiting: list[Job] = []
        self._thread: threading.Thread | None = None
        self._closed = self._cancelled = self._listened = False
        self.profile = Profile()
        self.prefilled = 0
        self._build(rows_for(model, self._width, max(1, self._wanted)))

    def submit(self, request: Request) -> Ticket:
        """Ask for a text; comes back at once.

        Raises:
            UserError: the prompt does not fit.
        """
        limit = self._limit(request)
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
        """Let every running text have one more token; whether anything is left to do."""
        with self._turn, torch.inference_mode():
            try:
                return self._step()
            except torch.OutOfMemoryError:
                pass  # what the exception holds is let go before anything is built
            self._halve()
            return True

    def start(self) -> None:
        """Move in a thread of the engine's own until :meth:`close`."""
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cancel what runs, give the memory back and the model its attention."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._turn:
            self._take_arrivals()
            for row in np.flatnonzero(self._table.live).tolist():
                self._finish(row, "cancelled")
            for job in self._waiting:
                self._told(job, "cancelled")
            self._waiting = []
            self._masks.close()
            self._beginnings.clear()
            del self._runner
            self._hosting.__exit__(None, None, None)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def rows(self) -> int:
        """How many texts may run at once."""
        return len(self._table.jobs)

    # The loop.

    def _build(self, rows: int) -> None:
        weights = self._model.get_input_embeddings().weight
        device = self._model.device
        cache = SlotCache(self._model.config, rows, self._width, weights.dtype, device)
        pad = self._tokenizer.pad_token_id or 0
        self._runner = Runner(self._model, cache, window_of(self._model.config), pad)
        known = len(self._tokenizer) if hasattr(self._tokenizer, "__len__") else 0
        self._masks = Masks(rows, max(weights.shape[0], known), device, self._fill)
        self._table = Table(rows, 64)
        self._beginnings = Beginnings(max(rows // 4, 1) * self._width)
        self._pending: list[Launched] = []

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._busy())
                if self._closed:
                    return
            # Whatever goes wrong, whoever waits is told of it, and the thread lives on.
            try:
                self.step()
            except Exception as fault:  # noqa: BLE001
                self._give_up(fault)

    def _busy(self) -> bool:
        return bool(self._arrived or self._waiting or self._table.live.any())

    def _advance(self, ready: Callable[[], bool]) -> None:
        """What a waiting ticket does: wait for the thread, or take the step itself."""
        if self._thread is not None:
            with self._changed:
                self._changed.wait_for(ready)
            return
        try:
            self.step()
        except Exception as fault:
            self._give_up(fault)
            raise

    def _give_up(self, fault: BaseException) -> None:
        with self._turn:
            self._take_arrivals()
            rows = np.flatnonzero(self._table.live).tolist()
            for job in [*(self._table.leave(row) for row in rows), *self._waiting]:
                job.ticket.finish(None, fault)
            self._waiting, self._pending = [], []

    def _step(self) -> bool:
        self._take_arrivals()
        self._drop_cancelled()
        free = self.rows - int(self._table.live.sum())
        if self._waiting and free >= min(len(self._waiting), max(1, self.rows // 8)):
            self._drain()
            self._admit()
        self._pack()
        if self._table.live.any():
            self._decode()
        self._tell_listeners()
        return self._busy()

    def _decode(self) -> None:
        table, runner, profile = self._table, self._runner, self.profile
        extent = table.extent
        # What is launched but not collected has not moved the host's positions yet.
        longest = int(table.position[table.live].max()) + len(self._pending)
        rows = runner.rows_bucket(extent)
        profile.begin(int(table.live.sum()))
        logits = runner.decode(rows, min(longest, self._width))[:extent]
        profile.end("forward launched")
        which, bits = np.arange(extent), None
        if table.constrained:
            self._drain()
            profile.end("tokens awaited")
            filling = self._masks.start(table.cursors[:extent], table.unadvanced[:extent])
            bits = self._masks.wait(filling, extent)
            table.unadvanced[:] = -1
            profile.end("masks awaited")
        tokens, told = self._chosen(which, logits, bits)
        runner.tokens[:extent] = tokens
        runner.positions[:extent].add_(1).clamp_(max=self._width)
        profile.end("sampling launched")
        launched = self._launched(which, tokens, told)
        if not table.constrained:
            self._drain()
            profile.end("tokens awaited")
        self._pending = [launched]

    def _chosen(
        self, rows: np.ndarray, logits: torch.Tensor, bits: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        table = self._table
        heat = uniforms = None
        if table.temperature[rows].any():
            at = table.count.copy()
            for other in self._pending:
                at[other.rows] += 1
            number = np.minimum(at[rows], table.uniforms.shape[1] - 1)
            heat = self._to_device(table.temperature[rows])
            uniforms = self._to_device(table.uniforms[rows, number])
        return choose(logits, bits, heat, uniforms)

    def _launched(self, rows: np.ndarray, tokens: torch.Tensor, told: torch.Tensor) -> Launched:
        both = torch.stack([tokens.double(), told.double()])
        if both.device.type != "cuda":
            return Launched(rows, both, None)
        host = torch.empty(both.shape, dtype=both.dtype, pin_memory=True)
        host.copy_(both, non_blocking=True)
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
        ready.record()
        return Launched(rows, host, ready)

    def _to_device(self, array: np.ndarray) -> torch.Tensor:
        found = torch.from_numpy(array)
        if self._model.device.type == "cuda":
            return found.pin_memory().to(self._model.device, non_blocking=True)
        return found

    def _drain(self) -> None:
        """Take what the device has chosen; texts that end leave their rows."""
        table = self._table
        for launched in self._pending:
            tokens, logprobs = launched.wait()
            # Rows that ended or were cancelled meanwhile are not in use again before a drain.
            running = table.live[launched.rows]
            rows, tokens = launched.rows[running], tokens[running]
            table.record(rows, tokens, logprobs[running])
            stopped = np.isin(tokens, self._ends)
            for n in np.flatnonzero(self._may_end_statement(tokens) & ~stopped).tolist():
                written = table.written[rows[n], : table.count[rows[n]]].tolist()
                stopped[n] = ends_statement(self._tokenizer.decode(written))
            cut = table.count[rows] >= table.limit[rows]
            for n in np.flatnonzero(stopped | cut).tolist():
                self._finish(int(rows[n]), "stop" if stopped[n] else "length")
        self._pending = []

    def _may_end_statement(self, tokens: np.ndarray) -> np.ndarray:
        if not self._stop_at_semicolon:
            return np.zeros(len(tokens), dtype=bool)
        if self._semicolons is None:
            vocabulary = self._model.get_input_embeddings().weight.shape[0]
            pieces = [self._tokenizer.decode([n]) for n in range(vocabulary)]
            self._semicolons = np.array([";" in piece for piece in pieces])
        found: np.ndarray = self._semicolons[tokens]
        return found

    def _finish(self, row: int, finish: Finish) -> None:
        self._told(self._table.leave(row), finish)

    def _told(self, job: Job, finish: Finish) -> None:
        ids = job.written
        if ids and ids[-1] in self._ends:
            ids = ids[:-1]
        text = str(self._tokenizer.decode(ids)).strip()
        done = Completion(tuple(ids), text, job.logprob, len(job.written), finish)
        job.ticket.finish(done)

    # Coming and going.

    def _take_arrivals(self) -> None:
        with self._changed:
            self._waiting.extend(self._arrived)
            self._arrived.clear()

    def _drop_cancelled(self) -> None:
        with self._changed:
            if not self._cancelled:
                return
            self._cancelled = False
        for job in [job for job in self._waiting if job.ticket.cancelled]:
            self._waiting.remove(job)
            self._told(job, "cancelled")
        for row, running in enumerate(self._table.jobs):
            if running is not None and running.ticket.cancelled:
                self._finish(row, "cancelled")

    def _note(self, what: Literal["cancelled", "listening"]) -> None:
        with self._changed:
            if what == "cancelled":
                self._cancelled = True
            else:
                self._listened = True
            self._changed.notify_all()

    def _tell_listeners(self) -> None:
        table = self._table
        if self._listened:
            self._listened = False
            for row, job in enumerate(table.jobs):
                table.streamed[row] = job is not None and job.ticket.listening
        for row in np.flatnonzero(table.streamed).tolist():
            job = table.jobs[row]
            assert job is not None
            job.ticket.tell(table.written[row, job.streamed : table.count[row]].tolist())
            job.streamed = int(table.count[row])

    def _limit(self, request: Request) -> int:
        """How many tokens may be written; the window may end a text early."""
        length, room = len(request.prompt), self._width - len(request.prompt)
        if not request.prompt or request.max_new_tokens < 1:
            raise UserError(
                f"a prompt of {length} tokens for {request.max_new_tokens} new ones",
                "at least one of each",
                "ask something",
            )
        if room < 1 or (room < request.max_new_tokens and request.constraint is not None):
            raise UserError(
                f"a prompt of {length:,} tokens for {request.max_new_tokens:,} new ones",
                f"at most {self._width:,} together, which is what model and memory hold",
                "show a smaller schema (prompt.linking), or take a model with a longer window",
            )
        return min(room, request.max_new_tokens)

    def _pack(self) -> None:
        """Move the last rows into gaps where a step then has fewer rows to run."""
        table, runner = self._table, self._runner
        if runner.rows_bucket(int(table.live.sum())) >= runner.rows_bucket(table.extent):
            return
        self._drain()
        live = np.flatnonzero(table.live)
        sources = live[live >= len(live)]
        if not len(sources):
            return
        targets = np.flatnonzero(~table.live[: len(live)])
        length = int(table.position[live].max())
        table.move(sources, targets)
        runner.move(self._to_device(sources), self._to_device(targets), length)

    def _admit(self) -> None:
        """Fill free rows; of prompts that share a beginning the first one goes ahead."""
        free = np.flatnonzero(~self._table.live).tolist()
        taken, self._waiting = self._waiting[: len(free)], self._waiting[len(free) :]
        first: list[tuple[int, Job]] = []
        later: list[tuple[int, Job]] = []
        ahead: set[str] = set()
        for row, job in zip(free, taken, strict=False):
            self._table.enter(row, job)
            key = job.request.shared_key
            if key in ahead:
                later.append((row, job))
                continue
            first.append((row, job))
            if key is not None and self._shared(job) == 0:
                ahead.add(key)
        for wave in (first, later):
            self._prefill(wave, ahead)

    def _shared(self, job: Job) -> int:
        length = self._beginnings.shared(job.request.shared_key, job.ids)
        return length if length >= _LEAST_SHARED else 0

    def _prefill(self, wave: list[tuple[int, Job]], ahead: set[str]) -> None:
        by_key: dict[str, list[tuple[int, int]]] = {}
        for row, job in wave:
            if length := self._shared(job):
                by_key.setdefault(str(job.request.shared_key), []).append((row, length))
        start: dict[int, int] = {}
        cache = self._runner.cache
        for key, sharing in by_key.items():
            length = min(length for _, length in sharing)
            rows = torch.tensor([row for row, _ in sharing], device=cache.kv.device)
            cache.put_beginning(rows, self._beginnings.kv(key), length)
            start |= {row: length for row, _ in sharing}
        order = sorted(wave, key=lambda pair: start.get(pair[0], 0) - len(pair[1].ids))
        while order:
            longest = len(order[0][1].ids) - start.get(order[0][0], 0)
            count = max(1, self._prefill_tokens // longest)
            self._prefill_chunk(order[:count], start)
            order = order[count:]
        for row, job in wave:
            key_of = job.request.shared_key
            if key_of in ahead and row not in start:
                ahead.discard(key_of)
                kept = cache.beginning(row, len(job.ids))
                self._beginnings.keep(key_of, job.ids, kept)

    def _prefill_chunk(self, chunk: list[tuple[int, Job]], start: dict[int, int]) -> None:
        table, runner = self._table, self._runner
        rows = np.array([row for row, _ in chunk])
        starts = [start.get(row, 0) for row, _ in chunk]
        ids = [job.ids[begin:] for (_, job), begin in zip(chunk, starts, strict=True)]
        bits = filling = None
        if table.constrained:
            filling = self._masks.start([table.cursors[r] for r in rows], table.unadvanced[rows])
        logits = runner.prefill(rows.tolist(), starts, ids)
        self.prefilled += sum(map(len, ids))
        if filling is not None:
            bits = self._masks.wait(filling, len(rows), blocking=True)
            table.unadvanced[rows] = -1
        tokens, told = self._chosen(rows, logits, bits)
        at = self._to_device(rows)
        runner.tokens[at] = tokens
        runner.positions[at] = self._to_device(table.position[rows])
        self._pending.append(self._launched(rows, tokens, told))

    def _halve(self) -> None:
        """Begin again with half the rows; texts go on from what they have."""
        rows = self.rows // 2
        table = self._table
        running = [table.leave(row) for row in np.flatnonzero(table.live).tolist()]
        self._waiting = [*running, *self._waiting]
        if rows < 1:
            raise UserError(
                "a text that does not fit into memory",
                "room for one at least",
                "show a smaller schema, or take a smaller model",
            )
        _LOG.warning("out of memory with %d texts at once: going on with %d", self.rows, rows)
        self._masks.close()
        del self._runner
        self._beginnings.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._build(rows)
