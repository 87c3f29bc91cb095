"""What training goes through: packs of every epoch, put together when it is their turn."""

from collections import Counter
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra 'train' is not installed")

from prompt.conftest import CharacterTokenizer
from sqlforge.core.config import Recipe
from sqlforge.core.errors import RecipeError
from sqlforge.corpus.synthetic.generate import generate_corpus
from sqlforge.model.epochs import Curriculum, Passes
from sqlforge.model.pack import Pack, plan_packs, size_of
from sqlforge.model.planned_steps import plan_steps
from sqlforge.prompt.tokenise import Tokenised, tokenise
from sqlforge.score.difficulty import difficulties

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
    assert [size_of(packs, i) for i in range(len(whole))] == [(len(p), p.examples) for p in whole]
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


def test_a_curriculum_goes_from_easy_to_hard_in_its_epochs_and_strews_some(tmp_path: Path) -> None:
    chosen = recipe(pack_tokens=1_200)
    made = generate_corpus(tmp_path / "d", seed=4, counts={"train": 120}, max_tables=2)["train"]
    found = difficulties(made.examples, made.databases, "hardness")
    epochs = tokenise(
        chosen, tmp_path / "t", CharacterTokenizer(), made.examples, made.databases
    ).epochs
    plain, _ = plan_steps(chosen, epochs)
    gold = {tuple(epochs[0][i].answer): found[name] for i, name in enumerate(epochs[0].ids)}

    def run(mixed: float) -> tuple[list[Pack], list[float]]:
        packs, _ = plan_steps(chosen, epochs, None, Curriculum(found, 1, mixed))
        first = list(packs)[: len(packs) // 2]
        return list(packs), [fmean(gold[answer] for answer in answers(pack)) for pack in first]

    packs, levels = run(0.0)
    assert sum(pack.examples for pack in packs) == 240
    half, third = len(levels) // 2, len(levels) // 3
    assert levels[:third] == pytest.approx(sorted(levels[:third]), abs=0.6)
    assert fmean(levels[:third]) + 1 < fmean(levels[-third:])
    some, strewn = run(0.4)
    assert run(0.4)[0] == some, "the same again"
    assert fmean(levels[half:]) > fmean(strewn[half:]) > fmean(strewn[:half])
    assert list(packs)[-20:] == list(plain)[-20:], "later epochs are as they were"


def answers(pack: Pack) -> list[tuple[int, ...]]:
    found: dict[tuple[int, int], list[int]] = {}
    for group, branch, label in zip(pack.groups, pack.branches, pack.labels, strict=True):
        if label >= 0:
            found.setdefault((group, branch), []).append(label)
    return [tuple(ids) for ids in found.values()]


def test_a_source_is_gone_through_as_often_as_the_recipe_says(tmp_path: Path) -> None:
    chosen = recipe()
    epochs = tokenised(tmp_path, chosen).epochs
    ids = epochs[0].ids
    once = set(ids[:60])
    packs, _ = plan_steps(chosen, epochs, Passes(2, chosen.seed, dict.fromkeys(once, 1.0)))
    counts = Counter(answer for pack in packs for answer in answers(pack))
    wanted = Counter(tuple(epochs[0][i].answer) for i in range(len(ids)))
    for i, name in enumerate(ids):
        if name not in once:
            wanted[tuple(epochs[0][i].answer)] += 1
    assert counts == wanted
    passes = Passes(8, 3, dict.fromkeys(ids, 2.0))
    per_epoch = [passes.taken(ids, epoch) or [] for epoch in range(8)]
    assert Counter(row for rows in per_epoch for row in rows) == dict.fromkeys(range(120), 2)
    assert max(map(len, per_epoch)) < 50, "spread evenly"


def test_packs_too_small_for_an_example_are_refused_before_the_model_loads(tmp_path: Path) -> None:
    chosen = recipe(pack_tokens=100)
    with pytest.raises(RecipeError, match=r"set train\.pack_tokens to at least"):
        plan_steps(chosen, tokenised(tmp_path, chosen).epochs)
