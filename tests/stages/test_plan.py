"""Plans of recipes and runs, and training that is refused before its weights load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sqlforge.cli import app
from sqlforge.core.config import Recipe, load_recipe
from sqlforge.core.errors import ModelError, RecipeError, UserError
from sqlforge.core.run_dir import open_run
from sqlforge.plan.cards import find_card
from sqlforge.plan.catalog import NAMES
from sqlforge.prompt.encode import Encoded
from sqlforge.prompt.token_store import TokenRow, TokenStore, write_tokens
from sqlforge.stages.plan import asked_for, measured, plan

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
GIB = 2**30


def recipe(**changes: Any) -> Recipe:
    raw: dict[str, Any] = {
        "name": "t",
        "model": {"name": "smollm2-135m", "device": "auto"},
        "data": {"train": [{"source": "spider"}], "test": [{"source": "spider"}]},
        "train": {"pack_tokens": 1_024},
    }
    return Recipe.model_validate(raw | changes)


def examples(count: int) -> list[TokenRow]:
    return [
        TokenRow(
            f"e{n}", f"s{n % 5}",
            Encoded((*range(200 + n % 5), 1_000 + n, 7), tuple(range(20 + n % 9))),
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "gpu"),
    [
        ("mistral-7b-12gb", "12GB"),
        ("mistral-7b-12gb-reference-mix", "12GB"),
        ("llama-3.1-8b-16gb", "16GB"),
        ("phi-3.5-mini-8gb", "8GB"),
    ],
)
def test_a_recipe_for_a_card_fits_it_by_plan(name: str, gpu: str) -> None:
    loaded = load_recipe(RECIPES / f"{name}.yaml")
    assert asked_for(loaded.model.name, loaded, None, hopper=False).fits(find_card(gpu).usable)


def test_a_run_is_planned_with_its_own_examples(tmp_path: Path) -> None:
    run = open_run(tmp_path / "run", recipe())
    write_tokens(run.tokens / "train-abc-0.arrow", examples(40))
    found = plan(None, "rtx-3060", tmp_path / "run")
    assert found.asked.corpus.examples == 40
    assert found.asked.corpus.source.startswith("the run's own")
    assert found.asked.corpus.lengths[0].shared == 200
    assert found.speeds[0][0].name == "RTX 3060 12 GB"
    assert found.speeds[0][1].hours < 0.01


def test_a_prepared_run_is_tokenised_for_its_plan(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    pytest.importorskip("faker", reason="the extra 'data' is not installed")
    from sqlforge.stages.prepare import prepare

    data = {
        "train": [{"source": "synthetic", "rows": 20}],
        "test": [{"source": "synthetic", "rows": 2}],
    }
    chosen = recipe(data=data, train={"pack_tokens": 2_048})
    run = open_run(tmp_path / "run", chosen)
    prepare(chosen, run, None, lambda _: None)
    corpus = plan(None, "12GB", tmp_path / "run").asked.corpus
    assert corpus.source.startswith("the run's own") and 10 < corpus.examples <= 20
    unknown = chosen.model_copy(
        update={"model": chosen.model.model_copy(update={"name": "llama-3.1-8b"})}
    )
    other = open_run(tmp_path / "other", unknown)
    prepare(unknown, other, None, lambda _: None)
    assert "tokenizer is not at hand" in plan(None, "12GB", tmp_path / "other").asked.corpus.source


def test_the_recipes_own_limit_is_its_card(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    held = recipe(model={"name": "smollm2-135m", "device": "cuda", "memory_gib": 5.25})
    path.write_text(yaml.safe_dump(held.model_dump(mode="json")))
    assert plan(None, None, path).card.usable == 5.25 * GIB
    assert load_recipe(path).model.memory_gib == 5.25


def test_facts_are_whole_and_add_up() -> None:
    facts = plan("mistral-7b-v0.3", "12GB", None).facts()
    assert facts == json.loads(json.dumps(facts))
    assert facts["parameters"] == 7_248_023_552
    assert facts["adapter_parameters"] == 167_772_160
    assert facts["headroom"] == facts["gpu"]["usable"] - facts["budget"]["reserved"]
    assert facts["measured"] is None


@pytest.mark.parametrize(
    ("model", "gpu", "told"),
    [
        (None, "12GB", "neither --model nor --recipe"),
        ("mistral-7b-v0.3", None, "no --gpu"),
        ("mistral-7b-v0.3", "a dozen", "--gpu 'a dozen'"),
        ("mistral-7b-v0.3", "3GB", "not even its weights"),
        ("gpt-5", "12GB", "'gpt-5'"),
    ],
)
def test_what_cannot_be_planned_is_said_in_one_sentence(
    model: str | None, gpu: str | None, told: str
) -> None:
    with pytest.raises(UserError, match=told):
        plan(model, gpu, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"train": {"method": "full"}}, "qlora or lora"),
        ({"model": {"name": "smollm2-135m", "dtype": "float32"}}, "bfloat16"),
    ],
)
def test_full_fine_tuning_and_fp32_are_not_planned(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(recipe(**changes).model_dump(mode="json")))
    with pytest.raises(RecipeError, match=told):
        plan(None, "12GB", path)


def test_a_limit_of_memory_is_for_cards() -> None:
    with pytest.raises(ValueError, match="memory_gib"):
        recipe(model={"name": "m", "device": "cpu", "memory_gib": 8})


Shown = pytest.CaptureFixture[str]


@pytest.mark.parametrize(("gpu", "told"), [("12GB", "It fits."), ("1.2GB", "set train.")])
def test_the_command_prints_and_writes_what_it_found(
    gpu: str, told: str, tmp_path: Path, capsys: Shown
) -> None:
    out = tmp_path / "found.json"
    words = ["plan", "--model", "smollm2-135m", "--gpu", gpu, "--json", str(out)]
    app(words, standalone_mode=False)
    shown = capsys.readouterr().out
    assert told in shown and "Headroom" in shown and "not a measurement" in shown
    assert json.loads(out.read_text())["fits"] is (gpu == "12GB")


def test_the_matrix_takes_a_model_of_ones_own(
    tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two of the catalog's will do.
    monkeypatch.setattr("sqlforge.plan.matrix.NAMES", NAMES[2:])
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256,
        "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
        "vocab_size": 1_000, "max_position_embeddings": 4_096,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    out = tmp_path / "found.json"
    words = ["plan", "--matrix", "--model", str(tmp_path), "--json", str(out)]
    app(words, standalone_mode=False)
    rows = json.loads(out.read_text())
    assert [row["model"] for row in rows] == [*NAMES[2:], tmp_path.name]
    assert (rows[-1]["licence"], rows[-1]["tokens"]) == ("not known", None)
    assert all(row["largest_pack_tokens_on_12_gb"] >= 2_048 for row in rows)
    assert "RTX 3060 12 GB" in capsys.readouterr().out


def test_a_matrix_for_another_card_is_refused() -> None:
    with pytest.raises(UserError, match="--matrix with --gpu"):
        app(["plan", "--matrix", "--gpu", "12GB"], standalone_mode=False)


def test_measuring_needs_a_card() -> None:
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    with pytest.raises(UserError, match="without a CUDA card"):
        measured(plan("smollm2-135m", "1.2GB", None))
    with pytest.raises(UserError, match="without a CUDA card"):
        plan("smollm2-135m", None, None, here=True)


@pytest.mark.parametrize("fused", [False, True])
def test_the_path_that_measures_trains_a_random_model(fused: bool) -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    from sqlforge.model.measure import demanding_packs, measure_steps
    from sqlforge.plan.catalog import config_of
    from sqlforge.plan.lengths import carried_corpus
    from sqlforge.plan.model_shape import shape_from
    from sqlforge.plan.training import Training

    config = config_of("phi-3.5-mini" if fused else "smollm2-135m") | {
        "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 4 if fused else 2, "vocab_size": 128,
    }  # fmt: skip
    shape = shape_from(config, name="x", place="x")
    lengths = carried_corpus().within(200).lengths[:300]
    packs = demanding_packs(lengths, 128, budget=200, questions_per_schema=4, seed=1)
    training = Training(rank=4, checkpointed=1, accumulation=2)
    found = measure_steps(config, shape, training, packs, device="cpu")
    assert len(found.packs) == 6 and found.seconds > 0
    assert (found.reserved, found.allocated) == (0, 0), "nothing to count on a CPU"


def refused(chosen: Recipe, folder: Path, processes: int = 1) -> str:
    from sqlforge.model.fitting import check_memory
    from sqlforge.model.planned_steps import plan_steps

    write_tokens(folder / "train.arrow", examples(200))
    store = TokenStore(folder / "train.arrow")
    packs, _ = plan_steps(chosen, [store])
    try:
        check_memory(chosen, packs, store, processes)
    except RecipeError as fault:
        return str(fault)
    return ""


def test_training_that_will_not_fit_is_refused_with_what_would(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    small = {"name": "smollm2-135m", "memory_gib": 0.6}
    big = {"pack_tokens": 4_096, "gradient_checkpointing": False}
    told = refused(recipe(model=small, train=big), tmp_path)
    assert "training that needs about" in told and "model.memory_gib allows 0.6" in told
    assert "set train.pack_tokens to" in told or "set train.gradient_checkpointing to true" in told
    assert refused(recipe(model=small | {"memory_gib": 20.0}, train=big), tmp_path) == ""
    assert refused(recipe(train=big), tmp_path) == "", "no card and no limit: nothing is refused"
    fp32 = small | {"dtype": "float32"}
    assert refused(recipe(model=fp32, train=big), tmp_path) == "", "not understood: not refused"
    nothing = refused(recipe(model=small | {"memory_gib": 0.1}, train=big), tmp_path)
    assert "take a smaller model" in nothing


def test_layers_that_lie_in_pieces_on_two_cards_count_half(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    train = {"method": "lora", "rank": 8, "pack_tokens": 512}
    chosen = recipe(model={"name": "mistral-7b-v0.3", "memory_gib": 10.5}, train=train)
    pieces = recipe(
        model={"name": "mistral-7b-v0.3", "memory_gib": 10.5}, train=train | {"distributed": "fsdp"}
    )
    assert "train.method to qlora" in refused(chosen, tmp_path, 2)
    assert refused(pieces, tmp_path, 2) == ""


def test_a_model_of_unknown_shape_is_not_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    (tmp_path / "config.json").write_text('{"architectures": ["OtherForCausalLM"]}')
    unknown = {"name": str(tmp_path), "memory_gib": 0.1}
    assert refused(recipe(model=unknown), tmp_path) == ""
    with pytest.raises(ModelError, match="OtherForCausalLM"):
        plan(str(tmp_path), "12GB", None)


def test_8_bit_states_are_for_cards(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the extra 'train' is not installed")
    if torch.cuda.is_available():
        pytest.skip("there is a card here")
    from sqlforge.stages.train import _settings

    with pytest.raises(RecipeError, match="adamw-8bit on a CPU"):
        _settings(recipe(train={"optimizer": "adamw-8bit"}), 3)
