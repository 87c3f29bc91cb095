from __future__ import annotations

import os

import pytest

from sqlforge.core.environment import let_threads_sleep


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, "0"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, None),
    ],
)
def test_threads_sleep_unless_somebody_has_said_how_they_wait(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], wanted: str | None
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    let_threads_sleep()
    assert os.environ.get("GOMP_SPINCOUNT") == wanted
