"""Where memory runs short, micro-batches are halved and steps stay the same.

No card is at hand to run out of memory on: the loss raises PyTorch's own error for packs that are
too long, before the forward pass or amid the backward pass, when some gradients are there.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from model.tiny_llama import made_up_examples, settings, tiny_adapted, tiny_packs
from sqlforge.core.errors import TrainingError
from sqlforge.model import train as module
from sqlforge.model.halve import halves
from sqlforge.model.pack import IGNORED, Pack, plan_packs
from sqlforge.model.train import train

LOSS = module.supervised_loss
Fails = Callable[[Any, dict[str, Any]], torch.Tensor]


class Watch(TrainerCallback):
    def __init__(self) -> None:
        self.losses: list[float] = []
        self.gradients: list[torch.Tensor] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        found = [p.grad.flatten().clone() for p in kwargs["model"].parameters() if p.requires_grad]
        self.gradients.append(torch.cat(found))

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if "loss" in kwargs["logs"]:
            self.losses.append(kwargs["logs"]["loss"])


def before_the_pass(most: int) -> Fails:
    def loss(model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if inputs["input_ids"].shape[1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return LOSS(model, inputs)

    return loss


def in_the_backward_pass(most: int) -> Fails:
    def loss(model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        found = LOSS(model, inputs)
        if inputs["input_ids"].shape[1] <= most:
            return found
        first = next(p for p in model.parameters() if p.requires_grad)

        def fail(_: torch.Tensor) -> None:
            handle.remove()
            raise torch.OutOfMemoryError("CUDA out of memory.")

        handle = first.register_post_accumulate_grad_hook(fail)
        return found

    return loss


def examples_in(pack: Pack) -> Counter[tuple[int, ...]]:
    """The answers of a pack, which tell its examples apart."""
    answers: dict[tuple[int, int], list[int]] = {}
    for place in range(len(pack)):
        if pack.labels[place] != IGNORED:
            key = (pack.groups[place], pack.branches[place])
            answers.setdefault(key, []).append(pack.labels[place])
    return Counter(map(tuple, answers.values()))


@pytest.mark.parametrize(("schemas", "budget"), [(5, 90), (1, 200)], ids=["groups", "branches"])
def test_halves_hold_every_example_once_and_are_packs_themselves(schemas: int, budget: int) -> None:
    encoded, keys = made_up_examples(60, schemas=schemas)
    for pack in plan_packs(encoded, keys, budget=budget, questions_per_schema=8, seed=1):
        both = halves(pack)
        if pack.examples == 1:
            assert both is None
            continue
        assert both is not None
        first, second = both
        assert examples_in(first) + examples_in(second) == examples_in(pack)
        assert first.examples + second.examples == pack.examples
        assert max(len(first), len(second)) < len(pack)


@pytest.mark.parametrize(("fails", "most"), [(before_the_pass, 60), (in_the_backward_pass, 40)])
def test_short_memory_changes_no_step(
    fails: Callable[[int], Fails],
    most: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    packs, plan = tiny_packs()[:9], settings(3, accumulation=3)
    packs[1::3] = [replace(pack, examples=0) for pack in packs[1::3]]  # see OwnPacks
    assert max(map(len, packs)) > 60
    whole, halved = Watch(), Watch()
    train(tiny_adapted(), packs, plan, tmp_path / "whole", [whole])
    monkeypatch.setattr(module, "supervised_loss", fails(most))
    with caplog.at_level(logging.WARNING):
        train(tiny_adapted(), packs, plan, tmp_path / "halved", [halved])
    assert halved.losses == pytest.approx(whole.losses, rel=1e-5)
    for got, wanted in zip(halved.gradients, whole.gradients, strict=True):
        assert ((got - wanted).norm() / wanted.norm()).item() < 1e-5
    told = [r.message for r in caplog.records if "no memory for a micro-batch" in r.message]
    assert 1 <= len(told) <= 3, "said when it happens, not at every pack"


def test_an_example_that_does_not_fit_alone_ends_training_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "supervised_loss", before_the_pass(5))
    with pytest.raises(TrainingError, match=r"one example of \d+ tokens does not fit"):
        train(tiny_adapted(), tiny_packs(), settings(2), tmp_path, [])


def test_no_memory_for_the_optimizer_ends_training_in_a_sentence(tmp_path: Path) -> None:
    class Fails(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(TrainingError, match="no memory is left on the card"):
        train(tiny_adapted(), tiny_packs(), settings(2), tmp_path, [Fails()])
