"""How long an answer may take, and what of that is the model's and the database's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

_LATE = 0.25  # of the time, for the statement of an answer that is late anyway
_WRITING = 0.92  # of the time; the rest is the least that the database gets


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer may take.

    Args:
        seconds: from question to rows; nothing is held to ``math.inf``.
        queries: whether statements are held to what the model has left of them, too; else only
            to their own deadline.
    """

    seconds: float = math.inf
    queries: bool = True

    @classmethod
    def told(cls, seconds: float, timeout: float | None) -> Patience:
        """As ``--answer-seconds`` (0: none) and ``--timeout``, if it was given, have it.

        >>> Patience.told(0, None), Patience.told(2, 30.0)
        (Patience(seconds=inf, queries=True), Patience(seconds=2, queries=False))
        """
        return cls(seconds or math.inf, timeout is None)

    def begin(self, clock: Callable[[], float] = time.monotonic) -> Clock:
        """The clock of one answer, which runs from now on."""
        return Clock(self, clock(), clock)


@dataclass(frozen=True, slots=True)
class Clock:
    """One answer's time.

    >>> now = iter([100.0, 101.0, 101.9])
    >>> clock = Patience(2.0).begin(lambda: next(now))
    >>> round(clock.writing, 2), round(clock.query_s(), 2), round(clock.query_s(), 2)
    (101.84, 1.0, 0.16)
    """

    patience: Patience
    began: float
    now: Callable[[], float]

    @property
    def writing(self) -> float:
        """When the model should have written, on :func:`time.monotonic`'s clock."""
        return self.began + _WRITING * self.patience.seconds

    def query_s(self) -> float | None:
        """Seconds that a statement may take now; ``None`` is as many as it always may."""
        if not self.patience.queries or math.isinf(self.patience.seconds):
            return None
        left = self.began + self.patience.seconds - self.now()
        least = 1 - _WRITING if left > 0 else _LATE
        return max(left, least * self.patience.seconds)


UNBOUNDED = Patience()
