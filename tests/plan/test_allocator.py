"""The allocator on paper keeps PyTorch's rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlforge.plan.allocator import MIB, Allocator, OutOfMemoryError
from sqlforge.plan.tape import Tape, play


@pytest.mark.parametrize(
    ("size", "reserved"),
    [
        (1, 2 * MIB),  # small requests share segments of 2 MiB
        (MIB, 2 * MIB),
        (MIB + 1, 20 * MIB),  # up to 10 MiB share segments of 20
        (10 * MIB - 512, 20 * MIB),
        (10 * MIB, 10 * MIB),  # larger ones get their own, rounded to 2 MiB
        (21 * MIB, 22 * MIB),
    ],
)
def test_a_first_request_reserves_a_segment_of_pytorchs_sizes(size: int, reserved: int) -> None:
    allocator = Allocator(expandable=False)
    allocator.allocate(size)
    assert allocator.reserved == reserved


def test_requests_are_rounded_to_512_bytes_and_share_a_segment() -> None:
    allocator = Allocator(expandable=False)
    for _ in range(4_096):
        allocator.allocate(1)
    assert allocator.allocated == 2 * MIB
    assert allocator.reserved == 2 * MIB


def test_a_freed_block_is_used_again_and_neighbours_join() -> None:
    allocator = Allocator(expandable=False)
    first, second = allocator.allocate(8 * MIB), allocator.allocate(8 * MIB)
    allocator.release(first)
    allocator.release(second)
    allocator.allocate(9 * MIB)
    assert allocator.reserved == 20 * MIB


def test_a_large_block_is_not_split_for_a_rest_of_a_mebibyte() -> None:
    allocator = Allocator(expandable=False)
    allocator.release(allocator.allocate(12 * MIB))
    kept = allocator.allocate(11 * MIB)
    assert kept.size == 12 * MIB
    assert allocator.allocated == 12 * MIB


def test_blocks_held_in_a_segment_keep_it_reserved() -> None:
    allocator = Allocator(expandable=False)
    whole = allocator.allocate(40 * MIB)
    allocator.release(whole)
    allocator.allocate(2 * MIB)  # out of the 40
    allocator.allocate(40 * MIB)
    allocator.empty_cache()
    assert allocator.reserved == 80 * MIB


def test_at_the_limit_unused_segments_are_given_back_before_memory_is_out() -> None:
    allocator = Allocator(limit=100 * MIB, expandable=False)
    allocator.release(allocator.allocate(60 * MIB))
    allocator.allocate(80 * MIB)
    assert allocator.reserved == 80 * MIB
    with pytest.raises(OutOfMemoryError):
        allocator.allocate(30 * MIB)


@given(
    st.lists(st.tuples(st.integers(1, 40 * MIB), st.booleans(), st.booleans()), max_size=60),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_no_byte_is_lost_whatever_the_order(
    requests: list[tuple[int, bool, bool]], expandable: bool
) -> None:
    allocator, held = Allocator(expandable=expandable), []
    for size, keep, empty in requests:
        block = allocator.allocate(size)
        assert block.size >= size
        held.append(block)
        if not keep:
            allocator.release(held.pop(len(held) // 2))
        if empty:
            allocator.empty_cache()
        assert allocator.allocated == sum(one.size for one in held)
        assert allocator.allocated <= allocator.reserved <= allocator.peak_reserved
    if expandable:
        for small in (True, False):
            places = sorted((b.start, b.size) for b in held if b.small is small)
            ends = [start + size for start, size in places]
            starts = [start for start, _ in places[1:]]
            assert all(end <= start for end, start in zip(ends, starts, strict=False)), "overlap"
    for block in held:
        allocator.release(block)
    allocator.empty_cache()
    assert (allocator.allocated, allocator.reserved) == (0, 0)


def test_expandable_segments_grow_by_pages_and_fill_their_holes() -> None:
    allocator = Allocator()
    first = allocator.allocate(30 * MIB)
    assert allocator.reserved == 40 * MIB
    allocator.allocate(25 * MIB)  # 10 are there already
    assert allocator.reserved == 60 * MIB
    allocator.release(first)
    allocator.allocate(10 * MIB)
    allocator.allocate(20 * MIB)
    assert allocator.reserved == 60 * MIB, "both lie where the first was"


def test_the_end_that_can_grow_is_spared_where_another_hole_is_large_enough() -> None:
    allocator = Allocator()
    hole = allocator.allocate(19 * MIB)
    allocator.allocate(3 * MIB)
    allocator.release(hole)  # 19 MiB here, 18 at the end
    again = allocator.allocate(17 * MIB)
    assert again.start == 0


def test_sizes_that_vary_cost_fixed_segments_more_than_expandable_ones() -> None:
    reserved = []
    for expandable in (False, True):
        allocator = Allocator(expandable=expandable)
        for size in range(30 * MIB, 60 * MIB, 3 * MIB):
            allocator.release(allocator.allocate(size))
        reserved.append(allocator.peak_reserved)
    assert reserved[0] > 6 * reserved[1]
    assert reserved[1] == 60 * MIB


def test_pages_in_the_middle_are_given_back_and_used_again() -> None:
    allocator = Allocator(limit=120 * MIB)
    blocks = [allocator.allocate(40 * MIB) for _ in range(3)]
    allocator.release(blocks[1])
    allocator.empty_cache()
    assert allocator.reserved == 80 * MIB
    again = allocator.allocate(35 * MIB)
    assert again.start == 40 * MIB and allocator.reserved == 120 * MIB
    with pytest.raises(OutOfMemoryError):
        allocator.allocate(6 * MIB)


def test_a_tape_tells_what_was_in_use_at_its_peak() -> None:
    tape = Tape()
    tape.new(4 * MIB, "weights")
    stream = tape.new(16 * MIB)
    tape.new(12 * MIB, "logits")
    tape.free(stream)
    tape.new(2 * MIB, "gradients")
    peak = play(tape, expandable=False)
    assert peak.at_peak == {"weights": 4 * MIB, "activations": 16 * MIB, "logits": 12 * MIB}
    assert peak.allocated == tape.peak_bytes() == 32 * MIB
    assert peak.reserved == 20 * MIB + 12 * MIB


def test_a_peak_before_the_cache_is_emptied_does_not_count() -> None:
    tape = Tape()
    tape.free(tape.new(64 * MIB))
    tape.empty_cache()
    tape.new(12 * MIB)
    assert play(tape, expandable=False).reserved == 12 * MIB
    assert play(tape).reserved == 20 * MIB
