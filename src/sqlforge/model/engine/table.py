"""What the host knows of each row, in arrays, so that a step costs Python nothing a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from sqlforge.model.engine.request import Request, Ticket

Ended = Callable[[np.ndarray, np.ndarray], None]
Stuck = Callable[[np.ndarray], None]


@dataclass(slots=True, eq=False)
class Job:
    """A request that waits or runs, and what it has written so far."""

    request: Request
    ticket: Ticket
    limit: int
    uniforms: np.ndarray | None
    written: list[int] = field(default_factory=list)
    logprob: float = 0.0
    unadvanced: int = -1
    streamed: int = 0

    @property
    def ids(self) -> tuple[int, ...]:
        """All that stands before the next token."""
        return (*self.request.prompt, *self.written)


@dataclass(slots=True, eq=False)
class Launched:
    """Tokens that the device is choosing: their rows, and where they will be on the host."""

    rows: np.ndarray
    told: torch.Tensor
    ready: torch.cuda.Event | None

    def wait(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens and their log-probabilities."""
        if self.ready is not None:
            self.ready.synchronize()
        found = self.told.numpy()
        return found[0].astype(np.int64), found[1]


class Table:
    """The rows of the running texts.

    Args:
        rows: how many.
        most: tokens of the longest text to be written.
    """

    def __init__(self, rows: int, most: int) -> None:
        self.jobs: list[Job | None] = [None] * rows
        self.cursors: list[Any] = [None] * rows
        self.live = np.zeros(rows, dtype=bool)
        self.written = np.zeros((rows, most), dtype=np.int64)
        self.count = np.zeros(rows, dtype=np.int64)
        self.limit = np.zeros(rows, dtype=np.int64)
        self.deadline = np.full(rows, np.inf)
        self.certain = np.zeros(rows, dtype=np.int64)
        self.position = np.zeros(rows, dtype=np.int64)
        self.logprob = np.zeros(rows, dtype=np.float64)
        self.temperature = np.zeros(rows, dtype=np.float32)
        self.uniforms = np.zeros((rows, most), dtype=np.float64)
        self.unadvanced = np.full(rows, -1, dtype=np.int64)
        self.streamed = np.zeros(rows, dtype=bool)
        self.constrained = 0

    @property
    def extent(self) -> int:
        """Rows up to the last live one."""
        found = np.flatnonzero(self.live)
        return int(found[-1]) + 1 if len(found) else 0

    def widen(self, most: int) -> None:
        """Make room for longer texts."""
        more = most - self.written.shape[1]
        if more > 0:
            self.written = np.pad(self.written, ((0, 0), (0, more)))
            self.uniforms = np.pad(self.uniforms, ((0, 0), (0, more)))

    def enter(self, row: int, job: Job) -> None:
        """Give a free row to a job."""
        assert not self.live[row]
        self.widen(job.limit)
        done = len(job.written)
        self.jobs[row], self.cursors[row] = job, job.request.constraint
        self.live[row] = True
        self.written[row, :done] = job.written
        self.count[row], self.limit[row] = done, job.limit
        self.deadline[row], self.certain[row] = job.request.deadline, job.request.certain_tokens
        self.position[row] = len(job.ids)
        self.logprob[row] = job.logprob
        self.temperature[row] = job.request.temperature
        if job.uniforms is not None:
            self.uniforms[row, : job.limit] = job.uniforms
        self.unadvanced[row] = job.unadvanced
        self.streamed[row] = job.ticket.listening
        self.constrained += job.request.constraint is not None

    def leave(self, row: int) -> Job:
        """Free a row; its job gets what it wrote."""
        job = self.jobs[row]
        assert job is not None
        job.written = self.written[row, : self.count[row]].tolist()
        job.logprob = float(self.logprob[row])
        job.unadvanced = int(self.unadvanced[row])
        self.constrained -= job.request.constraint is not None
        self.jobs[row] = self.cursors[row] = None
        self.live[row] = self.streamed[row] = False
        self.temperature[row], self.unadvanced[row], self.deadline[row] = 0, -1, np.inf
        return job

    def record(self, rows: np.ndarray, tokens: np.ndarray, logprobs: np.ndarray) -> None:
        """Take one further token of each of ``rows``."""
        self.written[rows, self.count[rows]] = tokens
        self.count[rows] += 1
        self.position[rows] += 1
        self.logprob[rows] += logprobs
        self.unadvanced[rows] = tokens

    def move(self, sources: np.ndarray, targets: np.ndarray) -> None:
        """Give live rows other, free places."""
        for array in (
            self.written, self.count, self.limit, self.position, self.logprob, self.temperature,
            self.uniforms, self.unadvanced, self.streamed, self.live, self.deadline, self.certain,
        ):  # fmt: skip
            array[targets] = array[sources]
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            for some in (self.jobs, self.cursors):
                some[target], some[source] = some[source], None
        self.live[sources] = self.streamed[sources] = False
        self.temperature[sources], self.unadvanced[sources] = 0, -1
        self.deadline[sources] = np.inf
