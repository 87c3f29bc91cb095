"""Limits that fall as a deadline nears: by the pace of steps, not by a single one of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sqlforge.model.engine.deadlines import Deadlines

MOST = 100


class _Steps:
    """A batch of one text, whose steps take the seconds that they are told to."""

    def __init__(self, seconds: list[float], deadline: float) -> None:
        self.step_tokens = 1
        self.now, self.seconds, self.table = 0.0, seconds, self
        self.live, self.deadline = np.array([True]), np.array([deadline])
        self.count, self.limit, self.certain = (np.array([n]) for n in (0, MOST, 7))

    def decode(self) -> None:
        self.now += self.seconds.pop(0)
        self.count[0] += 1

    def drain(self) -> None:
        """Nothing is launched."""

    def shorten(self, row: int, tokens: int) -> None:
        self.limit[row] = min(self.limit[row], self.count[row] + tokens)


@pytest.mark.parametrize(
    ("seconds", "deadline", "limit"),
    [
        pytest.param([5.0] + 20 * [0.01], 9.0, MOST, id="the first one sets libraries up"),
        pytest.param(10 * [0.01] + [4.0] + 9 * [0.01], 6.0, MOST, id="one captures a graph"),
        pytest.param(20 * [0.1], 5.5, 50, id="all are slow"),
        pytest.param(10 * [0.01] + 10 * [0.2], 5.5, 33, id="they become slow"),
        pytest.param(20 * [0.01], -1.0, 7, id="late from the beginning: what is certain"),
    ],
)
def test_the_limit_falls_by_the_pace(seconds: list[float], deadline: float, limit: int) -> None:
    batch: Any = _Steps(seconds, deadline)
    deadlines = Deadlines(lambda: batch.now)
    while seconds and batch.count[0] < batch.limit[0]:
        deadlines.decode(batch)
    assert batch.limit[0] == pytest.approx(limit, abs=2)
