"""Random generators derived from what they are for, whatever the order of work."""

from __future__ import annotations

import hashlib
import random


def rng_for(*purpose: str | int) -> random.Random:
    """A generator that depends on ``purpose`` only.

    Python's ``hash`` changes from process to process; SHA-256 does not.

    >>> rng_for(7, "bakery").random() == rng_for(7, "bakery").random()
    True
    >>> rng_for(7, "bakery").random() == rng_for(7, "library").random()
    False
    """
    return random.Random(seed_for(*purpose))


def seed_for(*purpose: str | int) -> int:
    """A 64-bit seed from the words in ``purpose``."""
    text = "\x1f".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
