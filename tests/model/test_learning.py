"""What a recipe may add to plain fine-tuning: each changes what it says, and resumes exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch._dynamo.utils import counters
from transformers import TrainerCallback

from model.tiny_llama import (
    StopBefore,
    made_up_examples,
    settings,
    tiny_adapted,
    tiny_llama,
    tiny_packs,
)
from sqlforge.core.config import AveragePart
from sqlforge.model.batches import choose_attention
from sqlforge.model.compiled import compiled_layers
from sqlforge.model.fused.step import FusedStep
from sqlforge.model.halve import halves
from sqlforge.model.pack import IGNORED, Pack, plan_packs
from sqlforge.model.progress import MetricsLog
from sqlforge.model.prompt_loss import PromptsFirst, weight_of
from sqlforge.model.settings import TrainSettings
from sqlforge.model.train import supervised_loss, train
from sqlforge.model.validation import Validation, validate

WEIGHT = 0.3


class _Watch(TrainerCallback):
    """Notes the trained weights after every step, and the rates of its groups before."""

    def __init__(self) -> None:
        self.weights: list[torch.Tensor] = []
        self.rates: list[list[float]] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.rates.append([group["lr"] for group in kwargs["optimizer"].param_groups])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.weights.append(trained(kwargs["model"]))


def trained(model: Any) -> torch.Tensor:
    found = [p.detach().flatten() for p in model.parameters() if p.requires_grad]
    return torch.cat(found).clone()


# --- prompts too ------------------------------------------------------------------------------


def by_hand(model: Any, pack: Pack) -> torch.Tensor:
    """The pack's weighted loss from each of its branches alone, behind its trunk."""
    total = torch.zeros(())
    told: set[int] = set()  # groups whose trunk is counted
    places = list(zip(pack.groups, pack.branches, strict=True))
    for group, branch in sorted({p for p in places if p[1] > 0}):
        trunk = [pack.input_ids[i] for i, p in enumerate(places) if p == (group, 0)]
        own = [i for i, p in enumerate(places) if p == (group, branch)]
        ids = torch.tensor([trunk + [pack.input_ids[i] for i in own]])
        logs = torch.log_softmax(model(input_ids=ids).logits[0], dim=-1)
        answers = [i for i, place in enumerate(own) if pack.labels[place] != IGNORED]
        first = len(trunk) + answers[0]
        for i in range(ids.shape[1] - 1):
            if i == len(trunk) - 1 or (i < len(trunk) and group in told):
                continue
            total = total - logs[i, ids[0, i + 1]] * (1.0 if i >= first else WEIGHT)
        told.add(group)
    return total


@pytest.mark.parametrize("fused", [False, True], ids=["plain", "fused"])
def test_a_prompts_tokens_count_their_weight_and_a_shared_schema_once(fused: bool) -> None:
    encoded, keys = made_up_examples(9, schemas=2)
    plain = plan_packs(encoded, keys, budget=400, questions_per_schema=4, seed=0)
    (pack,) = PromptsFirst(plain, 1, WEIGHT)
    model = tiny_adapted()
    collate = choose_attention(model, autocast_bf16=False)
    computed = FusedStep(model, False).loss if fused else lambda i: supervised_loss(model, i)

    def step(*packs: Pack) -> tuple[float, torch.Tensor]:
        model.zero_grad()
        losses = [computed(collate([one])) for one in packs]
        torch.stack(losses).sum().backward()
        gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        return sum(loss.item() for loss in losses), torch.cat(gradients)

    got = step(pack)
    model.zero_grad()
    wanted = by_hand(model, pack)
    wanted.backward()
    gradient = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert got[0] == pytest.approx(float(wanted), rel=1e-5)
    assert ((got[1] - gradient).norm() / gradient.norm()).item() < 1e-5
    both = halves(pack)
    assert both is not None
    in_two = step(*both)
    assert in_two[0] == pytest.approx(got[0], rel=1e-5)
    assert ((in_two[1] - gradient).norm() / gradient.norm()).item() < 1e-5
    assert weight_of(collate([pack])) == pytest.approx(sum(weight_of(collate([p])) for p in both))


def test_a_single_schemas_halves_count_its_tokens_once() -> None:
    encoded, keys = made_up_examples(6, schemas=1)
    plain = plan_packs(encoded, keys, budget=400, questions_per_schema=6, seed=0)
    (pack,) = PromptsFirst(plain, 1, WEIGHT)
    both = halves(pack)
    assert both is not None
    counted = [sum(label != IGNORED for label in one.prompt_labels) for one in (pack, *both)]
    assert counted[0] == counted[1] + counted[2]


def test_prompts_are_learnt_in_the_first_phase_only() -> None:
    packs = tiny_packs()
    first = PromptsFirst(packs, 3, WEIGHT)
    assert [bool(pack.prompt_labels) for pack in first] == [i < 3 for i in range(len(packs))]
    assert list(first[3:]) == packs[3:]


# --- means, rates -----------------------------------------------------------------------------


@pytest.mark.parametrize("part", [AveragePart(last=3), AveragePart(ema=0.5)], ids=["last", "ema"])
def test_the_mean_of_weights_is_kept_and_survives_a_restart(
    part: AveragePart, tmp_path: Path
) -> None:
    packs, watch = tiny_packs(), _Watch()
    plan = settings(9, checkpoint_steps=2, average=part)
    whole = tiny_adapted()
    train(whole, packs, plan, tmp_path / "whole", [watch])
    if part.last:
        wanted = torch.stack([watch.weights[step - 1] for step in (5, 7, 9)]).mean(0)
    else:
        wanted = watch.weights[0]
        for count, weights in enumerate(watch.weights[1:], start=1):
            kept = min(0.5, (1 + count) / (10 + count))
            wanted = kept * wanted + (1 - kept) * weights
    torch.testing.assert_close(trained(whole), wanted)
    assert not torch.equal(trained(whole), watch.weights[-1])
    with pytest.raises(InterruptedError):
        train(tiny_adapted(), packs, plan, tmp_path / "cut", [StopBefore(8)])
    resumed = tiny_adapted()
    assert train(resumed, packs, plan, tmp_path / "cut").resumed_from == 6
    assert torch.equal(trained(resumed), trained(whole))


def test_the_mean_of_factors_is_near_the_mean_of_their_products(tmp_path: Path) -> None:
    encoded, keys = made_up_examples(6, schemas=2)
    (pack,) = plan_packs(encoded, keys, budget=400, questions_per_schema=3, seed=0)
    model, products = tiny_adapted(), _Products()
    plan = settings(40, checkpoint_steps=1, average=AveragePart(last=10))
    train(model, [pack] * 40, plan, tmp_path, [products])
    wanted = torch.stack(products.found[-10:]).mean(0)
    moved = (products.found[-1] - products.found[-10]).norm()
    assert (product_of(model) - wanted).norm() < 0.01 * moved


class _Products(TrainerCallback):
    def __init__(self) -> None:
        self.found: list[torch.Tensor] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.found.append(product_of(kwargs["model"]))
        control.should_save = False


def product_of(model: Any) -> torch.Tensor:
    """B A of every projection, in one row."""
    layers = [m for m in model.modules() if hasattr(m, "lora_A")]
    pairs = [(m.lora_B["default"].weight, m.lora_A["default"].weight) for m in layers]
    return torch.cat([(b @ a).detach().flatten() for b, a in pairs])


def rates(plan: TrainSettings, model: Any, folder: Path) -> list[list[float]]:
    watch = _Watch()
    train(model, tiny_packs()[:1] * plan.steps, plan, folder, [watch])
    return watch.rates


def test_a_rate_stays_and_falls_by_a_line_to_nothing(tmp_path: Path) -> None:
    plan = settings(10, schedule="constant-linear", warmup_share=0.2, decay_share=0.4)
    first = [group[0] / 1e-2 for group in rates(plan, tiny_adapted(), tmp_path)]
    assert first == pytest.approx([0, 0.5, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_embeddings_learn_at_a_rate_of_their_own(tmp_path: Path) -> None:
    plan = settings(3, warmup_share=0.0, schedule="linear", embedding_learning_rate=1e-3)
    found = rates(plan, tiny_llama(), tmp_path)
    assert len(found[1]) == 3, "decayed, not decayed (norms), embeddings"
    assert found[1] == pytest.approx([1e-2, 1e-2, 1e-3])


# --- validation -------------------------------------------------------------------------------


def test_validation_on_the_way_is_logged_and_changes_nothing(tmp_path: Path) -> None:
    packs, held_out = tiny_packs(), tiny_packs(12)
    plan = settings(5, checkpoint_steps=3)
    model, alone = tiny_adapted(dropout=0.1), tiny_adapted(dropout=0.1)

    def measure() -> Validation:
        return validate(model, held_out, autocast_bf16=False)

    log = MetricsLog(
        tmp_path / "metrics.jsonl", packs, 1, 5, Console(quiet=True), measure, validate_steps=2
    )
    train(model, packs, plan, tmp_path / "with", [log], log.resume)
    log.close()
    train(alone, packs, plan, tmp_path / "without")
    assert torch.equal(trained(model), trained(alone))
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "validation_loss" in row] == [2, 4, 5]
    collate = choose_attention(model.eval(), autocast_bf16=False)
    with torch.no_grad():
        losses = [supervised_loss(model, collate([pack])).item() for pack in held_out]
    tokens = sum(label != IGNORED for pack in held_out for label in pack.labels)
    assert rows[-1]["validation_loss"] == pytest.approx(sum(losses) / tokens, rel=1e-5)


def test_answers_that_would_be_written_word_by_word_are_counted(tmp_path: Path) -> None:
    (pack,) = plan_packs(
        *made_up_examples(6, schemas=2), budget=400, questions_per_schema=3, seed=0
    )
    model = tiny_adapted()
    assert validate(model, [pack], autocast_bf16=False).exact == 0.0
    train(model, [pack] * 60, settings(60, checkpoint_steps=60), tmp_path)
    assert validate(model, [pack], autocast_bf16=False).exact == 1.0


# --- compiled layers --------------------------------------------------------------------------


def test_compiled_layers_compute_the_same_for_packs_of_any_length() -> None:
    # "eager": captured and guarded as on a card, without waiting for a compiler of C++.
    packs = tiny_packs()[:4]
    assert len({len(pack) for pack in packs}) > 2
    model = tiny_llama().train()
    collate = choose_attention(model, autocast_bf16=False)

    def gradient() -> torch.Tensor:
        model.zero_grad()
        for pack in packs:
            supervised_loss(model, collate([pack])).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    wanted = gradient()
    with compiled_layers(model, settings(1, step="compiled"), backend="eager"):
        got = gradient()
        frames = dict(counters["frames"])
        gradient()
    assert frames["ok"] > 0 and counters["frames"] == frames, "compiled once"
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(gradient(), wanted)
