"""What a training step allocates and frees, in its order, each piece with its purpose."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from sqlforge.plan.allocator import Allocator, Block

Purpose = Literal[
    "weights", "head", "norms", "adapters", "gradients", "optimizer",
    "activations", "logits", "dequantised", "kernels",
]  # fmt: skip
Piece = int
"""A number on the tape: one allocation until it is freed."""


@dataclass(slots=True)
class Tape:
    """A sequence of allocations and frees; pieces never freed live on.

    ``in_place`` is how autograd adds gradients on CUDA; under PyTorch's dispatch modes, with which
    a step can be traced elsewhere, it makes a third tensor.

    >>> tape = Tape()
    >>> a = tape.new(2**20, "weights")
    >>> b = tape.new(2**21, "activations")
    >>> tape.free(b)
    >>> tape.peak_bytes()
    3145728
    """

    events: list[tuple[Piece, int]] = field(default_factory=list)
    purposes: list[Purpose] = field(default_factory=list)
    in_place: bool = True

    def new(self, size: int, purpose: Purpose = "activations") -> Piece:
        """Note an allocation of ``size`` bytes."""
        piece = len(self.purposes)
        self.purposes.append(purpose)
        self.events.append((piece, size))
        return piece

    def free(self, *pieces: Piece | None) -> None:
        """Note that pieces are freed; ``None`` was never allocated."""
        self.events.extend((piece, -1) for piece in pieces if piece is not None)

    def added(self, first: Piece, second: Piece, size: int) -> Piece:
        """The sum of two gradients of ``size`` bytes; autograd writes it into the first."""
        if self.in_place:
            self.free(second)
            return first
        total = self.new(size)
        self.free(first, second)
        return total

    def empty_cache(self) -> None:
        """Note ``torch.cuda.empty_cache()``; peaks count from here on."""
        self.events.append((-1, 0))

    def peak_bytes(self) -> int:
        """The most that is allocated at once, before any rounding."""
        sizes: dict[Piece, int] = {}
        live = peak = 0
        for piece, size in self.events:
            if piece >= 0:
                live += size if size >= 0 else -sizes[piece]
                sizes[piece] = size
                peak = max(peak, live)
        return peak


@dataclass(frozen=True, slots=True)
class Peak:
    """What the allocator held when most was in use, and the most that it ever reserved.

    ``at_peak`` are bytes by purpose at the moment of most bytes in use.
    """

    allocated: int
    reserved: int
    at_peak: dict[Purpose, int]


def play(tape: Tape, limit: int | None = None, *, expandable: bool = True) -> Peak:
    """Run a tape through the allocator, see :class:`sqlforge.plan.allocator.Allocator`.

    Raises:
        OutOfMemoryError: it does not fit ``limit``.
    """
    allocator = Allocator(limit, expandable)
    blocks: dict[Piece, Block] = {}
    live: Counter[Purpose] = Counter()
    peak, at_peak = 0, dict(live)
    purposes = tape.purposes
    for piece, size in tape.events:
        if piece < 0:
            allocator.empty_cache()
            allocator.peak_reserved, peak = allocator.reserved, 0
        elif size < 0:
            block = blocks.pop(piece)
            live[purposes[piece]] -= block.size
            allocator.release(block)
        else:
            block = blocks[piece] = allocator.allocate(size)
            live[purposes[piece]] += block.size
            if allocator.allocated > peak:
                peak, at_peak = allocator.allocated, dict(live)
    return Peak(peak, allocator.peak_reserved, at_peak)
