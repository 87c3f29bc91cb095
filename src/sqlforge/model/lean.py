"""A ``Trainer`` whose steps cost the computer little, so that a card never waits for it.

An adapted model of 30 layers has some 2,500 modules. ``Trainer`` walks through all of them five
times a step: to put them into training mode, to count parameters, to clip, to reset gradients.
For a small model on a fast card that takes longer than the products. Here they are walked through
once a run, and numbers are looked at once a step, not after every pass: where PyTorch's own kernel
updates all weights, after it was started, since it changes nothing once it is told that numbers
have gone wrong, and the card has it to do while the computer looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import Trainer, TrainerCallback

from sqlforge.core.errors import TrainingError
from sqlforge.model.adapt import load_adapter


class LeanTrainer(Trainer):
    """Computes what ``Trainer`` does; stops before an update with numbers gone wrong."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        model: Any = self.model
        self._trained: list[torch.nn.Parameter] = [p for p in model.parameters() if p.requires_grad]
        self._losses: list[torch.Tensor] = []  # of the window, not looked at yet
        self._numbers: torch.Tensor | None = None  # the same, with the gradient's norm
        self.add_callback(_Look(self))
        self._parameters: int | None = None

    def watch(self, loss: torch.Tensor) -> None:
        """Look at a loss before the next update."""
        self._losses.append(loss.detach())

    def check_supervised(self, tokens: float) -> None:
        """Refuse a step that has nothing to learn from."""
        if tokens == 0:
            raise TrainingError(
                f"step {self.state.global_step + 1} has no supervised token; "
                "check the prompt template and prompt.max_tokens"
            )

    def not_finite(self, what: str) -> TrainingError:
        """The error for numbers gone wrong."""
        return TrainingError(what)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Weights from a checkpoint, into those that are trained."""
        if isinstance(self.model, PeftModel):
            load_adapter(self.model, Path(resume_from_checkpoint))
        else:
            inherited: Any = super()
            inherited._load_from_checkpoint(resume_from_checkpoint, model)

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Six a token and parameter, as ``Trainer`` counts; parameters are counted once."""
        if self._parameters is None:
            model: Any = self.model
            self._parameters = int(model.num_parameters(exclude_embeddings=True))
        return 6 * int(inputs["input_ids"].numel()) * self._parameters

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip; the norm is that before."""
        if str(self.accelerator.distributed_type.value) == "NO":
            gradients = [p.grad for p in self._trained if p.grad is not None]
            norm = torch.nn.utils.get_total_norm(gradients)
            torch.nn.utils.clip_grads_with_norm_(self._trained, self.args.max_grad_norm, norm)
        else:
            inherited: Any = super()
            norm = inherited._clip_grad_norm(model)
        losses, self._losses = self._losses, []
        self._numbers = torch.stack([n.float().to(norm.device) for n in (*losses, norm)])
        optimizer = self._guarding()
        if optimizer is None:
            self.look()
        else:
            optimizer.found_inf = self._numbers.isfinite().all().logical_not().float()
        return norm

    def _guarding(self) -> Any:
        """PyTorch's fused AdamW, which changes nothing where it is told of numbers gone wrong."""
        optimizer: Any = getattr(self.optimizer, "optimizer", self.optimizer)
        known = type(optimizer) is torch.optim.AdamW and optimizer.defaults.get("fused")
        alone = str(self.accelerator.distributed_type.value) == "NO"
        return optimizer if known and alone and self.accelerator.scaler is None else None

    def look(self) -> None:
        """The one place of a step where the computer waits for what it has computed.

        Raises:
            TrainingError: a loss of the window or the gradient is not finite.
        """
        if self._numbers is None:
            return
        numbers, self._numbers = self._numbers.tolist(), None
        step = self.state.global_step + 1
        for number in numbers[:-1]:
            if not _finite(number):
                raise self.not_finite(f"the loss of step {step} is {number}")
        if not _finite(numbers[-1]):
            raise self.not_finite(f"the gradient of step {step} is {numbers[-1]}")


class _Look(TrainerCallback):
    """Looks at the numbers of an update that has been started."""

    def __init__(self, trainer: LeanTrainer) -> None:
        self._trainer = trainer

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the run before anything of the step counts."""
        self._trainer.look()


@contextmanager
def few_walks(model: Any) -> Iterator[None]:
    """Within, ``model.train()`` and ``model.zero_grad()`` do not walk through modules again.

    The first ``train()`` does. Nothing may be put into another mode, frozen or thawed meanwhile.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    inner, walked = model.train, False

    def train(mode: bool = True) -> Any:
        nonlocal walked
        if not walked or model.training != mode:
            inner(mode)
            walked = True
        return model

    def zero_grad(set_to_none: bool = True) -> None:
        for parameter in trained:
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.zero_()

    model.train, model.zero_grad = train, zero_grad
    try:
        yield
    finally:
        del model.train, model.zero_grad


def _finite(number: float) -> bool:
    return number - number == 0
