"""What a recipe names is what transformers is told."""

from __future__ import annotations

from typing import get_args

from transformers.training_args import OptimizerNames

from sqlforge.model.settings import _ON_CUDA
from sqlforge.plan.training import Optimizer


def test_every_optimizer_of_a_recipe_is_one_of_transformers() -> None:
    assert set(_ON_CUDA) == set(get_args(Optimizer))
    assert set(_ON_CUDA.values()) <= {name.value for name in OptimizerNames}
