"""Graphics cards as their makers describe them, and a user's words for one.

Memory bandwidth stands in the data sheets; dense bf16 with fp32 sums too for data-centre cards
(A100, H100, H200, A10, L4, L40S data sheets). For GeForce cards it is multiprocessors × boost
clock × 512, from which the tables in NVIDIA's architecture white papers follow (GA102: RTX 3080
59.5, RTX 3090 71; AD102: RTX 4090 165.2; Blackwell: RTX 5070 61.7, RTX 5090 209.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlforge.core.errors import UserError
from sqlforge.plan.memory import OUTSIDE

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Card:
    """One card: memory in GiB, dense bf16 in TFLOP/s, bandwidth in GB/s.

    ``tflops`` and ``bandwidth`` are 0 for a card of which only the memory is known.
    """

    name: str
    memory_gib: float
    tflops: float = 0.0
    bandwidth: float = 0.0
    hopper: bool = False

    @property
    def usable(self) -> int:
        """Bytes that PyTorch may reserve: all but driver, context and loaded kernels."""
        return int(self.memory_gib * GIB) - OUTSIDE


CARDS = (
    Card("RTX 3060 12 GB", 12, 25.5, 360),
    Card("RTX 3080 Ti 12 GB", 12, 68.2, 912),
    Card("RTX 4070 12 GB", 12, 58.3, 504),
    Card("RTX 4070 Ti 12 GB", 12, 80.2, 504),
    Card("RTX 5070 12 GB", 12, 61.7, 672),
    Card("RTX 4060 Ti 16 GB", 16, 44.1, 288),
    Card("RTX 4080 16 GB", 16, 97.5, 717),
    Card("RTX 3090 24 GB", 24, 71.2, 936),
    Card("RTX 4090 24 GB", 24, 165.2, 1008),
    Card("RTX 5090 32 GB", 32, 209.5, 1792),
    Card("L4 24 GB", 24, 121, 300),
    Card("A10 24 GB", 24, 125, 600),
    Card("L40S 48 GB", 48, 362, 864),
    Card("A100 40 GB", 40, 312, 1555),
    Card("A100 80 GB", 80, 312, 2039),
    Card("H100 80 GB", 79.2, 989, 3350, hopper=True),
    Card("H200 141 GB", 139.8, 989, 4800, hopper=True),
)
"""Of the H100 and H200 the memory is what the driver shows."""

_MEMORY = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*(?:gb|gib|g)?", re.IGNORECASE)
_BRAND = re.compile(r"nvidia|geforce|rtx|tesla|hbm\d?|[^a-z0-9]")
_LARGEST = 1_000  # GiB; more is a slip of the keyboard


def find_card(text: str) -> Card:
    """The card that a user means: memory (``12GB``, ``12 GiB``) or a name (``rtx-3060``).

    Raises:
        UserError: neither, or a name that several cards have.

    >>> find_card("12GB").usable / GIB, find_card("rtx-3060").name, find_card("h100").tflops
    (11.25, 'RTX 3060 12 GB', 989)
    """
    if memory := _MEMORY.fullmatch(text.strip()):
        size = float(memory[1].replace(",", "."))
        named = any(_plain(card.name).startswith(_plain(text)) for card in CARDS)
        if OUTSIDE / GIB < size <= _LARGEST and not (named and size > 140):
            return Card(f"{size:g} GB", size)
    wanted = _plain(text)
    found = [card for card in CARDS if wanted and wanted in _names(card)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(
            f"--gpu '{text}', which may be {' or '.join(card.name for card in found)}",
            "one card",
            "add its memory",
        )
    raise UserError(
        f"--gpu '{text}'",
        f"memory such as 12GB, or one of {', '.join(card.name for card in CARDS)}",
        "name the card's memory if it is another one",
    )


def _plain(text: str) -> str:
    """Lower case without brand, blanks and signs: ``NVIDIA GeForce RTX 3060`` is ``3060``."""
    return _BRAND.sub("", text.lower())


def _names(card: Card) -> set[str]:
    """What a card may be called: with its memory or, as most do, without."""
    name, memory = _plain(card.name), re.search(r"(\d+) GB", card.name)
    assert memory is not None
    short = name.removesuffix(f"{memory[1]}gb")
    return {name, short, f"{short}{memory[1]}", f"{short}{memory[1]}gib"}
