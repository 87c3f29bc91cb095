"""Steps of several tokens: guesses, and as many of them as the model would have written itself."""

from __future__ import annotations

import math

import numpy as np
import torch

from sqlforge.model.engine.drafts import Drafts
from sqlforge.model.engine.masks import Masks
from sqlforge.model.engine.profile import Profile
from sqlforge.model.engine.runner import Runner
from sqlforge.model.engine.sampling import choose
from sqlforge.model.engine.table import Ended, Stuck, Table


class Guessing:
    """Writes for a batch on a CPU while one greedy text runs alone.

    What is written are the model's choices, each with the log-probability that the pass gives it;
    its arguments are those of :class:`sqlforge.model.engine.batch.Batch`.
    """

    def __init__(
        self,
        drafts: Drafts,
        table: Table,
        runner: Runner,
        masks: Masks,
        ended: Ended,
        stuck: Stuck,
        profile: Profile,
    ) -> None:
        self._drafts, self._table, self._runner, self._masks = drafts, table, runner, masks
        self._ended, self._stuck, self._profile = ended, stuck, profile

    def step(self) -> int:
        """Write some tokens; how many, 0 where there is nothing to guess.

        Whatever was launched must be drained.
        """
        table, live = self._table, np.flatnonzero(self._table.live)
        if len(live) != 1 or table.temperature[live[0]] > 0:
            return 0
        row, job = int(live[0]), table.jobs[live[0]]
        assert job is not None
        written = table.written[row, : table.count[row]].tolist()
        room = int(table.limit[row] - table.count[row]) - 1
        draft = self._drafts.guess(job, job.request.prompt, written)[: max(0, room)]
        bits, cursor = None, table.cursors[row]
        if draft and cursor is not None:
            draft, bits = self._masks.along(cursor, int(table.unadvanced[row]), draft)
            table.unadvanced[row] = -1
        if not draft:
            return 0
        start = int(table.position[row]) - 1  # of the last token, which no pass has seen yet
        logits = self._runner.verify(row, start, [written[-1], *draft])
        self._profile.end("forward launched")
        return self._accept(row, draft, *choose(logits, bits, None, None))

    def _accept(self, row: int, draft: list[int], tokens: torch.Tensor, told: torch.Tensor) -> int:
        """Take the model's choices as long as the guesses before them were its choices, too."""
        table, rows, cursor = self._table, np.array([row]), self._table.cursors[row]
        wrote = 0
        for token, logprob in zip(tokens.tolist(), told.tolist(), strict=True):
            if not math.isfinite(logprob):
                self._stuck(rows)
                return max(1, wrote)
            table.record(rows, np.array([token]), np.array([logprob]))
            wrote += 1
            self._ended(rows, np.array([token]))
            if not table.live[row] or wrote > len(draft) or token != draft[wrote - 1]:
                break
            if cursor is not None:
                cursor.advance(token)
                table.unadvanced[row] = -1
        self._runner.tokens[row] = token
        self._runner.positions[row] = int(table.position[row]) - 1
        return wrote
