from __future__ import annotations

import gc
import random
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from sqlforge.core.errors import StorageError
from sqlforge.core.records import Example
from sqlforge.core.spool import spooled

EXAMPLES = [Example(f"x{i}", f"é {i}?\0", "SELECT 1" * (i % 7), "db", "s", "l") for i in range(50)]


def test_few_rows_are_a_tuple_and_many_a_sequence_of_equal_rows() -> None:
    assert spooled(EXAMPLES, 50) == tuple(EXAMPLES)
    long = spooled(iter(EXAMPLES), 10)
    assert not isinstance(long, tuple)
    assert list(long) == EXAMPLES
    assert len(long) == 50


def test_rows_are_found_at_any_place_in_any_order() -> None:
    long = spooled(EXAMPLES, 10)
    places = list(range(-50, 50))
    random.Random(1).shuffle(places)
    assert [long[i] for i in places] == [EXAMPLES[i] for i in places]
    assert long[40:2:-3] == tuple(EXAMPLES[40:2:-3])
    assert EXAMPLES[7] in long
    with pytest.raises(IndexError):
        long[50]


def test_two_readers_do_not_disturb_each_other() -> None:
    long = spooled(EXAMPLES, 10)
    assert list(zip(long, long, strict=True)) == list(zip(EXAMPLES, EXAMPLES, strict=True))


def test_what_fails_while_rows_are_made_is_raised() -> None:
    def rows() -> Iterator[int]:
        yield from range(20)
        raise ValueError("the 20th")

    with pytest.raises(ValueError, match="the 20th"):
        spooled(rows(), 10)


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_the_file_is_closed_with_the_sequence() -> None:
    gc.collect()
    before = open_files()
    long = spooled(EXAMPLES, 10)
    assert open_files() == before + 1
    del long
    gc.collect()
    assert open_files() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is full")
@pytest.mark.parametrize("rows", [[b"x"] * 20, [b"x" * 2**20] * 20])
@pytest.mark.filterwarnings("error")
def test_a_full_disk_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, rows: list[bytes]
) -> None:
    full = partial(Path("/dev/full").open, "w+b")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda prefix: full())
    with pytest.raises(StorageError, match="No space left on device"):
        spooled(rows, 10)
    gc.collect()
