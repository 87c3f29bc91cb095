"""Where a step's time goes, as the host sees it."""

from __future__ import annotations

import time
from collections import defaultdict


class Profile:
    """Seconds of each part of all steps so far; cheap enough to be on always.

    On CUDA a launch only queues work: waiting for the tokens is waiting for the forward pass.
    """

    def __init__(self) -> None:
        self.steps = self.tokens = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = 0.0

    def clear(self) -> None:
        """Begin anew."""
        self.steps = self.tokens = 0
        self.seconds.clear()

    def begin(self, rows: int) -> None:
        """A step over ``rows`` texts begins."""
        now = time.perf_counter()
        if self.steps:
            self.seconds["bookkeeping"] += now - self._last
        self._last = now  # admissions lie between steps, too
        self.steps += 1
        self.tokens += rows

    def end(self, part: str) -> None:
        """What was done since the last call was ``part``."""
        now = time.perf_counter()
        self.seconds[part] += now - self._last
        self._last = now
