from __future__ import annotations

import gc
import os

import pytest

from sqlforge.core.environment import let_threads_sleep, uncollected


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


def test_nothing_is_collected_while_libraries_are_loaded_and_then_again() -> None:
    assert gc.isenabled()
    with pytest.raises(ValueError, match="broken"), uncollected():
        assert not gc.isenabled()
        raise ValueError("broken")
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()  # as it was
    finally:
        gc.enable()
