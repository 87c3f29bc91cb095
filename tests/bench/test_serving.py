"""The load bench in small: clients, a queue that is full, and a stop."""

from __future__ import annotations

import pytest

import serving


@pytest.mark.soak
def test_a_load_beyond_the_queue_makes_no_fault_and_memory_stays_flat() -> None:
    rows = {row.name: row for row in serving.measured(clients=60, seconds=60)}
    missed = [row for row in rows.values() if row.met is False]
    assert not missed
    assert rows["answers"].value > 60
