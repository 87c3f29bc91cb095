"""``merge`` on a run, and what its report says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from sqlforge.core.config import PromptPart, Recipe, dump_recipe
from sqlforge.core.errors import UserError
from sqlforge.core.files import write_text
from sqlforge.core.run_dir import RunDir
from sqlforge.pipeline import begin
from sqlforge.report.merge_parity import print_parity
from sqlforge.stages.export import export_safetensors
from sqlforge.stages.merge import merge_run
from sqlforge.stages.merge_report import report_merge
from sqlforge.stages.predict_benchmark import prompt_part_of
from sqlforge.stages.prepare import prepare
from sqlforge.stages.train import train_run
from tiny_base import write_tiny_base

pytestmark = pytest.mark.xdist_group("merge_report")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    place = tmp_path_factory.mktemp("qlora")
    source = [{"source": "synthetic", "rows": 8}]
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "model": {"name": str(write_tiny_base(place / "base")), "device": "cpu"},
            "data": {"synthetic_max_tables": 1, "train": source, "test": source},
            "train": {
                "method": "qlora", "rank": 2, "pack_tokens": 512, "max_steps": 2,
                "gradient_checkpointing": False, "learning_rate": 0.05,
            },
            "evaluate": {"max_new_tokens": 4},
        }
    )  # fmt: skip
    run = begin(recipe, place / "run")
    prepare(recipe, run, None, lambda _: None)
    train_run(run, Console(quiet=True), lambda _: None)
    return run


def test_a_qlora_run_is_merged_into_what_it_was_trained_on_and_reported(trained: RunDir) -> None:
    merge_run(trained, lambda _: None)
    assert trained.manifest()["merged_into"] == "dequantised"
    said: list[str] = []
    found = report_merge(trained, said.append, rows=6)
    assert [one.system for one in found] == [
        "4-bit + adapter", "merged, dequantised", "merged, bf16",
    ]  # fmt: skip
    assert all(one.execution_accuracy.n == 6 for one in found)
    assert found[0].gap == found[0].differ == 0
    # The one is the same function but for rounding, the other is not.
    assert 0 < found[1].gap < found[2].gap
    told = json.loads((trained.path / "merge_report.json").read_text())
    assert [one["system"] for one in told["systems"]] == [one.system for one in found]
    assert not list(trained.path.glob(".merged*")), "what was merged for the report is gone"
    console = Console(record=True, width=100)
    print_parity(console, found)
    assert "merged, dequantised" in console.export_text()


def test_a_merged_run_is_not_merged_over(trained: RunDir, tmp_path: Path) -> None:
    trained.merged.mkdir(exist_ok=True)
    with pytest.raises(UserError, match="overwrites nothing"):
        merge_run(trained, lambda _: None)
    other = merge_run(trained, lambda _: None, base="bf16", out=tmp_path / "other")
    assert (other / "model.safetensors").is_file()


def test_a_model_taken_elsewhere_is_asked_as_it_was_trained(
    trained: RunDir, tmp_path: Path
) -> None:
    run = RunDir(Path(shutil.copytree(trained.path, tmp_path / "run")))
    text = dump_recipe(run.recipe().model_copy(update={"prompt": PromptPart(form="markdown")}))
    run.recipe_file.write_text(text)
    shutil.rmtree(run.merged, ignore_errors=True)
    merge_run(run, lambda _: None)
    merge_run(run, lambda _: None, out=tmp_path / "far" / "merged")
    export_safetensors(str(run.path), tmp_path / "away" / "exported")
    for folder in (tmp_path / "far" / "merged", tmp_path / "away" / "exported"):
        assert prompt_part_of(str(folder)) == PromptPart(form="markdown")


def test_another_merged_model_does_not_inherit_the_scores_of_the_one_before(
    trained: RunDir, tmp_path: Path
) -> None:
    run = RunDir(Path(shutil.copytree(trained.path, tmp_path / "run")))
    shutil.rmtree(run.merged, ignore_errors=True)
    merge_run(run, lambda _: None)
    told = [run.predictions("merged"), run.scores / "merged-spider.json"]
    others = [run.predictions("tuned"), run.scores / "tuned-spider.json"]
    for file in (*told, *others):
        write_text(file, "{}")
    shutil.rmtree(run.merged)
    merge_run(run, lambda _: None)
    assert all(file.exists() for file in told), "the same weights once more"
    shutil.rmtree(run.merged)
    said: list[str] = []
    merge_run(run, said.append, base="bf16")
    assert not any(file.exists() for file in told) and "sqlforge run" in said[-1]
    assert all(file.exists() for file in others)


def test_options_that_a_whole_model_has_no_use_for_are_refused(
    trained: RunDir, tmp_path: Path
) -> None:
    told = trained.recipe_file.read_text().replace("method: qlora", "method: full")
    run = RunDir(tmp_path)
    run.recipe_file.write_text(told)
    run.merged.mkdir()
    assert merge_run(run, lambda _: None) == run.merged
    for options in ({"base": "bf16"}, {"out": tmp_path / "other"}):
        with pytest.raises(UserError, match="nothing to merge"):
            merge_run(run, lambda _: None, **options)


def test_an_adapter_on_16_bits_has_no_dequantised_base(trained: RunDir, tmp_path: Path) -> None:
    told = trained.recipe_file.read_text().replace("method: qlora", "method: lora")
    (tmp_path / "recipe.yaml").write_text(told)
    (tmp_path / "adapter").mkdir()
    with pytest.raises(UserError, match="trained by lora"):
        merge_run(RunDir(tmp_path), lambda _: None, base="dequantised")
