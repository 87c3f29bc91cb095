"""Forward passes over the slots: prompts in batches, then one token a row and step.

On CUDA a step is captured as a graph, one for each number of rows and of positions on two short
ladders: a small model's step is hundreds of kernels that cost more to launch than to run.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from sqlforge.model.engine.memory import uncapturable
from sqlforge.model.engine.slots import SlotCache

_ROWS = (1, 2, 4, 8, 16, 32, 64, 96, 128, 192, 256)
_LOG = logging.getLogger(__name__)


def up(value: int, ladder: Sequence[int]) -> int:
    """The lowest step of ``ladder`` that holds ``value``, or ``value``."""
    return next((step for step in ladder if step >= value), value)


class Runner:
    """A model on a cache of slots.

    ``tokens`` and ``positions``, ``[rows + 1]``, are what the next step reads of each row: its
    last token, and where that token stands.
    """

    def __init__(self, model: Any, cache: SlotCache, window: int | None, pad: int) -> None:
        self.model, self.cache, self.pad = model, cache, pad
        self.device = cache.kv.device
        self._window = window
        self._logits: torch.Tensor | None = None
        self._graphs: dict[tuple[int, int], torch.cuda.CUDAGraph] = {}
        self._pool: Any = None
        self.graphs = self.device.type == "cuda"
        if self.graphs and (reason := uncapturable(model)) is not None:
            self._without_graphs(reason)
        rows = cache.rows + 1
        self.tokens = torch.zeros(rows, dtype=torch.long, device=self.device)
        self.positions = torch.full_like(self.tokens, cache.width)
        self._every_row = torch.arange(rows, device=self.device)

    def prefill(
        self, rows: Sequence[int], starts: Sequence[int], ids: Sequence[Sequence[int]]
    ) -> torch.Tensor:
        """Run ``ids`` behind the first ``starts`` positions of ``rows``; the last tokens' logits.

        Padded on the left, so that all last tokens stand in one column.
        """
        longest = max(map(len, ids))
        tokens = np.full((len(ids), longest), self.pad, dtype=np.int64)
        positions = np.full((len(ids), longest), -1, dtype=np.int64)
        for n, (start, some) in enumerate(zip(starts, ids, strict=True)):
            tokens[n, longest - len(some) :] = some
            positions[n, longest - len(some) :] = np.arange(start, start + len(some))
        at = torch.from_numpy(positions).to(self.device)
        fresh = not any(starts)
        read = None if fresh else int(positions.max()) + 1
        keys = at if fresh else torch.arange(int(positions.max()) + 1, device=self.device)[None]
        # Padding attends to something, or its values would not be finite.
        queries = at.clamp(min=0)
        mask = (keys[:, None, :] <= queries[:, :, None]) & (keys[:, None, :] >= 0)
        if self._window is not None:
            mask &= keys[:, None, :] > queries[:, :, None] - self._window
        if fresh:
            mask |= torch.eye(longest, dtype=torch.bool, device=self.device)
        written = torch.where(at < 0, self.cache.width, at)
        at_rows = torch.tensor(list(rows), device=self.device)
        self.cache.aim(at_rows, written, read, in_order=False)
        ids_at = torch.from_numpy(tokens).to(self.device)
        return self._forward(ids_at, queries, mask[:, None])[:, -1]

    def verify(self, row: int, start: int, ids: Sequence[int]) -> torch.Tensor:
        """Run ``ids`` behind the first ``start`` positions of a row.

        Returns the logits after each of them, ``[tokens, vocabulary]``.
        """
        end = start + len(ids)
        positions = torch.arange(start, end, device=self.device)[None]
        read = self._aligned(end)
        keys = torch.arange(read, device=self.device)
        mask = keys <= positions[:, :, None]
        if self._window is not None:
            mask &= keys > positions[:, :, None] - self._window
        rows = self._every_row[row : row + 1]
        self.cache.aim(rows, positions, read, in_order=row == 0)
        tokens = torch.tensor([list(ids)], device=self.device)
        return self._forward(tokens, positions, mask[:, None], keep=len(ids))[0]

    def decode(self, rows: int, longest: int) -> torch.Tensor:
        """One token for each of the first ``rows`` rows, of which none is past ``longest``.

        Returns logits ``[rows, vocabulary]``, overwritten by the next step.
        """
        if not self.graphs:
            return self._step(rows, self._aligned(longest))
        key = (rows, self._bucket(longest))
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._capture(*key)
        if graph is None:
            return self._step(rows, longest)
        graph.replay()
        assert self._logits is not None
        return self._logits[:rows]

    def rows_bucket(self, rows: int) -> int:
        """How many rows a step over the first ``rows`` runs."""
        return min(up(rows, _ROWS), self.cache.rows) if self.graphs else rows

    def move(self, sources: torch.Tensor, targets: torch.Tensor, length: int) -> None:
        """Give rows other places, with their first ``length`` positions."""
        self.cache.move(sources, targets, length)
        self.tokens[targets] = self.tokens[sources]
        self.positions[targets] = self.positions[sources]

    def _bucket(self, longest: int) -> int:
        step = 128 if longest <= 1024 else 512
        return min(-(-longest // step) * step, self.cache.length)

    def _aligned(self, longest: int) -> int:
        """On a CPU, whole blocks: sums over keys then have the same order in every step."""
        if self.device.type != "cpu":
            return longest
        return min(-(-longest // 64) * 64, self.cache.length)

    def _step(self, rows: int, read: int) -> torch.Tensor:
        positions = self.positions[:rows, None]
        keys = torch.arange(read, device=self.device)
        mask = keys <= positions
        if self._window is not None:
            mask &= keys > positions - self._window
        self.cache.aim(self._every_row[:rows], positions, read, in_order=True)
        return self._forward(self.tokens[:rows, None], positions, mask[:, None, None])[:, -1]

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor, keep: int = 1
    ) -> torch.Tensor:
        with self._kernels():
            logits: torch.Tensor = self.model(
                input_ids=ids,
                position_ids=positions,
                attention_mask=mask,
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=keep,
            ).logits
        return logits

    def _kernels(self) -> contextlib.AbstractContextManager[None]:
        """On CUDA, attention that takes masks and needs no plan for every new shape."""
        if self.device.type != "cuda":
            return contextlib.nullcontext()
        return sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])

    def _capture(self, rows: int, read: int) -> torch.cuda.CUDAGraph | None:
        try:
            # Libraries set themselves up in their first calls, which a graph must not hold.
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no types here
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                warm = self._step(rows, read)
            torch.cuda.current_stream().wait_stream(stream)
            if self._logits is None:
                shape = (self.cache.rows, warm.shape[-1])
                self._logits = torch.empty(shape, dtype=warm.dtype, device=self.device)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self._pool):
                self._logits[:rows].copy_(self._step(rows, read))
            self._pool = graph.pool()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as fault:
            self._without_graphs(str(fault).strip().split("\n")[0][:200])
            return None
        self._graphs[rows, read] = graph
        return graph

    def _without_graphs(self, reason: str) -> None:
        _LOG.warning("the model runs without CUDA graphs, so slower: %s", reason)
        self.graphs = False
