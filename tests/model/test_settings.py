"""What a recipe names is what transformers is told."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args

import pytest
import torch
from transformers.training_args import OptimizerNames

from model.tiny_llama import settings
from sqlforge.core.config import Recipe, TrainPart
from sqlforge.model.settings import _ON_CUDA, TrainSettings, optimizer_of
from sqlforge.plan.training import Optimizer
from sqlforge.stages.train import _settings


def test_every_optimizer_of_a_recipe_is_one_of_transformers() -> None:
    assert set(_ON_CUDA) == set(get_args(Optimizer))
    assert set(_ON_CUDA.values()) <= {name.value for name in OptimizerNames}


def test_states_of_32_bits_are_asked_of_bitsandbytes_on_a_card_only() -> None:
    pytest.importorskip("bitsandbytes", reason="the extra 'train' is not installed")
    made = optimizer_of(settings(1, cpu=False, optimizer="adamw-32bit", learning_rate=0.1))
    assert made is not None
    optimizer = made[0]([torch.nn.Parameter(torch.ones(8_192, dtype=torch.bfloat16))], **made[1])
    assert optimizer.args.optim_bits == 32 and not optimizer.is_paged
    assert optimizer.defaults["lr"] == 0.1
    assert optimizer_of(settings(1, cpu=True, optimizer="adamw-32bit")) is None


def test_every_key_of_a_recipe_that_a_run_knows_by_that_name_reaches_it() -> None:
    given: dict[str, Any] = {
        "learning_rate": 0.5, "warmup_share": 0.5, "weight_decay": 0.5, "max_grad_norm": 0.5,
        "accumulation": 3, "checkpoint_steps": 3, "gradient_checkpointing": 3, "optimizer": "adamw",
        "step": "plain", "embedding": "host", "graphs": True, "distributed": "fsdp",
        "schedule": "linear", "decay_share": 0.25, "average": {"last": 3}, "trackers": ["wandb"],
    }  # fmt: skip
    shared = {f.name for f in fields(TrainSettings)} & set(TrainPart.model_fields)
    assert shared == {*given, "embedding_learning_rate"}, "name the new one here"
    data = {"train": [{"source": "spider"}], "test": [{"source": "spider"}]}
    raw = {"name": "t", "model": {"name": "m", "device": "cpu"}, "data": data, "train": given}
    recipe = Recipe.model_validate(raw)
    found = _settings(recipe, 1)
    assert {k: getattr(found, k) for k in shared} == {k: getattr(recipe.train, k) for k in shared}
