"""A mean of the weights on the way, to be kept in place of the last ones.

LoRA's factors are averaged one by one. The product of mean factors is not the mean of products:
they differ by the factors' covariance, which is of second order in how far the weights still move.
All points lie on one trajectory, so no two of them name the same product by different factors
(docs/decisions/0087-means-of-weights.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import TrainerCallback

from sqlforge.core.config import AveragePart
from sqlforge.model.settings import TrainSettings

_FILE = "average.safetensors"
_COUNT = "count"


def average_of(model: Any, settings: TrainSettings, last: Path | None) -> Average | None:
    """The mean that a run keeps, as far as the checkpoint ``last`` has it; or ``None``."""
    if settings.average is None:
        return None
    average = Average(model, settings.average, settings.checkpoint_steps, settings.steps)
    if last is not None:
        average.load(last)
    return average


class Average(TrainerCallback):
    """Keeps the mean, in fp32, of what is trained, and lets it be saved and gone on from.

    Args:
        model: whose trained weights are averaged; they change in place.
        part: which mean.
        every: steps between points of a plain mean.
        steps: of the whole run; the last one's weights are among the points.
    """

    def __init__(self, model: Any, part: AveragePart, every: int, steps: int) -> None:
        self._part, self._every, self._steps = part, every, steps
        self._weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._means: dict[str, torch.Tensor] = {}
        self._count = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take in the weights after an update, if they are one of the points."""
        if self._is_point(state.global_step):
            self._take_in()

    def save(self, folder: Path) -> None:
        """Write the mean into a checkpoint's folder; nothing before the first point.

        Raises:
            OSError, SafetensorError: it cannot be written.
        """
        if self._count:
            facts = {_COUNT: str(self._count)}
            save_file(self._means, folder / _FILE, metadata=facts)

    def load(self, folder: Path) -> None:
        """Go on from the mean in a checkpoint's folder."""
        if not (folder / _FILE).is_file():
            return
        with safe_open(folder / _FILE, framework="pt") as file:
            self._count = int(file.metadata()[_COUNT])
            self._means = {
                name: file.get_tensor(name).to(weight.device)
                for name, weight in self._weights.items()
            }

    @torch.no_grad()
    def put_into_model(self) -> None:
        """Replace the model's trained weights by their mean, if there is one."""
        for name, mean in self._means.items():
            self._weights[name].copy_(mean)

    def _is_point(self, step: int) -> bool:
        if self._part.last is None:
            return True
        behind, off = divmod(self._steps - step, self._every)
        return off == 0 and behind < self._part.last

    @torch.no_grad()
    def _take_in(self) -> None:
        now = [weight.detach().float() for weight in self._weights.values()]
        if not self._count:
            means = [weight.clone(memory_format=torch.contiguous_format) for weight in now]
            self._means = dict(zip(self._weights, means, strict=True))
        else:
            torch._foreach_lerp_(list(self._means.values()), now, 1 - self._kept())
        self._count += 1

    def _kept(self) -> float:
        """How much of the mean stays; at first an exponential one forgets where it began."""
        if self._part.ema is None:
            return self._count / (self._count + 1)
        return min(self._part.ema, (1 + self._count) / (10 + self._count))
