"""What a server is told when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from sqlforge.serve.keys import Key


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Limits and names of one server.

    Args:
        model: the name that clients ask for.
        keys: who may ask; everybody without any.
        hosts: names that requests may call the server by, for one that only its own machine is
            to reach; any if ``None``.
        body_bytes: what a request may hold.
        body_seconds: how long a client may take to send it.
        per_minute: requests of one key, or of one address where there are no keys; unlimited if
            ``None``.
        running: texts that are written at once.
        waiting: texts that may wait for them; more are refused with 429.
        choices: texts that one request may ask for.
    """

    model: str
    keys: tuple[Key, ...] = ()
    hosts: tuple[str, ...] | None = None
    body_bytes: int = 256 * 1024
    body_seconds: float = 30.0
    per_minute: int | None = None
    running: int = 32
    waiting: int = 256
    choices: int = 16
