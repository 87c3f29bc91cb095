"""PyTorch's caching allocator on paper: what a sequence of allocations makes it reserve.

What a card must hold is not what tensors need but what the allocator took from the driver for
them. The rules are those of ``c10/cuda/CUDACachingAllocator.cpp``, on one stream:

- *fixed* segments (PyTorch's default): blocks come out of segments of 2 or 20 MiB or of their own
  size, are split and joined again, and a segment stays until it is asked back whole;
- *expandable* segments (how we train): one range of addresses for small and one for large
  requests, into which pages of 2 and 20 MiB are put at the end when no hole is large enough.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

MIB = 2**20
_ROUNDING = 512  # bytes; every request is rounded up to a multiple
_SMALL = MIB  # requests up to here come out of the small pool
_SMALL_PAGE = 2 * MIB
_LARGE_PAGE = 20 * MIB  # also the segment of requests below 10 MiB; larger ones get their own
_OWN_SEGMENT_FROM = 10 * MIB
_OWN_SEGMENT_ROUNDING = 2 * MIB
_ENDLESS = 2**60  # addresses that a range may still be given pages at


class OutOfMemoryError(Exception):
    """The sequence does not fit the limit; ``needed`` would have been reserved, in bytes."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"{needed:,} bytes")
        self.needed = needed


@dataclass(slots=True, eq=False)
class Block:
    """A piece of a segment with its neighbours there; ``start`` is its address in it.

    ``mapped`` blocks have memory behind them, ``free`` ones hold nothing.
    """

    number: int
    start: int
    size: int
    small: bool
    before: Block | None = None
    after: Block | None = None
    free: bool = False
    mapped: bool = True


@dataclass(slots=True)
class Allocator:
    """Takes and gives back memory as PyTorch does.

    Args:
        limit: bytes that may be reserved, as ``torch.cuda.set_per_process_memory_fraction`` sets.
        expandable: whether segments are expandable.

    >>> allocator = Allocator(expandable=False)
    >>> tensor = allocator.allocate(3 * 2**20)
    >>> allocator.allocated // 2**20, allocator.reserved // 2**20
    (3, 20)
    >>> allocator.release(tensor)
    >>> allocator.allocated, allocator.peak_reserved // 2**20
    (0, 20)
    """

    limit: int | None = None
    expandable: bool = True
    allocated: int = 0
    reserved: int = 0
    peak_reserved: int = 0
    _numbers: int = 0
    _small: list[tuple[int, int, Block]] = field(default_factory=list)
    _large: list[tuple[int, int, Block]] = field(default_factory=list)
    _unmapped: dict[bool, list[Block]] = field(default_factory=dict)

    def allocate(self, size: int) -> Block:
        """A block of at least ``size`` bytes.

        Raises:
            OutOfMemoryError: the limit stands in the way even after what is unused is given back.
        """
        size = max(_ROUNDING, -(-size // _ROUNDING) * _ROUNDING)
        small = size <= _SMALL
        block = self._best_fit(size, small) or self._new(size, small)
        left = block.size - size
        if left >= _ROUNDING if small or self.expandable else left > _SMALL:
            self._keep(self._cut(block, size))
        self.allocated += block.size
        return block

    def release(self, block: Block) -> None:
        """Give a block back; free neighbours join it."""
        self.allocated -= block.size
        self._keep(block)

    def empty_cache(self) -> None:
        """Give back what nothing is in: whole segments, or pages of expandable ones."""
        for blocks in (self._small, self._large):
            for entry in list(blocks):
                if self.expandable:
                    self._unmap(entry[2])
                elif entry[2].before is None and entry[2].after is None:
                    blocks.remove(entry)
                    self.reserved -= entry[0]

    def _free_blocks(self, small: bool) -> list[tuple[int, int, Block]]:
        return self._small if small else self._large

    def _best_fit(self, size: int, small: bool) -> Block | None:
        blocks = self._free_blocks(small)
        place = bisect_left(blocks, (size, 0))
        if place == len(blocks):
            return None
        # A block that can grow counts with what it can grow by, so that others go first.
        while place + 1 < len(blocks) and _reach(blocks[place + 1][2]) < _reach(blocks[place][2]):
            place += 1
        block = blocks.pop(place)[2]
        block.free = False
        return block

    def _new(self, size: int, small: bool) -> Block:
        """A block of memory that was not reserved before."""
        asked = _segment(size, small)
        if self.limit is not None and self.reserved + asked > self.limit:
            self.empty_cache()
            if self.reserved + asked > self.limit:
                raise OutOfMemoryError(self.reserved + asked)
        if self.expandable:
            return self._map(size, small)
        self._reserve(asked)
        return self._block(0, asked, small)

    def _map(self, size: int, small: bool) -> Block:
        """Put pages at the first place with room, behind the free block before it if any."""
        ranges = self._unmapped.setdefault(small, [])
        if not ranges:
            ranges.append(self._block(0, _ENDLESS, small))
            ranges[0].mapped = False
        for empty in ranges:
            first = empty.before if empty.before is not None and empty.before.free else None
            have = first.size if first is not None else 0
            behind = empty.after if empty.after is not None and empty.after.free else None
            if have + empty.size + (behind.size if behind is not None else 0) >= size:
                break
        pages = min(_pages(size - have, small), empty.size)
        self._reserve(pages)
        if pages < empty.size:
            rest = self._cut(empty, pages)
            rest.mapped = False
            ranges[ranges.index(empty)] = rest
        else:
            ranges.remove(empty)
        empty.mapped = True
        self._keep(empty)
        # It has joined what was free around it.
        self._free_blocks(small).remove((empty.size, empty.number, empty))
        empty.free = False
        return empty

    def _unmap(self, block: Block) -> None:
        """Give back the pages that lie wholly in a free block."""
        page = _SMALL_PAGE if block.small else _LARGE_PAGE
        begin = -(-block.start // page) * page
        end = (block.start + block.size) // page * page
        if begin >= end:
            return
        self._free_blocks(block.small).remove((block.size, block.number, block))
        block.free = False
        if block.start < begin:
            rest = self._cut(block, begin - block.start)
            self._keep(block)
            block = rest
        if block.size > end - begin:
            self._keep(self._cut(block, end - begin))
        self.reserved -= block.size
        block.mapped = False
        ranges = self._unmapped[block.small]
        for other in (block.before, block.after):
            if other is not None and not other.mapped:
                ranges.remove(other)
                self._join(block, other)
        ranges.append(block)
        ranges.sort(key=lambda one: one.start)

    def _reserve(self, size: int) -> None:
        self.reserved += size
        self.peak_reserved = max(self.peak_reserved, self.reserved)

    def _block(self, start: int, size: int, small: bool) -> Block:
        self._numbers += 1
        return Block(self._numbers, start, size, small)

    def _keep(self, block: Block) -> None:
        """Put a block among the free ones, joined with free neighbours."""
        for other in (block.before, block.after):
            if other is not None and other.free:
                self._free_blocks(other.small).remove((other.size, other.number, other))
                self._join(block, other)
        block.free = True
        insort(self._free_blocks(block.small), (block.size, block.number, block))

    def _cut(self, block: Block, size: int) -> Block:
        """Leave ``size`` bytes to a block and return the rest, its neighbour from now on."""
        rest = self._block(block.start + size, block.size - size, block.small)
        rest.before, rest.after = block, block.after
        if block.after is not None:
            block.after.before = rest
        block.size, block.after = size, rest
        return rest

    def _join(self, block: Block, other: Block) -> None:
        block.size += other.size
        if other is block.before:
            block.start, block.before = other.start, other.before
            if other.before is not None:
                other.before.after = block
        else:
            block.after = other.after
            if other.after is not None:
                other.after.before = block


def _reach(block: Block) -> int:
    """The size that a free block may come to, with unmapped addresses behind it."""
    after = block.after
    return block.size if after is None or after.mapped else block.size + after.size


def _segment(size: int, small: bool) -> int:
    """The fixed segment that a request of ``size`` bytes takes."""
    if small:
        return _SMALL_PAGE
    if size < _OWN_SEGMENT_FROM:
        return _LARGE_PAGE
    return -(-size // _OWN_SEGMENT_ROUNDING) * _OWN_SEGMENT_ROUNDING


def _pages(size: int, small: bool) -> int:
    page = _SMALL_PAGE if small else _LARGE_PAGE
    return -(-size // page) * page
