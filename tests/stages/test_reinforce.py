"""``reinforce`` on a run: what it learns from, what it leaves where, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="the extra 'train' is not installed")
pytest.importorskip("trl", reason="the extra 'reinforce' is not installed")

from sqlforge import pipeline
from sqlforge.core.config import Recipe, ReinforcePart
from sqlforge.core.errors import DataError, UserError
from sqlforge.core.files import digests
from sqlforge.core.run_dir import RunDir
from sqlforge.corpus.rewardable import rewardable
from sqlforge.corpus.store import read_databases, read_examples, write_examples
from sqlforge.stages.prepare import prepare
from sqlforge.stages.reinforce import reinforce_run, settle
from sqlforge.stages.train import train_run
from tiny_base import write_tiny_base

pytestmark = pytest.mark.xdist_group("reinforce")
QUIET = Console(quiet=True)
PART = ReinforcePart(
    steps=2,
    questions=2,
    samples=2,
    max_new_tokens=12,
    runs_reward=0.5,  # a model that knows nothing runs at best
    constrain="none",
    batch_tokens=4096,
    trial=2,
)


def recipe_for(model: Path, part: ReinforcePart | None = PART) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "tiny",
            "model": {"name": str(model), "dtype": "float32", "device": "cpu"},
            "data": {
                "synthetic_max_tables": 1,
                "train": [{"source": "synthetic", "rows": 16}],
                "validation": [{"source": "synthetic", "rows": 2}],
                "test": [{"source": "synthetic", "rows": 2}],
            },
            "train": {
                "method": "lora",
                "rank": 2,
                "pack_tokens": 512,
                "gradient_checkpointing": False,
                "max_steps": 1,
            },
            "reinforce": part,
            "evaluate": {"max_new_tokens": 4, "base_prompts": ["plain"]},
        }
    )


def no_bars(_: str) -> Callable[[int, int], None]:
    return lambda done, total: None


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    folder = tmp_path_factory.mktemp("trained")
    recipe = recipe_for(write_tiny_base(folder / "model"))
    run = pipeline.begin(recipe, folder / "run")
    prepare(recipe, run, None, lambda _: None)
    train_run(run, QUIET, lambda _: None)
    return run


def copied(run: RunDir, folder: Path) -> RunDir:
    shutil.copytree(run.path, folder / "run")
    return RunDir(folder / "run")


def test_a_run_reinforces_after_training_and_compares_what_came_of_it(
    trained: RunDir, tmp_path: Path
) -> None:
    run, console = copied(trained, tmp_path), Console(record=True, width=200)
    before = digests(run.adapter)
    run.merged.mkdir()  # of the model before
    (systems,) = pipeline.run(run.recipe(), run.path, None, console, no_bars).values()
    assert list(systems) == ["base", "tuned", "reinforced", "merged"]
    page = run.report.read_text()
    assert "tuned, then reinforced" in page and "Mean reward of training questions" in page
    assert digests(run.tuned) == before and not run.reinforced.exists()
    assert (run.merged / "config.json").is_file()  # of the model after
    manifest = run.manifest()
    assert manifest["adapter_sha256"] == digests(run.adapter)
    found = manifest["reinforcement"]
    assert (found["steps"], found["samples"], found["trial"]) == (2, 8, 2)
    rows = [json.loads(line) for line in run.reinforcement_file.read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2]
    said = console.export_text()
    assert "training questions to reinforce on; left out: 0 of databases without rows" in said
    assert "8 samples in" in said and "of groups with signal" in said
    for refused in (reinforce_run, train_run):
        with pytest.raises(UserError, match="reinforced"):
            refused(run, QUIET, lambda _: None)
    assert run.system_in("adapter") == "reinforced"


def test_a_kill_between_two_renames_is_mended(trained: RunDir, tmp_path: Path) -> None:
    run = copied(trained, tmp_path)
    shutil.copytree(run.adapter, run.reinforced)
    run.adapter.rename(run.tuned)  # and then it was killed
    assert settle(run, lambda _: None)
    assert run.adapter.is_dir() and run.tuned.is_dir() and not run.reinforced.exists()
    assert not settle(run, lambda _: None)


def test_databases_of_validation_and_test_are_never_learnt_from(
    trained: RunDir, tmp_path: Path
) -> None:
    run = copied(trained, tmp_path)
    databases = read_databases(run.data_file("databases.jsonl"))
    train = read_examples(run.data_file("train.jsonl"))
    held_out = {
        example.db_id
        for name in ("validation", "test")
        for example in read_examples(run.data_file(f"{name}.jsonl"))
        for name in ("validation", "test")
        for e in read_examples(run.data / f"{name}.jsonl")
    }
    other = [replace(train[n], id=f"leak-{n}", db_id=d) for n, d in enumerate(sorted(held_out))]
    write_examples(run.data / "train.jsonl", [*other, *train])
    found, left = rewardable(run, databases, (), 999, 7)
    assert left.held_out == len(other) > 0 and len(found) == len(train)
    assert not {e.db_id for e in found} & held_out
    write_examples(run.data / "train.jsonl", other)
    with pytest.raises(DataError, match="no training example to reinforce on"):
        rewardable(run, databases, ("synthetic",), 9, 7)


def test_databases_without_rows_are_left_out_and_counted(trained: RunDir) -> None:
    databases = read_databases(trained.data_file("databases.jsonl"))
    train = read_examples(trained.data_file("train.jsonl"))
    empty = train[0].db_id
    databases[empty] = replace(databases[empty], path=None)
    found, left = rewardable(trained, databases, (), 6, 7)
    assert left.without_rows == sum(e.db_id == empty for e in train)
    assert all(e.db_id != empty for e in found) and len(found) <= 6
    with pytest.raises(DataError):
        rewardable(trained, databases, ("spider",), 9, 7)


def test_a_recipe_without_the_part_is_refused_with_the_line_to_add(
    trained: RunDir, tmp_path: Path
) -> None:
    run = copied(trained, tmp_path)
    text = run.recipe_file.read_text()
    begun, _, rest = text.partition("\nreinforce:\n")
    ending = rest[rest.index("\nevaluate:") :]
    run.recipe_file.write_text(f"{begun}\nreinforce: null{ending}")
    with pytest.raises(UserError, match="in place of 'reinforce: null'"):
        reinforce_run(run, QUIET, lambda _: None)
