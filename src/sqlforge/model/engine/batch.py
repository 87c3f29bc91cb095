"""The running texts: forward passes, choices, rows; who asked is the engine's affair."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import torch

from sqlforge.model.engine.beginnings import Beginnings
from sqlforge.model.engine.drafts import Drafts
from sqlforge.model.engine.guessing import Guessing
from sqlforge.model.engine.masks import Fill, Masks
from sqlforge.model.engine.memory import window_of
from sqlforge.model.engine.profile import Profile
from sqlforge.model.engine.runner import Runner
from sqlforge.model.engine.sampling import choose
from sqlforge.model.engine.slots import SlotCache
from sqlforge.model.engine.table import Ended, Job, Launched, Stuck, Table

_LEAST_SHARED = 8


class Batch:
    """Rows of one model.

    A step is launched before the last one's tokens are looked at: the host's work hides behind the
    device's. Under a constraint the tokens are awaited while the next forward pass runs already,
    the masks are filled beside it, and only choosing waits for them.

    Args:
        model: on slots, see :func:`sqlforge.model.engine.memory.hosted`.
        tokenizer: for its padding, and the number of its tokens.
        rows, width: texts at once, and positions of each.
        prefill_tokens: bounds one pass over prompts, padding included.
        fill: see :class:`sqlforge.model.engine.masks.Masks`.
        ended: told of rows and the token that each has just got; lets those go that have ended.
        stuck: told of rows that no token could follow; lets them go.
        profile: told of every step.
        drafts: guesses for a greedy text that runs alone on a CPU; ``None``: a token a step.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        rows: int,
        width: int,
        prefill_tokens: int,
        fill: Fill,
        ended: Ended,
        stuck: Stuck,
        profile: Profile,
        drafts: Drafts | None = None,
    ) -> None:
        weights, self.device = model.get_input_embeddings().weight, model.device
        cache = SlotCache(model.config, rows, width, weights.dtype, self.device)
        self._runner = Runner(model, cache, window_of(model.config), tokenizer.pad_token_id or 0)
        known = len(tokenizer) if hasattr(tokenizer, "__len__") else 0
        self._masks = Masks(rows, max(weights.shape[0], known), self.device, fill)
        self.table = Table(rows, 64)
        self.width, self.prefilled = width, 0
        self._prefill_tokens, self._profile = prefill_tokens, profile
        self._ended, self._stuck = ended, stuck
        self._beginnings = Beginnings(max(rows // 4, 1) * width)
        self._pending: list[Launched] = []
        self._guessing: Guessing | None = None
        if drafts is not None and self.device.type == "cpu":
            self._guessing = Guessing(
                drafts, self.table, self._runner, self._masks, ended, stuck, profile
            )
        self.step_tokens = 1
        """How many tokens of each text the last step wrote."""

    @property
    def free(self) -> int:
        """Rows that nobody uses."""
        return len(self.table.jobs) - int(self.table.live.sum())

    def leave_all(self) -> list[Job]:
        """Free all rows; what was launched and not drained is dropped."""
        self._pending = []
        return [self.table.leave(row) for row in np.flatnonzero(self.table.live).tolist()]

    def forget(self) -> None:
        """Let go of the beginnings kept of earlier prompts."""
        self._beginnings.clear()

    def close(self) -> None:
        """End the worker, and give the memory back."""
        self._masks.close()
        self._beginnings.clear()
        del self._runner

    def decode(self) -> None:
        """Launch a step: one token for each row, or several for one that runs alone."""
        self.step_tokens = 1
        table, runner, profile = self.table, self._runner, self._profile
        profile.begin(int(table.live.sum()))
        if self.device.type == "cpu":  # nothing runs beside us: the tokens are there already
            self.drain()
        extent = table.extent
        if extent == 0:
            return
        if self._guessing is not None and (wrote := self._guessing.step()):
            self.step_tokens = wrote
            return
        filling = self._fill_first(extent) if not self._pending else None
        # What is launched but not drained has not moved the host's positions yet.
        longest = int(table.position[table.live].max()) + len(self._pending)
        rows = runner.rows_bucket(extent)
        logits = runner.decode(rows, min(longest, self.width))[:extent]
        profile.end("forward launched")
        which, bits = np.arange(extent), None
        if table.constrained or filling is not None:
            self.drain()
            profile.end("tokens awaited")
            filling = filling or self._fill_first(extent)
        if filling is not None:
            bits = self._masks.wait(filling, extent)
            profile.end("masks awaited")
        tokens, told = self._chosen(which, logits, bits)
        runner.tokens[:extent] = tokens
        runner.positions[:extent].add_(1).clamp_(max=self.width)
        profile.end("sampling launched")
        launched = self._launched(which, tokens, told)
        self.drain()
        profile.end("tokens awaited")
        self._pending = [launched]

    def shorten(self, row: int, tokens: int) -> None:
        """Let a row write so many further tokens at most; a constraint takes what its end needs.

        Whatever was launched must be drained.
        """
        table = self.table
        cursor, token = table.cursors[row], int(table.unadvanced[row])
        if cursor is not None:
            if token >= 0:
                cursor.advance(token)
                table.unadvanced[row] = -1
            cursor.shorten(tokens)
            tokens = cursor.tokens_left
        table.limit[row] = min(table.limit[row], table.count[row] + tokens)

    def _fill_first(self, rows: int) -> Future[None] | None:
        """Begin to fill the masks of the first rows, if there are any."""
        table = self.table
        if not table.constrained:
            return None
        filling = self._masks.start(table.cursors[:rows], table.unadvanced[:rows])
        table.unadvanced[:] = -1
        return filling

    def drain(self) -> None:
        """Take what the device has chosen; texts that end leave their rows."""
        table = self.table
        for launched in self._pending:
            tokens, logprobs = launched.wait()
            # Rows that ended or were cancelled meanwhile are not in use again before a drain.
            running = table.live[launched.rows]
            # Where a mask allows nothing, or logits are not finite, what was chosen is no choice.
            chosen = running & np.isfinite(logprobs)
            rows, tokens = launched.rows[chosen], tokens[chosen]
            table.record(rows, tokens, logprobs[chosen])
            self._ended(rows, tokens)
            self._stuck(launched.rows[running & ~chosen])
        self._pending = []

    def admit(self, jobs: Sequence[Job]) -> None:
        """Give jobs free rows; of prompts that share a beginning the first one goes ahead.

        Whatever was launched must be drained.
        """
        free = np.flatnonzero(~self.table.live).tolist()
        first: list[tuple[int, Job]] = []
        later: list[tuple[int, Job]] = []
        ahead: set[str] = set()
        for row, job in zip(free, jobs, strict=False):
            self.table.enter(row, job)
            key = job.request.shared_key
            if key in ahead:
                later.append((row, job))
                continue
            first.append((row, job))
            if key is not None and self._shared(job) == 0:
                ahead.add(key)
        for wave in (first, later):
            self._prefill(wave, ahead)

    def pack(self) -> None:
        """Move the last rows into gaps where a step then has fewer rows to run."""
        table, runner = self.table, self._runner
        if runner.rows_bucket(int(table.live.sum())) >= runner.rows_bucket(table.extent):
            return
        self.drain()
        live = np.flatnonzero(table.live)
        sources = live[live >= len(live)]
        if not len(sources):
            return
        targets = np.flatnonzero(~table.live[: len(live)])
        length = int(table.position[live].max())
        table.move(sources, targets)
        runner.move(self._to_device(sources), self._to_device(targets), length)

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
        table, runner = self.table, self._runner
        rows = np.array([row for row, _ in chunk])
        starts = [start.get(row, 0) for row, _ in chunk]
        ids = [job.ids[begin:] for (_, job), begin in zip(chunk, starts, strict=True)]
        bits = filling = None
        if table.constrained:
            filling = self._masks.start([table.cursors[r] for r in rows], table.unadvanced[rows])
            table.unadvanced[rows] = -1
        logits = runner.prefill(rows.tolist(), starts, ids)
        self.prefilled += sum(map(len, ids))
        if filling is not None:
            bits = self._masks.wait(filling, len(rows), blocking=True)
        tokens, told = self._chosen(rows, logits, bits)
        at = self._to_device(rows)
        runner.tokens[at] = tokens
        runner.positions[at] = self._to_device(table.position[rows])
        self._pending.append(self._launched(rows, tokens, told))

    def _shared(self, job: Job) -> int:
        length = self._beginnings.shared(job.request.shared_key, job.ids)
        return length if length >= _LEAST_SHARED else 0

    def _chosen(
        self, rows: np.ndarray, logits: torch.Tensor, bits: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        table = self.table
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
        ready = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch has no types here
        ready.record()
        return Launched(rows, host, ready)

    def _to_device(self, array: np.ndarray) -> torch.Tensor:
        found = torch.from_numpy(array)
        if self.device.type == "cuda":
            return found.pin_memory().to(self.device, non_blocking=True)
        return found
