"""What the training bench makes of its rows."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import train_throughput
from train_rows import Asked, Measured

ROW = Measured("", 9_000.0, 9_000.0, 45.0, 9.0, 8.0, 1.0, "float32", "float32", 2.0)


def rows(**speeds: float) -> dict[str, Measured]:
    return {
        name: replace(ROW, name=name, tokens_per_second=speed, examples_per_second=speed / 200)
        for name, speed in speeds.items()
    }


def ratios(found: dict[str, Measured]) -> dict[str, float]:
    made = train_throughput.claims(found)
    return {row.name: row.value for row in made if row.name.startswith("to_")}


def test_ratios_are_to_the_better_setting_of_each_peer(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(
        mistral=12_000, mistral_shared_schemas=20_000, unsloth=5_000, unsloth_no_dropout=6_000,
        trl_liger=4_000, trl_liger_no_dropout=3_000, trl_reference=240,
    )  # fmt: skip
    assert ratios(found) == pytest.approx(
        {
            "to_unsloth": 2.0,
            "to_trl_liger": 3.0,
            "to_reference": 50.0,
            "to_reference_shared_schemas": 20_000 / 240,
        }
    )
    assert not capsys.readouterr().out


def test_peers_are_compared_with_our_row_of_their_precision() -> None:
    found = rows(
        mistral=12_000, mistral_16_bit=12_600, unsloth=6_000, unsloth_no_dropout=5_000,
        trl_liger=4_000, trl_liger_no_dropout=4_200, trl_reference=200,
    )  # fmt: skip
    for name in ("mistral_16_bit", "trl_liger", "trl_liger_no_dropout", "trl_reference"):
        found[name] = replace(found[name], adapters="bfloat16", states="bfloat16")
    made = ratios(found)
    assert (made["to_unsloth"], made["to_trl_liger"], made["to_reference"]) == (2.0, 3.0, 63.0)
    del found["mistral_16_bit"]
    assert "to_reference" not in ratios(found)
    assert ratios(found)["to_reference_at_unequal_precision"] == 60.0


@pytest.mark.parametrize("missing", ["unsloth", "unsloth_no_dropout", "mistral"])
def test_without_a_row_there_is_no_ratio_and_that_is_said(
    missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rows(mistral=12_000, unsloth=5_000, unsloth_no_dropout=6_000)
    del found[missing]
    assert "to_unsloth" not in ratios(found)
    assert "no to_unsloth: a row" in capsys.readouterr().out


def test_rows_of_different_cards_make_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(mistral=12_000, unsloth=5_000, unsloth_no_dropout=6_000)
    found["unsloth"] = replace(found["unsloth"], card="another")
    assert "to_unsloth" not in ratios(found)
    assert "no to_unsloth: its rows were measured on different" in capsys.readouterr().out


def test_rows_of_unequal_precision_hold_no_bound() -> None:
    found = rows(mistral=12_000, unsloth=5_000, unsloth_no_dropout=6_000)
    found["unsloth"] = replace(found["unsloth"], states="bfloat16")
    (row,) = (row for row in train_throughput.claims(found) if row.name.startswith("to_"))
    assert (row.name, row.value, row.met) == ("to_unsloth_at_unequal_precision", 2.0, None)


def test_a_row_that_ends_its_process_has_failed_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    child = tmp_path / "child.py"
    told = json.dumps(asdict(replace(ROW, name="b")))
    child.write_text(
        "import sys, time\n"
        "names = sys.argv[2 : sys.argv.index('--out')]\n"
        "if names[0] == 'a': sys.exit('killed for memory')\n"
        f"print('ROW ' + {told!r}, flush=True)\n"
        "time.sleep(60)\n"
    )
    asked = {name: Asked(name, limit=2) for name in "abc"}
    monkeypatch.setattr(train_throughput, "ROWS", asked)
    monkeypatch.setattr(train_throughput, "__file__", str(child))
    options = argparse.Namespace(out=tmp_path, dry_run=True, profile=[], site=None, limit=60)
    earlier = {name: replace(ROW, name=name) for name in "az"}
    found = train_throughput._run([*asked.values()], options, earlier)
    # What was measured before stands where it fails now.
    assert {name: bool(row.failed) for name, row in found.items()} == {
        "a": False, "z": False, "b": False, "c": True,
    }  # fmt: skip
    assert "killed for memory" in (tmp_path / "failed.log").read_text()
    assert len(json.loads((tmp_path / "rows.json").read_text())) == 4
    assert "FAILED" in capsys.readouterr().out
