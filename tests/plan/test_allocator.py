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
    allocator = Allocator()
    allocator.allocate(size)
    assert allocator.reserved == reserved


def test_requests_are_rounded_to_512_bytes_and_share_a_segment() -> None:
    allocator = Allocator()
    for _ in range(4_096):
        allocator.allocate(1)
    assert allocator.allocated == 2 * MIB
    assert allocator.reserved == 2 * MIB


def test_a_freed_block_is_used_again_and_neighbours_join() -> None:
    allocator = Allocator()
    first, second = allocator.allocate(8 * MIB), allocator.allocate(8 * MIB)
    allocator.release(first)
    allocator.release(second)
    allocator.allocate(9 * MIB)
    assert allocator.reserved == 20 * MIB


def test_a_large_block_is_not_split_for_a_rest_of_a_mebibyte() -> None:
    allocator = Allocator()
    allocator.release(allocator.allocate(12 * MIB))
    kept = allocator.allocate(11 * MIB)
    assert kept.size == 12 * MIB
    assert allocator.allocated == 12 * MIB


def test_blocks_held_in_a_segment_keep_it_reserved() -> None:
    allocator = Allocator()
    whole = allocator.allocate(40 * MIB)
    allocator.release(whole)
    allocator.allocate(2 * MIB)  # out of the 40
    allocator.allocate(40 * MIB)
    allocator.empty_cache()
    assert allocator.reserved == 80 * MIB


def test_at_the_limit_unused_segments_are_given_back_before_memory_is_out() -> None:
    allocator = Allocator(limit=100 * MIB)
    allocator.release(allocator.allocate(60 * MIB))
    allocator.allocate(80 * MIB)
    assert allocator.reserved == 80 * MIB
    with pytest.raises(OutOfMemoryError):
        allocator.allocate(30 * MIB)


@given(st.lists(st.tuples(st.integers(1, 40 * MIB), st.booleans()), max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_byte_is_lost_whatever_the_order(requests: list[tuple[int, bool]]) -> None:
    allocator, held = Allocator(), []
    for size, keep in requests:
        block = allocator.allocate(size)
        assert block.size >= size
        held.append(block)
        if not keep:
            allocator.release(held.pop(len(held) // 2))
        assert allocator.allocated == sum(one.size for one in held)
        assert allocator.allocated <= allocator.reserved <= allocator.peak_reserved
    for block in held:
        allocator.release(block)
    allocator.empty_cache()
    assert (allocator.allocated, allocator.reserved) == (0, 0)


def test_a_tape_tells_what_was_in_use_at_its_peak() -> None:
    tape = Tape()
    tape.new(4 * MIB, "weights")
    stream = tape.new(16 * MIB)
    tape.new(12 * MIB, "logits")
    tape.free(stream)
    tape.new(2 * MIB, "gradients")
    peak = play(tape)
    assert peak.at_peak == {"weights": 4 * MIB, "activations": 16 * MIB, "logits": 12 * MIB}
    assert peak.allocated == tape.peak_bytes() == 32 * MIB
    assert peak.reserved == 20 * MIB + 12 * MIB


def test_a_peak_before_the_cache_is_emptied_does_not_count() -> None:
    tape = Tape()
    tape.free(tape.new(64 * MIB))
    tape.empty_cache()
    tape.new(12 * MIB)
    assert play(tape).reserved == 12 * MIB
