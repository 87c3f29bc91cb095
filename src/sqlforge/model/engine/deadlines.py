"""Texts with a deadline: as it nears they may have fewer tokens, and so come to an end in time."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable

import numpy as np

from sqlforge.model.engine.batch import Batch

_STEPS = 5  # the last ones, whose median is the pace
_FEWEST = 3  # steps that tell a pace: the first one sets libraries up
_MARGIN = 1.1  # steps get longer with their texts, and masks with what they forbid


class Deadlines:
    """Measures what a step takes, and lowers the limits of texts that would be late.

    The limit falls with every step that takes longer than was thought, so a text is bounded by
    what the machine does now, not by what it did in an empty room. It never rises again: one step
    that captures a CUDA graph takes as long as a hundred others, and must not count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._took: deque[float] = deque(maxlen=_STEPS)
        self._wrote: deque[int] = deque(maxlen=_STEPS)

    def decode(self, batch: Batch) -> None:
        """A step of ``batch``, timed, after limits were lowered where time runs out."""
        began = self._clock()
        self._lower(batch, began)  # which may wait for what the device does: part of the step
        if not batch.table.live.any():
            return
        batch.decode()
        self._took.append(self._clock() - began)
        self._wrote.append(batch.step_tokens)

    def _lower(self, batch: Batch, now: float) -> None:
        table = batch.table
        rows = np.flatnonzero(table.live & np.isfinite(table.deadline))
        if not len(rows) or len(self._took) < _FEWEST:
            return
        step = _MARGIN * max(statistics.median(self._took), 1e-6)
        pace = step / statistics.mean(self._wrote)
        fitting = (table.deadline[rows] - now) / pace
        late = fitting < table.limit[rows] - table.count[rows]
        if not late.any():
            return
        batch.drain()
        for row, tokens in zip(rows[late].tolist(), fitting[late].tolist(), strict=True):
            if table.live[row]:  # the drain may have been its end
                certain = int(table.certain[row] - table.count[row])
                batch.shorten(row, max(1, int(tokens), certain))
