"""The measurement takes its whole path on a CPU, in small; what it measures needs a card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from memory_plan import Kept, Row, claims, measured
from memory_plan_configs import CONFIGURATIONS


def test_enough_configurations_of_every_kind_are_held_out() -> None:
    held = [one for one in CONFIGURATIONS if one.held_out]
    assert len({one.name for one in CONFIGURATIONS}) == len(CONFIGURATIONS) >= 16
    assert len(held) >= 8
    for some in (held, [one for one in CONFIGURATIONS if not one.held_out]):
        assert len({one.model for one in some}) == 4
        assert len({one.tokens for one in some}) >= 4
        assert len({one.rank for one in some}) >= 3
        assert {one.optimizer for one in some} == {"adamw", "adamw-8bit", "paged-adamw-8bit"}
        assert {one.checkpointed is None for one in some} == {True, False}


@pytest.mark.parametrize("place", [0, 6, -2], ids=lambda place: CONFIGURATIONS[place].name)
def test_a_dry_run_takes_the_path_of_the_measurement(place: int) -> None:
    row = measured(CONFIGURATIONS[place], True)
    assert row.name == CONFIGURATIONS[place].name
    assert row.predicted > row.predicted_allocated > 0 and row.seconds > 0
    assert row.reserved == row.allocated == 0


def test_claims_tell_the_largest_error_and_that_of_the_held_out() -> None:
    rows = [
        Row(one.name, 104 if one.held_out else 98, 100, 90, 95, 1.0, 10, True, 0)
        for one in CONFIGURATIONS
    ]
    found = {row.name: row for row in claims(rows)}
    assert found["largest_error"].value == found["largest_error_held_out"].value
    assert found["largest_error"].value == pytest.approx(0.04)
    assert found["largest_error"].met and found["configurations_held_out"].met


def test_rows_are_kept_from_piece_to_piece_and_claimed_once_all_are_there(tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    row = Row("a", 104, 100, 90, 95, 1.0, 10, True, 0, "a card", "a commit")
    Kept(first, None).add(row)
    later = Kept(first, second)
    later.add(replace(row, name="b"))
    later.add(replace(row, seconds=2.0))
    assert Kept(second, None).rows == {"a": replace(row, seconds=2.0), "b": replace(row, name="b")}
    assert list(Kept(first, None).rows) == ["a"]
