"""The fused step computes the function of transformers' layers, packed and recomputed or not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, MistralConfig, Phi3Config
from transformers.models.auto import AutoModelForCausalLM

from model.tiny_llama import (
    VOCABULARY,
    made_up_examples,
    settings,
    tiny_adapted,
    tiny_packs,
    with_drawn_b,
)
from sqlforge.core.errors import TrainingError
from sqlforge.model.adapt import add_lora
from sqlforge.model.batches import choose_attention
from sqlforge.model.catalog import CATALOG
from sqlforge.model.fused import step as module
from sqlforge.model.fused.step import FusedStep, choose_step, why_not
from sqlforge.model.load import Source
from sqlforge.model.pack import Pack, collate, plan_packs
from sqlforge.model.random_base import random_base
from sqlforge.model.train import supervised_loss, train
from sqlforge.prompt.encode import Encoded

SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "pad_token_id": 0,
}
FAMILY = {"llama": LlamaConfig, "mistral": MistralConfig, "phi3": Phi3Config}


def adapted(kind: str, *, rank: int = 8, dropout: float = 0.0) -> Any:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(FAMILY[kind](**SIZES)).eval()
    return with_lora(model, kind, rank=rank, dropout=dropout)


def with_lora(
    model: Any, kind: str, *, rank: int = 8, dropout: float = 0.0, dtype: str = "float32"
) -> Any:
    named = CATALOG["phi-3.5-mini" if kind == "phi3" else "mistral-7b-v0.3"]
    source = Source(kind, kind, named)
    made = add_lora(model, source, rank=rank, alpha=16, dropout=dropout, dtype=dtype, seed=3)
    for parameter in with_drawn_b(made).parameters():
        if parameter.requires_grad and dtype == "bfloat16":
            parameter.data = parameter.data.bfloat16()
    return made


def gradients(model: Any) -> torch.Tensor:
    return torch.cat([p.grad.float().flatten() for p in model.parameters() if p.grad is not None])


def plain_step(model: Any, encoded: Sequence[Encoded]) -> tuple[float, torch.Tensor]:
    """Every example alone, through transformers' own layers."""
    model.set_attn_implementation("sdpa")
    model.zero_grad()
    total = 0.0
    for example in encoded:
        (pack,) = plan_packs([example], ["one"], budget=4_000, questions_per_schema=1, seed=0)
        loss = supervised_loss(model, moved(collate(pack), model.device))
        loss.backward()
        total += loss.item()
    return total, gradients(model)


def stepped(model: Any, step: Any, packs: Sequence[Pack]) -> float:
    """The loss of all packs by ``step``, whose gradients are added up in the model."""
    collated = choose_attention(model, autocast_bf16=False)
    model.zero_grad()
    total = 0.0
    for pack in packs:
        loss = step.loss(moved(collated([pack]), model.device))
        loss.backward()
        total += loss.item()
    return total


def fused_step(
    model: Any, packs: Sequence[Pack], recomputed: bool | int
) -> tuple[float, torch.Tensor]:
    total = stepped(model, FusedStep(model, recomputed), packs)
    return total, gradients(model)


def moved(values: Any, device: torch.device) -> Any:
    if isinstance(values, dict):
        return {key: moved(value, device) for key, value in values.items()}
    return values.to(device) if isinstance(values, torch.Tensor) else values


def error(got: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((got - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("kind", FAMILY)
@pytest.mark.parametrize("recomputed", [True, 1, False])
@pytest.mark.parametrize(
    ("short", "resident"), [(0, 0), (1_024, 0), (0, 2**30)], ids=["long", "short", "resident"]
)
def test_packed_recomputed_and_fused_equal_the_plain_unpacked_step(
    kind: str, recomputed: bool | int, short: int, resident: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORT", short)
    monkeypatch.setattr(module, "RESIDENT_BYTES", resident)
    model = adapted(kind, rank=6)  # not a multiple of what cuBLAS likes
    encoded, keys = made_up_examples(20, schemas=4)
    packs = plan_packs(encoded, keys, budget=150, questions_per_schema=3, seed=1)
    wanted = plain_step(model, encoded)
    got = fused_step(model, packs, recomputed)
    assert got[0] == pytest.approx(wanted[0], rel=1e-5)
    assert error(got[1], wanted[1]) < 1e-5


def test_on_the_real_smollm2_too(smol: Any, conversations: Any) -> None:
    encoded, keys = (some[1:4] for some in conversations)  # of both schemas
    model = with_lora(smol, "llama", rank=16)
    try:
        packs = plan_packs(encoded, keys, budget=2_048, questions_per_schema=8, seed=0)
        wanted = plain_step(model, encoded)
        got = fused_step(model, packs, 15)
    finally:
        model.unload()
    assert got[0] == pytest.approx(wanted[0], rel=1e-5)
    assert error(got[1], wanted[1]) < 1e-5


@pytest.mark.parametrize("quantised", [False, True], ids=["bf16", "nf4"])
def test_in_bf16_it_errs_no_more_than_transformers_layers(quantised: bool) -> None:
    shape = SIZES | {"model_type": "mistral", "head_dim": 16, "initializer_range": 0.02}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    base = random_base(shape, device=device, quantised=quantised)
    # In evaluation bitsandbytes lays weights on a CPU out anew; training never does.
    model = with_lora(base, "mistral", dtype="bfloat16").train()
    exact = in_fp32(model, shape)
    encoded, keys = made_up_examples(20, schemas=4)
    packs = plan_packs(encoded, keys, budget=400, questions_per_schema=3, seed=1)
    wanted = plain_step(exact, encoded)[1]
    plain = error(plain_step(model, encoded)[1], wanted)
    assert error(fused_step(model, packs, True)[1], wanted) <= 1.25 * plain


def in_fp32(model: Any, shape: dict[str, Any]) -> Any:
    """The same numbers, dequantised, in a model that computes in fp32."""
    from bitsandbytes.functional import dequantize_4bit

    config = MistralConfig(**{k: v for k, v in shape.items() if k != "model_type"})
    exact = with_lora(AutoModelForCausalLM.from_config(config).eval(), "mistral")
    exact.to(model.device)
    numbers = {
        name: p if (state := getattr(p, "quant_state", None)) is None else dequantize_4bit(p, state)
        for name, p in model.named_parameters()
    }
    missing = exact.load_state_dict({k: v.float() for k, v in numbers.items()}, strict=False)
    assert not missing.missing_keys
    return exact


def test_changing_an_example_changes_no_other_and_no_token_before_it() -> None:
    model = adapted("mistral")
    encoded, keys = made_up_examples(12, schemas=3)
    (pack,) = plan_packs(encoded, keys, budget=4_000, questions_per_schema=4, seed=1)
    collated = choose_attention(model, autocast_bf16=False)
    step = FusedStep(model, True)
    before = step.hidden(collated([pack])).detach()
    changed_at = len(pack) // 2
    while pack.branches[changed_at] == 0:
        changed_at += 1
    place = (pack.groups[changed_at], pack.branches[changed_at])
    ids = [*pack.input_ids]
    ids[changed_at] = (ids[changed_at] + 1) % VOCABULARY
    after = step.hidden(collated([replace(pack, input_ids=ids)])).detach()
    different = (before != after).any(dim=1).tolist()
    assert different[changed_at]
    for token, differs in enumerate(different):
        own = (pack.groups[token], pack.branches[token]) == place and token >= changed_at
        assert own or not differs


def test_dropouts_gradient_is_that_of_the_loss_it_drew() -> None:
    model = adapted("llama", dropout=0.3).train()
    encoded, keys = made_up_examples(8, schemas=2)
    packs = plan_packs(encoded, keys, budget=4_000, questions_per_schema=4, seed=1)

    def drawn(recomputed: bool) -> tuple[float, torch.Tensor]:
        torch.manual_seed(4)
        return fused_step(model, packs, recomputed)

    loss, gradient = drawn(True)
    assert error(drawn(False)[1], gradient) < 1e-6
    trained = [p for p in model.parameters() if p.requires_grad]
    step = 1e-3 * gradient / gradient.norm()
    sides = []
    for sign in (1, -2):
        for p, move in zip(trained, step.split([p.numel() for p in trained]), strict=True):
            p.data += sign * move.view_as(p)
        sides.append(drawn(True)[0])
    expected = float(gradient.norm()) * 2e-3
    assert sides[0] - sides[1] == pytest.approx(expected, rel=0.02)
    torch.manual_seed(5)
    assert fused_step(model, packs, True)[0] != pytest.approx(loss, rel=1e-4), "another mask"


def test_training_by_the_fused_step_is_training_by_layers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    packs = tiny_packs()[:8]
    plain, fused = tiny_adapted(), tiny_adapted()
    train(plain, packs, settings(4, accumulation=2), tmp_path / "plain")
    with caplog.at_level(logging.INFO):
        train(fused, packs, settings(4, accumulation=2, step="fused"), tmp_path / "fused")
    assert any("fused step" in record.message for record in caplog.records)
    for one, other in zip(fused.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_a_resumed_run_draws_the_same_dropout(tmp_path: Path) -> None:
    packs = tiny_packs()[:6]
    whole, cut = tiny_adapted(dropout=0.2), tiny_adapted(dropout=0.2)
    plan = settings(6, step="fused", checkpoint_steps=3)
    train(whole, packs, plan, tmp_path / "whole")
    train(cut, packs, plan, tmp_path / "cut")
    last = tmp_path / "cut" / "checkpoint-6"
    for file in last.iterdir():
        file.unlink()
    last.rmdir()
    again = tiny_adapted(dropout=0.2)
    assert train(again, packs, plan, tmp_path / "cut").resumed_from == 3
    for one, other in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)


def test_short_memory_halves_packs_in_the_fused_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs, plan = tiny_packs()[:4], settings(2, accumulation=2, step="fused")
    whole, halved = tiny_adapted(), tiny_adapted()
    train(whole, packs, plan, tmp_path / "whole")
    compute = FusedStep.loss

    def fails(step: FusedStep, inputs: dict[str, Any]) -> torch.Tensor:
        if inputs["input_ids"].shape[1] > 50:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return compute(step, inputs)

    monkeypatch.setattr(FusedStep, "loss", fails)
    train(halved, packs, plan, tmp_path / "halved")
    for one, other in zip(halved.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


class OnACard:
    """Stands for the model on a card, which is not needed to choose a step."""

    device = torch.device("cuda")

    def __init__(self, model: Any) -> None:
        self.base_model, self.peft_config = model.base_model, model.peft_config


def unlike_llama(**changes: Any) -> Any:
    kind = changes.pop("kind", "llama")
    model = AutoModelForCausalLM.from_config(FAMILY[kind](**SIZES | changes))
    return with_lora(model, kind)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hidden_act": "gelu"}, "the activation is 'gelu', not silu"),
        ({"attention_bias": True}, "projections have biases"),
        ({"kind": "phi3", "partial_rotary_factor": 0.5}, "only a part of each head is rotated"),
        ({"kind": "phi3", "resid_pdrop": 0.1}, "layers' outputs have a dropout"),
    ],
)
def test_what_it_cannot_compute_is_said_and_trained_by_layers(
    changes: dict[str, Any], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model: Any = unlike_llama(**changes)
    assert why_not(model) == reason
    with pytest.raises(TrainingError, match=f"does not apply: {reason}; set it to 'auto'"):
        train(model, tiny_packs()[:2], settings(2, step="fused"), tmp_path)
    assert choose_step(OnACard(model), settings(2)) is None
    assert f"training by transformers' own layers: {reason}" in caplog.messages


def test_on_a_card_it_is_the_default_and_on_a_cpu_it_is_not() -> None:
    model = tiny_adapted()
    assert choose_step(model, settings(2)) is None
    assert choose_step(OnACard(model), settings(2, step="plain")) is None
    assert isinstance(choose_step(OnACard(model), settings(2)), FusedStep)
