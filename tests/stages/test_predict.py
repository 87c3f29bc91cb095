"""How ``predict --benchmark`` asks a model."""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from sqlforge.core.config import PromptPart
from sqlforge.stages.predict_benchmark import prompt_part_of

RECIPE = """
name: t
model: {name: m}
data: {train: [{source: spider}], test: [{source: spider}]}
prompt: {form: ddl}
"""


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_a_model_in_a_run_directory_is_asked_as_its_recipe_says(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prompt_part_of(str(run_dir / "adapter")) == PromptPart(form="ddl")
    monkeypatch.chdir(run_dir / "adapter")
    assert prompt_part_of(".") == PromptPart(form="ddl"), "named from within"


def test_a_recipe_in_the_working_directory_says_nothing_about_models_of_other_places(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run_dir)
    for name in ("smollm2-135m", "mistral-7b-v0.3"):
        assert prompt_part_of(name) == PromptPart()
