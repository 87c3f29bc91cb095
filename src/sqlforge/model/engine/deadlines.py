"""Texts with a deadline: as it nears they may have fewer tokens, and so come to an end in time."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from sqlforge.model.engine.batch import Batch

_NEWEST = 0.2  # weight of the last step in the pace
_MARGIN = 1.1  # steps get longer with their texts, and masks with what they forbid


class Deadlines:
    """Measures what a step takes, and lowers the limits of texts that would be late.

    The limit falls with every step that takes longer than was thought, so a text is bounded by
    what the machine does now, not by what it did in an empty room.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._step_s = 0.0

    def decode(self, batch: Batch) -> None:
        """A step of ``batch``, timed, after limits were lowered where time runs out."""
        self._lower(batch)
        if not batch.table.live.any():
            return
        began = self._clock()
        batch.decode()
        took = self._clock() - began
        self._step_s += (_NEWEST if self._step_s else 1.0) * (took - self._step_s)

    def _lower(self, batch: Batch) -> None:
        table = batch.table
        rows = np.flatnonzero(table.live & np.isfinite(table.deadline))
        if not len(rows) or not self._step_s:
            return
        fitting = (table.deadline[rows] - self._clock()) / (_MARGIN * self._step_s)
        late = fitting < table.limit[rows] - table.count[rows]
        if not late.any():
            return
        batch.drain()
        for row, tokens in zip(rows[late].tolist(), fitting[late].tolist(), strict=True):
            if table.live[row]:  # the drain may have been its end
                certain = int(table.certain[row] - table.count[row])
                batch.shorten(row, max(1, int(tokens), certain))
