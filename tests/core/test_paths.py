from pathlib import Path

import pytest

from sqlforge.core.paths import cache_dir, data_dir


def test_the_cache_is_where_the_first_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLFORGE_CACHE_DIR", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_dir() == Path("/a")
    monkeypatch.delenv("SQLFORGE_CACHE_DIR")
    assert cache_dir() == Path("/b/sqlforge")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/x")
    assert cache_dir() == Path("/home/x/.cache/sqlforge")


def test_an_explicit_data_folder_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SQLFORGE_DATA_DIR", "/sets")
    assert data_dir(Path("/mine")) == Path("/mine")
    assert data_dir() == Path("/sets")
    monkeypatch.delenv("SQLFORGE_DATA_DIR")
    assert data_dir() is None
