"""What training goes through: packs of every epoch, put together when it is their turn."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from prompt.conftest import CharacterTokenizer
from sqlforge.core.config import Recipe
from sqlforge.core.errors import RecipeError
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.model.pack import plan_packs
from sqlforge.prompt.tokenise import Tokenised, tokenise
from sqlforge.stages.train import plan_steps

VARIED = {"keep": 0.2, "rename": 0.5, "distractors": 1, "mask_values": 0.5}


def recipe(pack_tokens: int = 4_000, **parts: Any) -> Recipe:
    data = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}
    train = {"epochs": 2, "pack_tokens": pack_tokens, "questions_per_schema": 4, "accumulation": 3}
    raw = {"name": "t", "model": {"name": "m"}, "data": data, "prompt": {"max_tokens": 3_000}}
    return Recipe.model_validate({**raw, "train": train, **parts})


def tokenised(folder: Path, chosen: Recipe) -> Tokenised:
    made = generate_corpus(folder / "d", seed=4, counts={"train": 120}, max_tables=2)["train"]
    return tokenise(chosen, folder / "t", CharacterTokenizer(), made.examples, made.databases)


@pytest.mark.parametrize("augment", [None, VARIED], ids=["as it is", "varied"])
def test_steps_hold_every_example_of_every_epoch(augment: Any, tmp_path: Path) -> None:
    chosen = recipe(augment=augment)
    epochs = tokenised(tmp_path, chosen).epochs
    packs, steps = plan_steps(chosen, epochs)
    whole = [
        pack
        for epoch, store in enumerate(epochs)
        for pack in plan_packs(
            list(store), store.schema_keys, budget=4_000, questions_per_schema=4,
            seed=chosen.seed * 1_000 + epoch,
        )
    ]  # fmt: skip
    assert list(packs) == whole
    assert sum(pack.examples for pack in packs) == 240
    assert steps == -(-len(whole) // 3)
    assert list(packs[3:6]) == whole[3:6] and packs[-1] == whole[-1], "a step's window"


def test_questions_still_share_schemas_when_they_are_varied(tmp_path: Path) -> None:
    chosen = recipe(augment=VARIED)
    epochs = tokenised(tmp_path, chosen).epochs
    packs, _ = plan_steps(chosen, epochs)
    packed, plain = sum(map(len, packs)), sum(sum(store.lengths) for store in epochs)
    assert packed < 0.95 * plain


def test_packs_too_small_for_an_example_are_refused_before_the_model_loads(tmp_path: Path) -> None:
    chosen = recipe(pack_tokens=100)
    with pytest.raises(RecipeError, match=r"set train\.pack_tokens to at least"):
        plan_steps(chosen, tokenised(tmp_path, chosen).epochs)
