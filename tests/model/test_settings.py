"""What a recipe names is what transformers is told."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from transformers.training_args import OptimizerNames

from model.tiny_llama import settings
from sqlforge.model.settings import _ON_CUDA, optimizer_of
from sqlforge.plan.training import Optimizer


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
