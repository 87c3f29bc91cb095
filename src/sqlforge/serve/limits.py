"""How much may be asked: requests of one client in a minute, and texts at once over all."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from sqlforge.serve.faults import RefusedError

_CLIENTS = 10_000


class Rates:
    """A bucket of requests for each client, filled evenly over a minute.

    >>> rates = Rates(2, clock=lambda: 0.0)
    >>> [rates.wait_s("ann") for _ in range(3)]
    [0, 0, 30]
    """

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> int:
        """Take one request; else the seconds until there is one again, 1 at least."""
        if self._size is None:
            return 0
        now = self._clock()
        left, then = self._buckets.pop(client, (float(self._size), now))
        left = min(float(self._size), left + (now - then) * self._size / 60)
        allowed = left >= 1
        self._buckets[client] = (left - allowed, now)
        if len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
        return 0 if allowed else max(1, math.ceil((1 - left) * 60 / self._size))


class Room:
    """Texts that are being written or wait; a bounded number.

    Args:
        running: how many are written at once.
        waiting: how many more may wait.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self.running, self.most = running, running + waiting
        self.taken = 0
        self.closed = False
        self._usual_s = 1.0

    def enter(self, texts: int = 1, param: str = "n") -> None:
        """Take room for so many texts, which the request's field ``param`` asks for.

        Raises:
            RefusedError: 503 if the server is stopping, 429 if there is no room.
        """
        if self.closed:
            raise stopping()
        if texts > self.most:
            message = f"Got {texts} texts in one request, expected {self.most} at most."
            raise RefusedError(400, message, param=param)
        if self.taken + texts > self.most:
            raise RefusedError(
                429,
                f"{self.taken} texts are being written or wait, which is all there is room for: "
                "ask again later.",
                "queue_full",
                retry_s=self.retry_s(),
            )
        self.taken += texts

    def leave(self, texts: int, seconds: float) -> None:
        """Give the room back; ``seconds`` is how long it was taken."""
        self.taken -= texts
        self._usual_s += 0.1 * (seconds - self._usual_s)

    def retry_s(self) -> int:
        """When to ask again: what is before one, at the usual speed; 1 to 60."""
        queue = max(0, self.taken - self.running)
        return min(60, max(1, math.ceil(self._usual_s * queue / max(1, self.running))))


def stopping() -> RefusedError:
    """What a server says that finishes what runs and takes nothing new."""
    return RefusedError(503, "The server is stopping: ask another one.", "stopping", retry_s=5)
