"""PyTorch's caching allocator on paper: what a sequence of allocations makes it reserve.

What a card must hold is not what tensors need but what the allocator took from the driver for
them: blocks come out of segments, are split and joined again, and a segment stays until it is
asked back. The rules are those of ``c10/cuda/CUDACachingAllocator.cpp`` with default settings.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

MIB = 2**20
_ROUNDING = 512  # bytes; every request is rounded up to a multiple
_SMALL = MIB  # requests up to here come out of small segments
_SMALL_SEGMENT = 2 * MIB
_LARGE_SEGMENT = 20 * MIB  # of requests below 10 MiB; larger ones get their own
_OWN_SEGMENT_FROM = 10 * MIB
_OWN_SEGMENT_ROUNDING = 2 * MIB


class OutOfMemoryError(Exception):
    """The sequence does not fit the limit; ``needed`` would have been reserved, in bytes."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"{needed:,} bytes")
        self.needed = needed


@dataclass(slots=True, eq=False)
class Block:
    """A piece of a segment, free or in use, with its neighbours there."""

    number: int
    size: int
    small: bool
    before: Block | None = None
    after: Block | None = None
    free: bool = False


@dataclass(slots=True)
class Allocator:
    """Takes and gives back memory as PyTorch does on one stream.

    Args:
        limit: bytes that may be reserved, as ``torch.cuda.set_per_process_memory_fraction`` sets.

    >>> allocator = Allocator()
    >>> tensor = allocator.allocate(3 * 2**20)
    >>> allocator.allocated // 2**20, allocator.reserved // 2**20
    (3, 20)
    >>> allocator.release(tensor)
    >>> allocator.allocated, allocator.peak_reserved // 2**20
    (0, 20)
    """

    limit: int | None = None
    allocated: int = 0
    reserved: int = 0
    peak_reserved: int = 0
    _numbers: int = 0
    _small: list[tuple[int, int, Block]] = field(default_factory=list)
    _large: list[tuple[int, int, Block]] = field(default_factory=list)

    def allocate(self, size: int) -> Block:
        """A block of at least ``size`` bytes.

        Raises:
            OutOfMemoryError: the limit stands in the way even after unused segments are given back.
        """
        size = max(_ROUNDING, -(-size // _ROUNDING) * _ROUNDING)
        small = size <= _SMALL
        block = self._best_fit(size, small) or self._new_segment(size, small)
        left = block.size - size
        if left >= _ROUNDING if small else left > _SMALL:
            self._split(block, size)
        self.allocated += block.size
        return block

    def release(self, block: Block) -> None:
        """Give a block back; free neighbours join it."""
        self.allocated -= block.size
        for other in (block.before, block.after):
            if other is not None and other.free:
                self._free_blocks(other.small).remove((other.size, other.number, other))
                self._join(block, other)
        block.free = True
        insort(self._free_blocks(block.small), (block.size, block.number, block))

    def empty_cache(self) -> None:
        """Give segments back that nothing of is in use."""
        for blocks in (self._small, self._large):
            for entry in [e for e in blocks if e[2].before is None and e[2].after is None]:
                blocks.remove(entry)
                self.reserved -= entry[0]

    def _free_blocks(self, small: bool) -> list[tuple[int, int, Block]]:
        return self._small if small else self._large

    def _best_fit(self, size: int, small: bool) -> Block | None:
        blocks = self._free_blocks(small)
        place = bisect_left(blocks, (size, 0))
        if place == len(blocks):
            return None
        block = blocks.pop(place)[2]
        block.free = False
        return block

    def _new_segment(self, size: int, small: bool) -> Block:
        if small:
            segment = _SMALL_SEGMENT
        elif size < _OWN_SEGMENT_FROM:
            segment = _LARGE_SEGMENT
        else:
            segment = -(-size // _OWN_SEGMENT_ROUNDING) * _OWN_SEGMENT_ROUNDING
        if self.limit is not None and self.reserved + segment > self.limit:
            self.empty_cache()
            if self.reserved + segment > self.limit:
                raise OutOfMemoryError(self.reserved + segment)
        self.reserved += segment
        self.peak_reserved = max(self.peak_reserved, self.reserved)
        return self._block(segment, small)

    def _block(self, size: int, small: bool) -> Block:
        self._numbers += 1
        return Block(self._numbers, size, small)

    def _split(self, block: Block, size: int) -> None:
        rest = self._block(block.size - size, block.small)
        rest.before, rest.after, rest.free = block, block.after, True
        if block.after is not None:
            block.after.before = rest
        block.size, block.after = size, rest
        insort(self._free_blocks(block.small), (rest.size, rest.number, rest))

    def _join(self, block: Block, other: Block) -> None:
        block.size += other.size
        if other is block.before:
            block.before = other.before
            if other.before is not None:
                other.before.after = block
        else:
            block.after = other.after
            if other.after is not None:
                other.after.before = block
