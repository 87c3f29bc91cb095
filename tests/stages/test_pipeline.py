"""Every stage in order, on a model so small that it learns nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from sqlforge import pipeline
from sqlforge.core.config import Recipe, dump_recipe
from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import UserError
from sqlforge.core.run_dir import RunDir
from tiny_base import write_tiny_base

# One worker makes the finished run, for all of these tests.
pytestmark = pytest.mark.xdist_group("pipeline")
SYSTEMS = ("base", "template", "tuned", "merged")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_base(tmp_path_factory.mktemp("model"))


def recipe_for(model: Path, **train: object) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "model": {"name": str(model), "dtype": "float32", "device": "cpu"},
            "data": {
                "synthetic_max_tables": 1,
                "train": [{"source": "synthetic", "rows": 16}],
                "validation": [{"source": "synthetic", "rows": 2}],
                "test": [{"source": "synthetic", "rows": 4}],
            },
            "train": {
                "method": "lora",
                "rank": 2,
                "pack_tokens": 512,
                "gradient_checkpointing": False,
                "max_steps": 3,
                "checkpoint_steps": 2,
                **train,
            },
            "evaluate": {"max_new_tokens": 4, "prompt_trial_rows": 2, "template_baseline": True},
        }
    )


def run(recipe: Recipe, out: Path) -> tuple[dict[str, Any], str]:
    console = Console(record=True, width=100)
    summaries = pipeline.run(recipe, out, None, console, lambda _: lambda done, total: None)
    return summaries, console.export_text()


def whole(folder: Path) -> dict[str, int]:
    """Every file but the scores, which are judged anew each time, with its time of change."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_relative_to(folder / "scores")
        and path.name not in ("manifest.json", "report.html", "model-card.md")
    }


@pytest.fixture(scope="module")
def finished(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "run"
    summaries, _ = run(recipe_for(tiny_model), out)
    (by_system,) = summaries.values()
    assert set(by_system) == set(SYSTEMS)
    return out


def test_a_run_leaves_every_part_of_its_folder(finished: Path) -> None:
    directory = RunDir(finished)
    for system in SYSTEMS:
        lines = directory.predictions(system).read_text().splitlines()
        assert len(lines) == 4
        assert list(finished.glob(f"scores/{system}-*.json"))
    assert (directory.adapter / "adapter_model.safetensors").exists()
    assert (directory.merged / "model.safetensors").exists()
    assert (directory.merged / "tokenizer.json").exists()
    assert directory.report.exists() and directory.metrics_file.exists()
    assert not list(finished.rglob(".*")), "nothing temporary is left"


def test_the_manifest_says_what_was_run_on_what(finished: Path) -> None:
    manifest = RunDir(finished).manifest()
    assert manifest["seed"] == 7 and manifest["prompt_version"]
    assert manifest["environment"]["packages"]["torch"]
    assert set(manifest["data_sha256"]) == {
        f"{name}.jsonl" for name in ("train", "validation", "test", "databases", "dropped")
    }
    assert manifest["base_weights_sha256"].keys() == {"model.safetensors"}
    assert manifest["training"]["steps"] == 3
    assert manifest["seconds"] > 0 and manifest["peak_memory_bytes"] > 0


def test_what_is_done_already_is_skipped(finished: Path, tiny_model: Path) -> None:
    before = whole(finished)
    summaries, shown = run(recipe_for(tiny_model), finished)
    assert whole(finished) == before
    assert shown.count("done already") == 7
    assert summaries


def test_a_stage_whose_result_is_gone_is_done_again_and_no_other(
    finished: Path, tiny_model: Path
) -> None:
    directory = RunDir(finished)
    answers = directory.predictions("tuned").read_bytes()
    before = whole(finished)
    directory.predictions("tuned").unlink()
    run(recipe_for(tiny_model), finished)
    after = whole(finished)
    assert {name for name in before if before[name] != after[name]} == {"predictions/tuned.jsonl"}
    assert directory.predictions("tuned").read_bytes() == answers


def test_the_merged_model_answers_as_the_adapter_does(finished: Path) -> None:
    (comparison,) = json.loads((finished / "scores" / "comparison.json").read_text()).values()
    assert comparison["merged_differs"] == {"count": 0, "n": 4, "ids": []}


def test_a_run_killed_while_it_trains_ends_as_if_it_had_never_been(
    finished: Path, tiny_model: Path, tmp_path: Path
) -> None:
    recipe, out = recipe_for(tiny_model), tmp_path / "run"
    (tmp_path / "tiny.yaml").write_text(dump_recipe(recipe))
    words = ["run", str(tmp_path / "tiny.yaml"), "--out", str(out)]
    begun = subprocess.Popen(
        [sys.executable, "-m", "sqlforge", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while begun.poll() is None and not list(out.glob("checkpoints/*/complete")):
        time.sleep(0.001)
    begun.send_signal(signal.SIGKILL)
    assert begun.wait() == -signal.SIGKILL
    run(recipe, out)
    for system in SYSTEMS:
        name = f"predictions/{system}.jsonl"
        assert (out / name).read_bytes() == (finished / name).read_bytes()
    assert losses(out) == losses(finished)
    assert not list(out.rglob(".*"))


def losses(out: Path) -> list[tuple[int, float]]:
    rows = map(json.loads, RunDir(out).metrics_file.read_text().splitlines())
    return [(row["step"], row["loss"]) for row in rows]


def test_another_recipe_is_refused(finished: Path, tiny_model: Path) -> None:
    with pytest.raises(UserError, match="follows another recipe"):
        run(recipe_for(tiny_model, rank=4), finished)


def test_full_fine_tuning_leaves_a_whole_model_and_no_adapter(
    tiny_model: Path, tmp_path: Path
) -> None:
    more = {
        "embedding_learning_rate": 1e-4, "schedule": "constant-linear", "curriculum": {},
        "prompt_loss": {"share": 0.5}, "average": {"last": 2}, "validate_steps": 2,
    }  # fmt: skip
    asked = recipe_for(tiny_model, method="full", **more).model_dump()
    asked["data"]["train"][0]["passes"] = 0.9
    summaries, shown = run(Recipe.model_validate(asked), tmp_path / "run")
    (by_system,) = summaries.values()
    directory = RunDir(tmp_path / "run")
    rows = [json.loads(line) for line in directory.metrics_file.read_text().splitlines()]
    assert [row["step"] for row in rows if "validation_loss" in row] == [2, 3]
    assert directory.manifest()["validation"]["loss"] > 0
    assert set(by_system) == {"base", "template", "tuned"}
    assert (tmp_path / "run" / "merged" / "model.safetensors").exists()
    assert not (tmp_path / "run" / "adapter").exists()
    assert "merge: done already" in shown


def test_a_merged_model_and_an_adapter_answer_a_public_benchmark(
    finished: Path, tmp_path: Path
) -> None:
    from published import write_tiny_spider
    from sqlforge.stages.predict_benchmark import Wanted, predict_benchmark

    folder = write_tiny_spider(tmp_path / "spider")
    answers = []
    for model in ("merged", "adapter"):
        out = tmp_path / f"{model}.jsonl"
        found = predict_benchmark(
            str(finished / model), "spider", folder, Wanted(out), split=None, rows=2,
            max_new_tokens=4,
        )  # fmt: skip
        assert (found["predictions"], found["n"], found["prompt_version"]) == (str(out), 2, "2")
        assert found["refused"] == 0 and found["decoding"]["samples"] == 1
        answers.append([json.loads(line)["id"] for line in out.read_text().splitlines()])
    assert answers[0] == answers[1] == ["spider-dev-0000", "spider-dev-0001"]


def test_a_run_that_votes_and_refuses_says_so_wherever_it_counts(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from published import write_tiny_spider
    from sqlforge.decode.abstain import Calibration
    from sqlforge.stages import predict
    from sqlforge.stages.predict_benchmark import Wanted, predict_benchmark

    kept = predict.circumstances(Decoding(samples=3, vote=True), "2")
    made = Calibration(("votes",), (0.0,), (1.0,), (1.0,), 0.0, 40, 20, 0.05, kept)
    calibrated_on = predict.calibrated_on

    def calibrated(examples: Any, *others: Any) -> Calibration:
        """A model that has learnt nothing is never right: the real thing says so of the base."""
        if "base" not in directory_of(tmp_path):
            return calibrated_on(examples, *others)
        return made

    monkeypatch.setattr(predict, "calibrated_on", calibrated)
    asked = recipe_for(tiny_model).model_dump(mode="json")
    asked["data"]["validation"][0]["rows"] = 40
    options = {"samples": 3, "vote": True, "refuse_below": 0.9, "base_prompts": ["plain"]}
    asked["evaluate"] = {**asked["evaluate"], **options}
    recipe = Recipe.model_validate(asked)
    summaries, shown = run(recipe, tmp_path / "run")
    (by_system,) = summaries.values()
    directory = RunDir(tmp_path / "run")
    for system in ("tuned", "merged"):
        rows = [json.loads(line) for line in directory.predictions(system).open()]
        assert all(row["refused"] and not row["sql"] for row in rows)
        assert by_system[system].refused == len(rows) == 4
        assert json.loads(directory.calibration(system).read_text())["n"] == 40
    assert by_system["template"].refused == by_system["base"].refused == 0
    assert "so none of its answers is refused" in shown and "4 of 4 answers refused" in shown
    assert directory.report.exists() and not directory.calibration("base").exists()

    folder, out = write_tiny_spider(tmp_path / "spider"), tmp_path / "p.jsonl"
    found = predict_benchmark(
        str(directory.adapter), "spider", folder, Wanted(out, details=True),
        recipe.evaluate.decoding(0), split=None, rows=2, max_new_tokens=4,
    )  # fmt: skip
    assert found["refused"] == 2 and found["calibration"]["n"] == 40, "the run's own calibration"
    assert all("confidence" in json.loads(line) for line in out.open())


def directory_of(folder: Path) -> set[str]:
    """The systems that have answered in the run of ``folder``."""
    return {file.stem for file in folder.glob("run/predictions/*.jsonl")}


def test_plain_transformers_load_the_merged_model(finished: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(finished / "merged")
    tokenizer = AutoTokenizer.from_pretrained(finished / "merged")
    ids = tokenizer("SELECT 1", return_tensors="pt").input_ids
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model(input_ids=ids).logits.shape == (1, ids.shape[1], len(tokenizer))
    assert tokenizer.chat_template
