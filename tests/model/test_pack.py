"""A packed step computes what its examples would compute one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.tiny_llama import END, VOCABULARY, made_up_examples, tiny_adapted, with_drawn_b
from sqlforge.model.adapt import add_lora
from sqlforge.model.attention import PACKED, layout_of
from sqlforge.model.load import resolve
from sqlforge.model.pack import IGNORED, Pack, collate, plan_packs
from sqlforge.model.train import supervised_loss
from sqlforge.prompt.encode import Encoded

# Both ways to attend: over the whole square with a mask (GPU), and branch by branch (CPU).
WAYS = pytest.mark.parametrize("way", ["sdpa", PACKED])


def _inputs(pack: Pack, way: str) -> dict[str, Any]:
    return collate(pack) | ({"pack_layout": layout_of(pack)} if way == PACKED else {})


def _plain_loss(model: Any, example: Encoded) -> torch.Tensor:
    """The textbook way: one example, no mask, all logits."""
    ids = torch.tensor([[*example.prompt, *example.answer]])
    logits = model(input_ids=ids, use_cache=False).logits[0].float()
    asked = logits[len(example.prompt) - 1 : -1]
    return torch.nn.functional.cross_entropy(asked, torch.tensor(example.answer), reduction="sum")


def _gradients(model: Any) -> torch.Tensor:
    found = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return torch.cat(found)


def _assert_packed_is_plain(model: Any, encoded: Any, keys: Any, way: str, budget: int) -> None:
    packs = plan_packs(encoded, keys, budget=budget, questions_per_schema=8, seed=4)
    assert sum(map(len, packs)) < sum(map(len, encoded)), "nothing was shared"
    model.set_attn_implementation("sdpa")
    plain = sum(_plain_loss(model, example) for example in encoded)
    plain.backward()
    wanted = _gradients(model)
    model.set_attn_implementation(way)
    packed = sum(supervised_loss(model, _inputs(pack, way)) for pack in packs)
    packed.backward()
    got = _gradients(model)
    assert packed.item() == pytest.approx(plain.item(), rel=1e-5)
    assert ((got - wanted).norm() / wanted.norm()).item() < 1e-5


@WAYS
@pytest.mark.parametrize("budget", [90, 4_000], ids=["several packs", "one pack"])
def test_a_packed_step_has_the_loss_and_gradients_of_the_plain_one(way: str, budget: int) -> None:
    # Random weights suffice: the claim is about arithmetic, and fp32 shows small differences.
    encoded, keys = made_up_examples(20, schemas=4)
    _assert_packed_is_plain(tiny_adapted(), encoded, keys, way, budget)


@pytest.mark.xdist_group("smollm2")
@WAYS
def test_a_packed_step_of_smollm2_has_the_loss_and_gradients_of_the_plain_one(
    smol: Any, conversations: Any, way: str
) -> None:
    model = add_lora(
        smol, resolve("smollm2-135m"), rank=4, alpha=8, dropout=0, dtype="float32", seed=3
    )
    try:
        with_drawn_b(model, 0.01)
        encoded, keys = conversations
        _assert_packed_is_plain(model, encoded[:3], keys[:3], way, 4_000)
    finally:
        model.set_attn_implementation("sdpa")
        model.unload()
        smol.requires_grad_(False)


def _logits(model: Any, pack: Pack, way: str) -> torch.Tensor:
    model.set_attn_implementation(way)
    inputs = _inputs(pack, way)
    del inputs["labels"]
    with torch.no_grad():
        return model(**inputs, use_cache=False).logits[0]


def _with_other_tokens(pack: Pack, places: list[int]) -> Pack:
    ids = list(pack.input_ids)
    for place in places:
        ids[place] = (ids[place] + 1) % VOCABULARY
    return Pack(ids, pack.positions, pack.labels, pack.groups, pack.branches, pack.examples)


@WAYS
def test_changing_one_packed_example_changes_no_other(way: str) -> None:
    encoded, keys = made_up_examples(9, schemas=3)
    (pack,) = plan_packs(encoded, keys, budget=4_000, questions_per_schema=3, seed=2)
    model = tiny_adapted()
    before = _logits(model, pack, way)
    places = list(zip(pack.groups, pack.branches, strict=True))
    for branch in sorted({p for p in places if p[1] > 0}):
        changed = [t for t, place in enumerate(places) if place == branch]
        others = [t for t, place in enumerate(places) if place != branch]
        after = _logits(model, _with_other_tokens(pack, changed), way)
        assert torch.equal(after[others], before[others])
        assert not torch.equal(after[changed], before[changed])


@WAYS
def test_no_token_sees_a_later_one(way: str) -> None:
    encoded, keys = made_up_examples(6, schemas=2)
    (pack,) = plan_packs(encoded, keys, budget=4_000, questions_per_schema=3, seed=2)
    model = tiny_adapted()
    before = _logits(model, pack, way)
    for cut in range(1, len(pack), 7):
        after = _logits(model, _with_other_tokens(pack, list(range(cut, len(pack)))), way)
        torch.testing.assert_close(after[:cut], before[:cut], rtol=1e-5, atol=1e-5)


@WAYS
def test_the_same_prompt_may_have_two_answers(way: str) -> None:
    prompt = (5, 6, 7, 8)
    encoded = [Encoded(prompt, (9, END)), Encoded(prompt, (10, 11, END)), Encoded(prompt, (9, END))]
    _assert_packed_is_plain(tiny_adapted(), encoded, ["one"] * 3, way, 100)


def test_prompts_that_are_each_others_beginning_share_all_but_their_last_token() -> None:
    encoded = [Encoded((5, 6, 7), (9, END)), Encoded((5, 6, 7, 8, 9), (9, END))]
    (pack,) = plan_packs(encoded, ["one"] * 2, budget=100, questions_per_schema=2, seed=0)
    assert pack.input_ids[:2] == [5, 6]
    assert pack.branches.count(0) == 2
    assert len(pack) == 2 + 3 + 5


def test_an_example_without_companions_stands_alone() -> None:
    encoded, _ = made_up_examples(3, schemas=3)
    (pack,) = plan_packs(encoded, ["a", "b", "c"], budget=400, questions_per_schema=8, seed=0)
    assert set(pack.branches) == {1}
    assert pack.examples == 3
    assert len(pack) == sum(map(len, encoded))


def test_an_example_longer_than_the_budget_is_refused() -> None:
    encoded, keys = made_up_examples(4, schemas=1)
    with pytest.raises(ValueError, match=r"an example of \d+ tokens in a pack of 8"):
        plan_packs(encoded, keys, budget=8, questions_per_schema=2, seed=0)


TOKENS = st.lists(st.integers(3, 6), min_size=1, max_size=8).map(tuple)
ENCODED = st.builds(Encoded, TOKENS, TOKENS.map(lambda ids: (*ids, END)))
EXAMPLES = st.lists(st.tuples(ENCODED, st.sampled_from("abc")), min_size=1, max_size=14)


def _unpacked(packs: list[Pack]) -> list[tuple[list[int], list[int]]]:
    """Every example of packs: what its last token sees, and labels by position."""
    found = []
    for pack in packs:
        mask = collate(pack)["attention_mask"][0, 0]
        places = list(zip(pack.groups, pack.branches, strict=True))
        for branch in sorted({p for p in places if p[1] > 0}):
            last = max(t for t, place in enumerate(places) if place == branch)
            seen = mask[last].nonzero()[:, 0].tolist()
            assert [pack.positions[t] for t in seen] == list(range(len(seen)))
            found.append(([pack.input_ids[t] for t in seen], [pack.labels[t] for t in seen]))
    return found


@settings(max_examples=120, deadline=None)
@given(EXAMPLES, st.integers(18, 60), st.integers(1, 5), st.integers(0, 3))
def test_packs_hold_every_example_once_and_keep_their_budget(
    drawn: list[tuple[Encoded, str]], budget: int, most: int, seed: int
) -> None:
    encoded, keys = [e for e, _ in drawn], [key for _, key in drawn]
    options: dict[str, Any] = {"budget": budget, "questions_per_schema": most, "seed": seed}
    packs = plan_packs(encoded, keys, **options)
    assert all(len(pack) <= budget for pack in packs)
    assert sum(pack.examples for pack in packs) == len(encoded)
    wanted = Counter(
        (
            (*e.prompt, *e.answer),
            (*[IGNORED] * (len(e.prompt) - 1), *e.answer, IGNORED),
        )
        for e in encoded
    )
    assert Counter((tuple(ids), tuple(labels)) for ids, labels in _unpacked(packs)) == wanted
    trunks = [
        label
        for pack in packs
        for label, branch in zip(pack.labels, pack.branches, strict=True)
        if branch == 0
    ]
    assert set(trunks) <= {IGNORED}
    assert packs == plan_packs(encoded, keys, **options), "the same seed draws the same packs"


def test_another_seed_draws_other_packs() -> None:
    encoded, keys = made_up_examples(40, schemas=4)
    one, other = (
        plan_packs(encoded, keys, budget=120, questions_per_schema=4, seed=seed) for seed in (1, 2)
    )
    assert one != other
