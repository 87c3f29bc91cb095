"""The fused step of a model trained whole computes the function of transformers' layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.models.auto import AutoModelForCausalLM

from model.test_fused import FAMILY, SIZES, error, plain_step, stepped
from model.tiny_llama import made_up_examples, settings, tiny_adapted, tiny_llama, tiny_packs
from sqlforge.core.errors import TrainingError
from sqlforge.model.fused.whole import WholeStep, choose
from sqlforge.model.pack import Pack, plan_packs
from sqlforge.model.train import train


def drawn(kind: str, *, tied: bool) -> Any:
    torch.manual_seed(0)
    config = FAMILY[kind](**SIZES | {"pad_token_id": 5}, tie_word_embeddings=tied)
    model = AutoModelForCausalLM.from_config(config).eval()
    for name, weight in model.named_parameters():
        if "norm" in name:  # ones would hide what they do
            weight.data += 0.3 * torch.randn_like(weight)
    return model


def gradients(model: Any) -> torch.Tensor:
    return torch.cat([p.grad.float().flatten() for p in model.parameters()])


def whole_step(model: Any, packs: list[Pack], dtype: torch.dtype) -> tuple[float, torch.Tensor]:
    total = stepped(model, WholeStep(model, dtype), packs)
    return total, gradients(model)


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("tied", [False, True], ids=["apart", "tied"])
def test_packed_and_fused_equals_the_plain_unpacked_step(kind: str, tied: bool) -> None:
    model = drawn(kind, tied=tied)
    encoded, keys = made_up_examples(20, schemas=4)
    packs = plan_packs(encoded, keys, budget=150, questions_per_schema=3, seed=1)
    wanted = plain_step(model, encoded)
    got = whole_step(model, packs, torch.float32)
    assert got[0] == pytest.approx(wanted[0], rel=1e-5)
    assert error(got[1], wanted[1]) < 1e-5


def test_in_bf16_it_errs_no_more_than_layers_in_bf16() -> None:
    exact = drawn("llama", tied=True)
    encoded, keys = made_up_examples(20, schemas=4)
    packs = plan_packs(encoded, keys, budget=400, questions_per_schema=3, seed=1)
    wanted = plain_step(exact, encoded)[1]
    fused = error(whole_step(exact, packs, torch.bfloat16)[1], wanted)
    plain = error(plain_step(drawn("llama", tied=True).bfloat16(), encoded)[1], wanted)
    assert fused <= 1.25 * plain


def test_training_by_it_learns_what_the_plain_step_learns(tmp_path: Path) -> None:
    packs = tiny_packs()
    plan = settings(4, step="fused", learning_rate=1e-3)
    fused, plain = tiny_llama(), tiny_llama()
    train(fused, packs, plan, tmp_path / "fused")
    train(plain, packs, settings(4, step="plain", learning_rate=1e-3), tmp_path / "plain")
    for one, other in zip(fused.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_it_is_taken_only_where_it_is_asked_for_and_applies() -> None:
    assert choose(tiny_llama(), settings(1)) is None
    assert not isinstance(choose(tiny_adapted(), settings(1, step="fused")), WholeStep)
    frozen = tiny_llama()
    frozen.lm_head.requires_grad_(False)
    with pytest.raises(TrainingError, match="not all weights are trained; set it to 'auto'"):
        choose(frozen, settings(1, step="fused"))
    with pytest.raises(TrainingError, match="recomputes no layer"):
        choose(tiny_llama(), settings(1, step="fused", gradient_checkpointing=True))
