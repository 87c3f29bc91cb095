from pathlib import Path
from typing import Any

import pytest
import yaml

from sqlforge.core.config import Recipe, dump_recipe, load_recipe
from sqlforge.core.errors import RecipeError

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").rglob("*.yaml"))
TINY: dict[str, Any] = {
    "name": "tiny",
    "model": {"name": "smollm2-135m"},
    "data": {"train": [{"source": "synthetic", "rows": 8}], "test": [{"source": "spider"}]},
}


def write(folder: Path, value: object) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(value))
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_its_resolved_copy_loads_as_the_same(
    path: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    copy = tmp_path / "copy.yaml"
    copy.write_text(dump_recipe(recipe))
    assert load_recipe(copy) == recipe


def test_the_resolved_copy_holds_every_default() -> None:
    dumped = yaml.safe_load(dump_recipe(Recipe.model_validate(TINY)))
    assert dumped["train"]["rank"] == 64
    assert dumped["train"]["alpha"] == 16.0
    assert dumped["train"]["dropout"] == 0.05
    assert dumped["evaluate"]["base_prompts"] == ["plain", "instructed", "few_shot"]
    assert dumped["seed"] == 7


def test_all_faults_are_reported_together_in_one_sentence(tmp_path: Path) -> None:
    faulty = {
        **TINY,
        "model": {"name": "x", "dtype": "float8"},
        "train": {"lora_rnk": 8, "learning_rate": -1},
        "speed": "fast",
    }
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, faulty))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "'train.lora_rnk' is not a known key" in sentence
    assert "'speed' is not a known key" in sentence
    assert "'model.dtype' input should be 'bfloat16' or 'float32'" in sentence
    assert "'train.learning_rate' input should be greater than 0" in sentence


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"train": [{"source": "synthetic"}]}, "the synthetic corpus has no end: give 'rows'"),
        ({"train": []}, "'data.train'"),
        ({"train": [{"source": "spider"}, {"source": "spider", "rows": 3}]}, "twice"),
        ({"train": [{"source": "imagined"}]}, "'data.train.0.source'"),
        ({"train": [{"source": "spider", "rows": 0}]}, "'data.train.0.rows'"),
    ],
)
def test_data_that_makes_no_sense_is_refused(
    part: dict[str, Any], words: str, tmp_path: Path
) -> None:
    recipe = {**TINY, "data": {**TINY["data"], **part}}
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, recipe))
    assert words in str(caught.value)
    assert "value error" not in str(caught.value).lower()


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"average": {"last": 3, "ema": 0.9}}, "either 'last' or 'ema'"),
        ({"embedding_learning_rate": 1e-4}, "for method full"),
        ({"schedule": "constant-linear", "warmup_share": 0.5, "decay_share": 0.6}, "all steps"),
        ({"curriculum": {"epochs": 2}}, "a curriculum over 2 of 1 epochs"),
        ({"validate_steps": 3}, "give data.validation"),
        ({"method": "full", "step": "fused"}, "gradient_checkpointing: false"),
        ({"validate_steps": 3, "embedding": "host"}, "not on the host"),
    ],
)
def test_training_that_makes_no_sense_is_refused(
    part: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=words):
        load_recipe(write(tmp_path, {**TINY, "train": part}))


@pytest.mark.parametrize("name", ["../up", "a b", "", "a/b"])
def test_a_name_that_would_leave_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'name'"):
        load_recipe(write(tmp_path, {**TINY, "name": name}))


def test_a_file_that_is_no_recipe_ends_in_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: [unclosed\nmodel: {")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00name")
    text = tmp_path / "text.yaml"
    text.write_text("just words")
    for path in (broken, binary, text, tmp_path, tmp_path / "absent.yaml", text / "below"):
        with pytest.raises(RecipeError) as caught:
            load_recipe(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_recipe_cannot_be_changed_once_loaded() -> None:
    recipe = Recipe.model_validate(TINY)
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 8  # that is the claim


def test_the_resolved_copy_hides_the_password_of_a_url(tmp_path: Path) -> None:
    secret = {**TINY, "model": {"name": "postgresql://ann:s3cr3t@host/db?password=hidden"}}
    dumped = dump_recipe(load_recipe(write(tmp_path, secret)))
    assert "s3cr3t" not in dumped and "hidden" not in dumped
    assert "postgresql://ann:***@host/db?password=***" in dumped


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"train": [{"source": "internal", "rows": 3}]}, "it cannot be training"),
        ({"test": [{"source": "internal"}]}, "no size of its own"),
        ({"test": [{"source": "sql-create-context"}]}, "test on 'internal'"),
        ({"validation": [{"source": "gretel"}]}, "use 'internal'"),
        ({"train": [{"source": "own"}]}, "need the 'path'"),
        ({"train": [{"source": "own", "path": "x.csv", "name": "gretel"}]}, "another source"),
        ({"train": [{"source": "spider", "path": "x"}]}, "'path' is for"),
        ({"train": [{"source": "spider", "licence": "MIT"}]}, "'licence' is for own only"),
        ({"train": [{"source": "gretel", "weight": 2}]}, "give them"),
        (
            {"train": [{"source": "gretel", "rows": 9}, {"source": "spider"}], "train_rows": 8},
            "'train_rows' is 8, the sources' 'rows' are 9",
        ),
        ({"train": [{"source": "gretel", "rows": 7}], "train_rows": 8}, "are 7"),
        ({"train": [{"source": "gretel", "rows": 2, "cap": 3}]}, "'rows' is exact"),
        ({"test": [{"source": "spider", "weight": 2}], "train_rows": 9}, "training sources"),
        ({"train": [{"source": "spider", "passes": 2}]}, "2 passes of spider in 1 epochs"),
        ({"train": [{"source": "own", "path": "a"}, {"source": "own", "path": "b"}]}, "twice"),
        ({"audit": {"against": ["bird"]}}, "'data.audit.against.0'"),
        ({"clean": {"statements": "some"}}, "'data.clean.statements'"),
    ],
)
def test_sources_that_make_no_sense_together_are_refused(
    part: dict[str, Any], words: str, tmp_path: Path
) -> None:
    recipe = {**TINY, "data": {**TINY["data"], **part}}
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, recipe))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_corpora_may_be_called_by_their_names_on_the_hub() -> None:
    names = ["b-mc2/sql-create-context", "gretelai/synthetic_text_to_sql"]
    data = {**TINY["data"], "train": [{"source": name} for name in names]}
    recipe = Recipe.model_validate({**TINY, "data": data})
    assert [part.source for part in recipe.data.train] == ["sql-create-context", "gretel"]


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"sources": ["spider"]}, "take training sources, synthetic"),
        ({"samples": 1}, "'reinforce.samples'"),
        ({"runs_reward": 1.0}, "'reinforce.runs_reward'"),
    ],
)
def test_reinforcement_that_makes_no_sense_is_refused(
    part: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, {**TINY, "reinforce": part}))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_recipe_that_extends_another_changes_mappings_key_by_key_and_the_rest_whole(
    tmp_path: Path,
) -> None:
    write(tmp_path, {**TINY, "train": {"rank": 8, "alpha": 32.0}})
    (tmp_path / "recipe.yaml").rename(tmp_path / "base.yaml")
    data = {"train": [{"source": "spider"}]}
    changed = {"extends": "base.yaml", "name": "other", "train": {"rank": 4}, "data": data}
    recipe = load_recipe(write(tmp_path, changed))
    assert (recipe.name, recipe.train.rank, recipe.train.alpha) == ("other", 4, 32.0)
    assert [part.source for part in recipe.data.train] == ["spider"]
    assert [part.source for part in recipe.data.test] == ["spider"]


@pytest.mark.parametrize(
    ("extends", "words"),
    [
        ("recipe.yaml", "extends itself"),
        (["a", "b"], "a file's name"),
        ("none.yaml", "none.yaml"),
    ],
)
def test_a_recipe_that_cannot_be_extended_is_refused(
    extends: object, words: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, {"extends": extends, "name": "other"}))
    assert words in str(caught.value)
