"""What a step asks of the computer beside the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from model.tiny_llama import settings, tiny_adapted, tiny_packs
from sqlforge.core.errors import TrainingError
from sqlforge.model.lean import few_walks
from sqlforge.model.settings import _ON_CPU
from sqlforge.model.train import train


class _Walks(TrainerCallback):
    """Counts the modules that are walked through from the first step's end to the second's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch, self.count, self.found = monkeypatch, 0, -1

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step != 1:
            self.found = self.count if state.global_step == 2 else self.found
            return
        inner = torch.nn.Module.named_modules

        def counting(module: torch.nn.Module, *given: Any, **more: Any) -> Any:
            for found in inner(module, *given, **more):
                self.count += 1
                yield found

        self.patch.setattr(torch.nn.Module, "named_modules", counting)


def test_no_step_but_the_first_walks_through_the_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        walks = _Walks(patch)
        train(tiny_adapted(), tiny_packs(), settings(3, step="fused"), tmp_path, [walks])
    assert walks.found == 0


def test_modes_and_gradients_are_what_they_are_without() -> None:
    model = tiny_adapted()
    model.base_model.eval()  # as peft leaves a base that was loaded for use
    parameter = next(p for p in model.parameters() if p.requires_grad)
    with few_walks(model):
        model.train()
        assert all(module.training for module in model.modules())
        model.eval()
        assert not any(module.training for module in model.modules())
        parameter.grad = torch.ones_like(parameter)
        model.zero_grad()
        assert parameter.grad is None
    assert "train" not in vars(model) and "zero_grad" not in vars(model)


def test_a_fused_update_with_numbers_gone_wrong_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a card's optimizer is; on a CPU the recipe's is the other one.
    monkeypatch.setitem(_ON_CPU, "adamw", "adamw_torch_fused")
    model, whole = tiny_adapted(), tiny_adapted()
    parameter = next(p for p in model.parameters() if p.requires_grad)
    calls = iter(range(100))
    parameter.register_hook(lambda g: g * float("nan") if next(calls) == 2 else g)
    with pytest.raises(TrainingError, match="gradient of step 3 is nan"):
        train(model, tiny_packs(), settings(5, learning_rate=0.1), tmp_path / "cut")
    monkeypatch.undo()
    constant = settings(5, learning_rate=0.1)
    stop = _StopAfter(2)
    train(whole, tiny_packs(), constant, tmp_path / "whole", [stop])
    for one, other in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one, other)


class _StopAfter(TrainerCallback):
    """Ends a run early, under the schedule of the whole one."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop = state.global_step >= self._step
