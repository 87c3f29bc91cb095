import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sqlforge.core.config import CleanPart, Recipe
from sqlforge.core.environment import commit, environment
from sqlforge.core.errors import DataError, GoldError, UserError
from sqlforge.core.run_dir import RunDir, open_run

RECIPE = Recipe.model_validate(
    {
        "name": "tiny",
        "model": {"name": "postgresql://ann:s3cr3t@host/db"},
        "data": {
            "train": [{"source": "synthetic", "rows": 8}],
            "test": [{"source": "synthetic", "rows": 4}],
        },
    }
)


def test_a_run_goes_on_with_its_own_recipe(tmp_path: Path) -> None:
    first = open_run(tmp_path / "run", RECIPE)
    first.note(seed=7)
    again = open_run(tmp_path / "run", RECIPE)
    assert again.manifest() == {"seed": 7}
    assert again.recipe().data == RECIPE.data


def test_a_run_refuses_another_recipe_and_stays_as_it_was(tmp_path: Path) -> None:
    run = open_run(tmp_path / "run", RECIPE)
    before = run.recipe_file.read_bytes()
    with pytest.raises(UserError, match="follows another recipe"):
        open_run(tmp_path / "run", RECIPE.model_copy(update={"seed": 8}))
    assert run.recipe_file.read_bytes() == before


def test_a_run_begun_before_a_recipe_key_existed_goes_on(tmp_path: Path) -> None:
    run = open_run(tmp_path / "run", RECIPE)
    written = yaml.safe_load(run.recipe_file.read_text())
    del written["data"]["clean"], written["evaluate"]["query_seconds"]
    older = yaml.safe_dump(written)
    run.recipe_file.write_text(older)
    assert open_run(tmp_path / "run", RECIPE).recipe() == run.recipe()
    assert run.recipe_file.read_text() == older
    changed = RECIPE.data.model_copy(update={"clean": CleanPart(near_duplicates=False)})
    with pytest.raises(UserError, match="follows another recipe"):
        open_run(tmp_path / "run", RECIPE.model_copy(update={"data": changed}))


def test_a_folder_with_foreign_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="something else than a run"):
        open_run(tmp_path, RECIPE)
    with pytest.raises(UserError, match="something else than a run"):
        open_run(tmp_path / "thesis.txt", RECIPE)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_becomes_a_run(tmp_path: Path) -> None:
    assert open_run(tmp_path, RECIPE).recipe_file.exists()


def test_what_a_killed_process_left_behind_is_removed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from sqlforge.core.files import new_folder\n"
        "with new_folder(Path(sys.argv[1]) / 'merged') as folder:\n"
        "    (folder / 'half').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (tmp_path / ".recipe.yaml.123.tmp").write_text("ha")
    (tmp_path / "predictions").mkdir()
    assert len(list(tmp_path.iterdir())) == 3
    (tmp_path / "predictions").rmdir()
    run = open_run(tmp_path, RECIPE)
    assert list(tmp_path.iterdir()) == [run.recipe_file]
    half = run.predictions("base").with_name(".base.jsonl.77.tmp")
    half.parent.mkdir()
    half.write_text("{")
    open_run(tmp_path, RECIPE)
    assert not half.exists()


def test_a_folder_that_is_no_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is no run directory.*sqlforge prepare"):
        RunDir(tmp_path).recipe()
    run = open_run(tmp_path / "run", RECIPE)
    with pytest.raises(UserError, match=r"without data/test\.jsonl.*sqlforge prepare"):
        run.data_file("test.jsonl")


def test_every_path_of_a_run_lies_inside_it() -> None:
    run = RunDir(Path("r"))
    paths = (run.recipe_file, run.manifest_file, run.data, run.checkpoints, run.adapter)
    paths += (run.merged, run.metrics_file, run.report, run.scores, run.predictions("base"))
    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(run.path) for path in paths)


def test_no_password_of_the_recipe_reaches_the_run(tmp_path: Path) -> None:
    open_run(tmp_path / "run", RECIPE)
    for file in (tmp_path / "run").rglob("*"):
        assert b"s3cr3t" not in file.read_bytes()
    assert open_run(tmp_path / "run", RECIPE)


def test_facts_are_added_to_the_manifest_and_replaced_by_name(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    assert run.manifest() == {}
    run.note(a=1, b=2)
    run.note(b=3)
    assert run.manifest() == {"a": 1, "b": 3}


def test_the_environment_names_what_a_run_ran_on() -> None:
    found = environment()
    packages = found["packages"]
    assert isinstance(packages, dict)
    assert {"sqlforge", "sqlglot", "pydantic"} <= packages.keys()
    assert isinstance(found["cores"], int)
    assert isinstance(found["memory_gib"], float) and found["memory_gib"] > 0
    assert found["processor"] is not None
    assert str(found["started"]).endswith("+00:00")


def test_outside_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() is None


def test_errors_say_what_was_got_what_was_expected_and_what_to_do() -> None:
    error = DataError("no file x", "a file", "name one.")
    assert str(error) == "Got no file x, expected a file: name one."
    assert isinstance(error, UserError)
    gold = GoldError("spider-dev-1", "SELECT", "syntax error")
    assert "spider-dev-1" in str(gold) and "syntax error" in str(gold)
    assert not isinstance(gold, UserError)
