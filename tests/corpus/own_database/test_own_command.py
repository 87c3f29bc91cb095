"""``sqlforge synth --db`` as its callers meet it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from own_shop import sqlite_shop
from sqlforge import cli


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def synth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Run:
    """Run ``sqlforge synth`` in an empty folder, through the entry point."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sqlforge", "synth", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return Ended(int(ended.value.code or 0), shown.out, shown.err)

    return run


def test_the_command_prints_what_it_made_and_writes_it_where_json_says(
    synth: Run, tmp_path: Path
) -> None:
    shop = sqlite_shop(tmp_path / "shop.sqlite")
    facts = tmp_path / "facts.json"
    ended = synth("--db", shop, "--out", tmp_path / "out", "--n", 60, "--json", facts)
    assert ended.code == 0, ended.err
    said = json.loads(ended.out)
    assert said == json.loads(facts.read_text("utf-8"))
    assert said["questions"] == 60 and said["inferred_references"] == []
    names = {path.name for path in (tmp_path / "out").iterdir()}
    splits = {f"{part}.jsonl" for part in ("train", "validation", "test", "databases")}
    assert {*splits, "names.yaml", "summary.json"} <= names


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--db", "nowhere.sqlite", "--out", "out"], "no file at nowhere.sqlite"),
        (["--names", "names.yaml", "--out", "out"], "--db with them"),
        (["--db", "x.sqlite", "--max-tables", "2", "--out", "out"], "--max-tables with --db"),
        (["--db", "x.sqlite"], "no --out"),
        ([], "no --out"),
        (["--db", "oracle://ann:pa55w0rd@h/db", "--out", "out"], "install a driver for oracle"),
        (["--db", "ann:pa55w0rd@h/db", "--out", "out"], "cannot be parsed"),
        (["--db", "postgresql://ann:pa55w0rd@127.0.0.1:1/db", "--out", "out"], "***"),
    ],
)
def test_a_mistake_ends_in_one_sentence_without_a_password(
    arguments: list[str], said: str, synth: Run, tmp_path: Path
) -> None:
    ended = synth(*arguments)
    assert ended.code == 2, ended.err
    assert said in ended.err and "pa55w0rd" not in ended.err + ended.out
    assert ended.err.startswith("sqlforge: Got ") and ended.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_things_is_left_as_it_is(synth: Run, tmp_path: Path) -> None:
    shop = sqlite_shop(tmp_path / "shop.sqlite")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", "utf-8")
    ended = synth("--db", shop, "--out", tmp_path / "out", "--n", 20)
    assert ended.code == 2 and "which is not empty" in ended.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
