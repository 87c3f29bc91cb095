"""Packed layers choose what a model's own layers choose."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from model.test_generate import _Ids, _prompts
from model.tiny_llama import tiny_adapted, tiny_llama
from sqlforge.model.engine import Engine, Request
from sqlforge.model.packed_layers import PackedLayer, pack_layers

NEW = 12


@pytest.fixture(scope="module")
def model() -> Any:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("this processor has no products in bf16, so nothing is packed on it")
    return tiny_llama(spread=0.3).to(torch.bfloat16)


@pytest.fixture(scope="module")
def packed(model: Any) -> Any:
    found = copy.deepcopy(model)
    assert pack_layers(found)
    assert all(type(layer) is PackedLayer for layer in found.model.layers)
    return found


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_each_token_is_the_models_own_choice_or_ties_with_it(
    model: Any, packed: Any, rows: int
) -> None:
    prompts, keys = _prompts(1, schemas=3, count=10)
    with Engine(packed, _Ids(), rows=rows) as engine:
        tickets = [engine.submit(Request(p, NEW, k)) for p, k in zip(prompts, keys, strict=True)]
        written = [t.result() for t in tickets]
    assert sum(w.tokens for w in written) > 5 * NEW, "texts too short to show anything"
    for prompt, text in zip(prompts, written, strict=True):
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([[*prompt, *text.ids]])).logits[0].float()
        scores = torch.log_softmax(logits[len(prompt) - 1 :], dim=-1)[: len(text.ids)]
        chosen = scores.gather(1, torch.tensor(text.ids)[:, None])[:, 0]
        assert (scores.max(dim=-1).values - chosen).max() < 0.1
        assert abs(float(chosen.sum()) - text.logprob) < 0.1 * text.tokens


def test_one_pass_over_all_tokens_and_one_for_each_give_the_same(packed: Any) -> None:
    prompt = _prompts(2, schemas=1, count=1)[0][0]
    with Engine(packed, _Ids(), rows=2) as engine:
        whole = engine.submit(Request(prompt, NEW)).result()
        behind = engine.submit(Request((*prompt, *whole.ids[:6]), NEW - 6)).result()
    assert whole.ids[6:] == behind.ids


def test_guesses_change_no_bit_of_texts(packed: Any) -> None:
    prompts, _ = _prompts(4, schemas=3, count=12)
    found: list[list[tuple[tuple[int, ...], float]]] = []
    steps = []
    for drafts in (True, False):
        with Engine(packed, _Ids(), rows=4, width=256, drafts=drafts) as engine:
            done = [engine.submit(Request(p, 100)).result() for p in (*prompts, *prompts)]
            found.append([(text.ids, text.logprob) for text in done])
            steps.append(engine.profile.steps)
    # Another processor's kernels may sum in another order over one token than over four.
    assert sum(one == other for one, other in zip(*found, strict=True)) >= len(found[0]) - 2
    assert steps[0] < 0.8 * steps[1]


def test_short_passes_are_computed_by_one_thread_and_long_ones_by_all(model: Any) -> None:
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(3)
    try:
        found = copy.deepcopy(model)
        assert pack_layers(found)
        found.model.norm.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
        with Engine(found, _Ids(), rows=1) as engine:
            written = engine.submit(Request(tuple(range(3, 33)), 4)).result()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [3] + [1] * (written.tokens - 1)


def test_other_models_are_left_alone() -> None:
    for other in (tiny_llama(), tiny_adapted(dtype="bfloat16")):
        before = [type(module) for module in other.modules()]
        assert not pack_layers(other)
        assert [type(module) for module in other.modules()] == before
