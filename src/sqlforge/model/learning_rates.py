"""How the learning rate runs, and a rate of their own for embeddings."""

from __future__ import annotations

from typing import Any

import torch


def schedule(kind: str, steps: int, warmup_share: float, decay_share: float) -> dict[str, Any]:
    """What transformers' ``TrainingArguments`` calls a recipe's schedule.

    >>> schedule("constant-linear", 200, 0.03, 0.25)["lr_scheduler_kwargs"]
    {'num_decay_steps': 50, 'decay_type': 'linear'}
    """
    chosen: dict[str, Any] = {"warmup_steps": max(1, round(warmup_share * steps))}
    if kind != "constant-linear":
        return chosen | {"lr_scheduler_type": kind}
    falling = {"num_decay_steps": max(1, round(decay_share * steps)), "decay_type": "linear"}
    return chosen | {"lr_scheduler_type": "warmup_stable_decay", "lr_scheduler_kwargs": falling}


def give_embeddings(rate: float, model: Any, optimizer: torch.optim.Optimizer) -> None:
    """Move the weights of embeddings, and a head that is none of them, to groups of this rate."""
    found = (model.get_input_embeddings(), model.get_output_embeddings())
    own = {id(module.weight) for module in found if module is not None}
    for group in list(optimizer.param_groups):
        moved = [p for p in group["params"] if id(p) in own]
        if moved and len(moved) < len(group["params"]):
            group["params"] = [p for p in group["params"] if id(p) not in own]
            like = {key: value for key, value in group.items() if key != "params"}
            optimizer.add_param_group(like | {"params": moved, "lr": rate})
