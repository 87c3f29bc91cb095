"""Plain values of a training run, and how transformers' ``Trainer`` is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainingArguments
from transformers.integrations.integration_utils import get_reporting_integration_callbacks
from transformers.modeling_layers import GradientCheckpointingLayer

from sqlforge.core.config import AveragePart
from sqlforge.core.errors import RecipeError
from sqlforge.model.learning_rates import schedule

# Recipe's name → transformers'. One kernel over all parameters takes no second copy of the states.
_ON_CUDA = {
    "adamw": "adamw_torch_fused",
    "adamw-8bit": "adamw_bnb_8bit",
    "adamw-32bit": "adamw_torch_fused",  # see optimizer_of
    "paged-adamw": "paged_adamw_32bit",
    "paged-adamw-8bit": "paged_adamw_8bit",
}
_ON_CPU = {"adamw": "adamw_torch"}  # whatever a recipe asks for


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Plain values of one training run; see ``sqlforge.core.config.TrainPart``.

    ``step`` is ``auto`` (fused on a card where it applies), ``fused``, ``plain`` or ``compiled``;
    ``embedding`` is ``card`` or ``host``.
    On a CPU every ``optimizer`` is PyTorch's AdamW.
    """

    learning_rate: float
    warmup_share: float
    weight_decay: float
    max_grad_norm: float
    accumulation: int
    steps: int
    checkpoint_steps: int
    gradient_checkpointing: bool | int
    autocast_bf16: bool
    cpu: bool
    seed: int
    trackers: tuple[str, ...] = ()
    optimizer: str = "adamw"
    step: str = "auto"
    distributed: str = "ddp"
    embedding: str = "card"
    graphs: bool = False
    schedule: str = "cosine"
    decay_share: float = 0.2
    embedding_learning_rate: float | None = None
    average: AveragePart | None = None


def arguments(settings: TrainSettings, checkpoints: Path) -> TrainingArguments:
    """What ``Trainer`` is told; ``checkpoints`` is where it writes."""
    known = {field.name for field in fields(TrainingArguments)}
    # transformers renamed the two in 5.2x and warns about the old names.
    kind = "activation" if "activation_checkpointing" in known else "gradient"
    checkpointing: dict[str, Any] = {
        f"{kind}_checkpointing": bool(settings.gradient_checkpointing),
        f"{kind}_checkpointing_kwargs": {"use_reentrant": False},
    }
    return TrainingArguments(
        output_dir=str(checkpoints),
        per_device_train_batch_size=1,
        gradient_accumulation_steps=settings.accumulation,
        max_steps=settings.steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim=_ON_CPU["adamw"] if settings.cpu else _ON_CUDA[settings.optimizer],
        bf16=settings.autocast_bf16,
        use_cpu=settings.cpu,
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=2,
        report_to="none",
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_pin_memory=not settings.cpu,
        disable_tqdm=True,
        seed=settings.seed,
        **schedule(settings.schedule, settings.steps, settings.warmup_share, settings.decay_share),
        **checkpointing,
    )


def optimizer_of(
    settings: TrainSettings,
) -> tuple[type[torch.optim.Optimizer], dict[str, Any]] | None:
    """What ``Trainer`` has no name for: AdamW whose states are fp32 beside 16-bit adapters."""
    if settings.cpu or settings.optimizer != "adamw-32bit":
        return None
    import bitsandbytes

    kind: Any = bitsandbytes.optim  # only half typed
    return kind.AdamW, {"lr": settings.learning_rate, "betas": (0.9, 0.999), "eps": 1e-8}


def tracker_callbacks(names: Sequence[str]) -> list[TrainerCallback]:
    """transformers' callbacks for experiment trackers, made here so that faults are sentences."""
    found: list[TrainerCallback] = []
    for name in names:
        try:
            (kind,) = get_reporting_integration_callbacks([name])
            found.append(kind())
        except (ValueError, RuntimeError, ImportError) as fault:
            reason = " ".join(str(fault).split()).rstrip(".")
            raise RecipeError(
                f"'{name}' in train.trackers ({reason})",
                "trackers that transformers knows and whose package is installed",
                f"install the package of '{name}', or take it out of the recipe",
            ) from fault
    return found


class RecomputeFirst(TrainerCallback):
    """Leaves recomputation to the first layers: by their turn the others have let go."""

    def __init__(self, layers: int) -> None:
        self._layers = layers

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After ``Trainer`` has switched recomputation on for all of them."""
        found = (m for m in kwargs["model"].modules() if isinstance(m, GradientCheckpointingLayer))
        for number, layer in enumerate(found):
            layer.gradient_checkpointing = number < self._layers
