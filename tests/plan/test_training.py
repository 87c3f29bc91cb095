"""What of a recipe's ``train`` part the planner takes over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sqlforge.core.config import TrainPart
from sqlforge.plan.catalog import config_of, shape_of
from sqlforge.plan.model_shape import shape_from
from sqlforge.plan.training import training_of


@pytest.mark.parametrize(("asked", "layers"), [(True, 32), (False, 0), (12, 12), (40, 32)])
def test_layers_are_recomputed_as_the_recipe_says(asked: bool | int, layers: int) -> None:
    part = TrainPart(gradient_checkpointing=asked)
    assert training_of(part, shape_of("mistral-7b-v0.3")).checkpointed == layers


def test_a_model_that_our_own_step_does_not_compute_is_planned_by_layers() -> None:
    shape = shape_of("mistral-7b-v0.3")
    assert training_of(TrainPart(), shape).fused
    assert not training_of(TrainPart(step="plain"), shape).fused
    assert not training_of(TrainPart(), replace(shape, query_bias=True)).fused
    config = dict(config_of("phi-3.5-mini"))
    assert training_of(TrainPart(), shape_from(config, name="a", place="a")).fused
    config["partial_rotary_factor"] = 0.75  # Phi-4-mini
    assert not training_of(TrainPart(), shape_from(config, name="a", place="a")).fused
