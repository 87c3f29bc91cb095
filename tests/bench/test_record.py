"""The record run: ablations that change one thing, and a page that is made out of its rows."""

from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from claims import ROOT, check_quotes
from record import bundle
from record_page import UNMEASURED, page, write_page
from record_plans import RECIPES, ablation, ablations, check_recipe, final
from sqlforge.core.config import dump_recipe

HERE = Path("runs")
NAMES = [name for name in ablations() if name != "base"]


@pytest.mark.parametrize("name", NAMES)
def test_an_ablation_changes_one_part_of_the_baseline_and_says_which_in_its_first_line(
    name: str,
) -> None:
    changed = dict(yaml.safe_load((RECIPES / "ablations" / f"{name}.yaml").read_text()))
    assert changed.pop("extends") == "base.yaml"
    assert changed.pop("name") == name
    assert len(changed) == 1
    plan, base = ablation(name, HERE), ablation("base", HERE)
    assert plan.recipe.data.validation == base.recipe.data.validation
    assert plan.recipe.seed == base.recipe.seed
    assert plan.story.endswith(".")


def test_no_ablation_looks_at_the_benchmarks_it_is_not_to_be_chosen_on() -> None:
    for name in ablations():
        plan = ablation(name, HERE)
        assert not plan.final
        assert {part.source for part in plan.recipe.data.validation} == {"spider", "wikisql"}
        assert plan.recipe.data.audit is not None
        assert plan.recipe.data.audit.remove


def told(name: str, right: str, *, is_final: bool = False) -> dict[str, Any]:
    row = f"{name.replace('-', '_')}_spider_constrained_execution_accuracy"
    value = right.count("1") / len(right)
    figures = {"value": value, "unit": "fraction", "bound": None, "low": 0.1, "high": 0.9}
    plan = final(7, HERE) if is_final else ablation(name, HERE)
    return {
        "name": name,
        "recipe": plan.file.relative_to(ROOT).as_posix(),
        "story": plan.story,
        "final": is_final,
        "seed": 7,
        "method": "full",
        "date": "2026-01-01",
        "trained_on": {},
        "training": {},
        "reinforcement": None,
        "rows": [{"name": row, **figures, "n": len(right)}],
        "right": {"spider_constrained": right},
    }


def test_the_page_quotes_what_was_measured_and_says_what_was_not(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    for one in (told("base", "0011"), told("order", "0111")):
        (results / f"{one['name']}.json").write_text(json.dumps(one))
    write_page(results, tmp_path)
    text = (tmp_path / "record.md").read_text()
    base, order, *others = (line for line in text.splitlines() if "](../recipes/abl" in line)
    assert "50.0 %" in base
    assert "75.0 %" in next(line for line in (order, *others) if "[order]" in line)
    assert "over_base-->25.0 %" in text
    assert UNMEASURED in next(line for line in others if "[lora]" in line)
    assert not list(check_quotes(text, tmp_path))


def test_trainings_of_another_machine_stay_on_the_page_and_are_compared(tmp_path: Path) -> None:
    for machine, names in enumerate((("base", "lora"), ("lora-rank-16", "qlora"))):
        results = tmp_path / f"results-{machine}"
        results.mkdir()
        for name in names:
            right = "0011" if name == "base" else "0111"
            (results / f"{name}.json").write_text(json.dumps(told(name, right)))
        write_page(results, tmp_path)
    rows = {row["name"] for row in json.loads((tmp_path / "record.json").read_text())["rows"]}
    asked = "spider_constrained"
    for name in ("lora", "lora_rank_16", "qlora"):
        assert {f"{name}_{asked}_execution_accuracy", f"{name}_{asked}_over_base"} <= rows
    assert f"qlora_{asked}_over_lora" in rows


def test_a_whole_training_names_its_recipe_and_seed(tmp_path: Path) -> None:
    text = page([], {"final": {"final": True, "recipe": "recipes/x.yaml", "seed": 8}})
    assert "| [x](../recipes/x.yaml), seed 8 |" in text


def test_answers_of_another_recipe_are_not_taken_for_those_of_this_one(tmp_path: Path) -> None:
    plan = ablation("base", HERE)
    check_recipe(plan, tmp_path)
    (tmp_path / "recipe.yaml").write_text(dump_recipe(ablation("lora", HERE).recipe))
    check_recipe(plan, tmp_path)  # nothing was answered yet
    check_recipe(plan, tmp_path)
    (tmp_path / "spider_constrained.jsonl").touch()
    check_recipe(plan, tmp_path)
    with pytest.raises(SystemExit, match="made by another recipe"):
        check_recipe(ablation("lora", HERE), tmp_path)


def test_a_bundle_holds_rows_answers_and_logs_and_nothing_half_written(tmp_path: Path) -> None:
    out, results = tmp_path / "out", tmp_path / "out" / "results"
    told = argparse.Namespace(out=out, results=results, bundle=tmp_path / "x" / "b.tar.xz")
    bundle(told)  # before anything is there
    (results / "base").mkdir(parents=True)
    for name in ("base.json", ".base.json.1.tmp", "base/spider.jsonl"):
        (results / name).write_text("{}")
    (out / "base.log").write_text("begun")
    bundle(told)
    with tarfile.open(told.bundle) as tar:
        assert set(tar.getnames()) == {
            "base.log",
            "results/base.json",
            "results/base/spider.jsonl",
        }


def test_a_page_of_nothing_claims_nothing(tmp_path: Path) -> None:
    text = page([], {})
    assert "<!--claim:" not in text
    assert text.count(UNMEASURED) > len(NAMES)


def test_the_committed_page_is_what_the_committed_rows_make() -> None:
    file = ROOT / "docs" / "results" / "record.json"
    kept = json.loads(file.read_text()) if file.is_file() else {"rows": [], "measured": {}}
    assert (ROOT / "docs" / "record.md").read_text() == page(kept["rows"], kept["measured"])
