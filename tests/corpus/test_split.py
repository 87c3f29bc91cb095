"""Splits by schema: nothing on both sides, strata kept, the same from a seed."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlforge.core.errors import DataError
from sqlforge.corpus.split import Row, Side, split_by_schema


def made(count: int, seed: int = 1) -> list[Row]:
    """Rows of three strata over schemas of one to three of many tables, some very common."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        stratum = rng.choices([("a", "easy"), ("a", "hard"), ("b", "easy")], [6, 1, 3])[0]
        first = rng.randrange(count)
        tables = [f"t{first // 3}"]
        if rng.random() < 0.2:
            tables.append(f"t{(first + 1) // 3}")
        if rng.random() < 0.1:
            tables.append("people")
        found.append(Row(f"row-{number}", stratum, tables))
    return found


def tables_on(rows: list[Row], sides: bytes, side: Side) -> set[str]:
    return {t for row, s in zip(rows, sides, strict=True) if s == side for t in row.tables}


def test_no_table_is_on_both_sides() -> None:
    rows = made(3000)
    split = split_by_schema(rows, 200, seed=7)
    test, train = (tables_on(rows, split.sides, side) for side in (Side.TEST, Side.TRAIN))
    assert split.count(Side.TEST) == 200
    assert test and train and not test & train


@given(
    st.lists(st.lists(st.integers(0, 12), max_size=3), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(0, 3),
)
def test_whatever_the_schemas_share_no_table_is_on_both_sides(
    schemas: list[list[int]], wanted: int, seed: int
) -> None:
    rows = [Row(str(i), ("s", ""), [str(t) for t in tables]) for i, tables in enumerate(schemas)]
    try:
        split = split_by_schema(rows, wanted, seed)
    except DataError:
        return
    test, train = (tables_on(rows, split.sides, side) for side in (Side.TEST, Side.TRAIN))
    assert not test & train
    assert split.count(Side.TEST) == wanted == sum(split.strata.values())


def test_strata_have_their_share() -> None:
    rows = made(4000)
    split = split_by_schema(rows, 300, seed=7)
    everywhere = Counter(row.stratum for row in rows)
    for stratum, count in everywhere.items():
        assert abs(split.strata[stratum] - 300 * count / len(rows)) < 1
    drawn = Counter(r.stratum for r, s in zip(rows, split.sides, strict=True) if s == Side.TEST)
    assert drawn == Counter(split.strata)


def test_a_seed_gives_the_same_split_and_another_seed_another() -> None:
    rows = made(2000)
    one, same, other = (split_by_schema(rows, 100, seed=seed) for seed in (3, 3, 4))
    assert one == same
    assert one.sides != other.sides


def test_the_split_of_a_row_does_not_hang_on_the_order_of_rows() -> None:
    rows = [Row(f"r{i}", ("s", ""), [f"t{i // 4}"]) for i in range(400)]
    mixed = random.Random(5).sample(rows, len(rows))
    one, other = (
        {row.id: side for row, side in zip(some, split_by_schema(some, 30, 7).sides, strict=True)}
        for some in (rows, mixed)
    )
    assert one == other


def test_large_groups_stay_in_training() -> None:
    rows = [Row(f"big-{i}", ("s", ""), ["people"]) for i in range(200)]
    rows += [Row(f"small-{i}", ("s", ""), [f"t{i}"]) for i in range(20)]
    split = split_by_schema(rows, 20, seed=1)
    assert set(split.sides[:200]) == {Side.TRAIN} and set(split.sides[200:]) == {Side.TEST}


def test_rows_without_tables_are_never_held_out() -> None:
    rows = [Row("bare", ("s", ""), [])] + [Row(f"r{i}", ("s", ""), [f"t{i}"]) for i in range(5)]
    assert split_by_schema(rows, 5, seed=1).sides[0] == Side.TRAIN


def test_one_example_a_schema_is_drawn_while_there_are_schemas() -> None:
    rows = [Row(f"r{i}", ("s", ""), [f"t{i // 10}"]) for i in range(100)]
    split = split_by_schema(rows, 10, seed=1)
    drawn = [i // 10 for i, side in enumerate(split.sides) if side == Side.TEST]
    assert sorted(drawn) == list(range(10))


def test_too_few_schemas_are_refused_in_one_sentence() -> None:
    rows = [Row(f"r{i}", ("s", ""), ["one"]) for i in range(60)]
    with pytest.raises(DataError, match="0 of 60 rows in groups of at most 50 rows"):
        split_by_schema(rows, 5, seed=1)
