"""How a trained model is reinforced: sampled answers, executed, make up what it learns from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sqlforge.core.config_part import Fraction, Part
from sqlforge.core.decoding import Constrain

Loss = Literal["grpo", "dr_grpo", "dapo", "bnpo"]


class ReinforcePart(Part):
    """Reinforcement with execution reward (GRPO) after training; see ``docs/reinforce.md``.

    A step draws ``questions`` of the training set and ``samples`` answers to each at
    ``temperature``, executes them and updates the model ``updates`` times. An answer whose result
    is the gold's is worth 1, one that runs ``runs_reward``, every other 0. ``sources`` names the
    training sources that take part; empty: all whose databases have rows.

    A group of equal rewards teaches nothing: it is replaced by other questions' samples, at most
    ``redraws`` times a step. ``clip`` and ``clip_high`` bound the ratio of new to old
    probabilities; ``kl`` weighs the distance to the model as it was. A pass of the
    update holds ``update_tokens`` at most, shared prompts counted once. ``batch_tokens`` bounds
    what is written at once, prompts included. ``trial`` training questions are answered greedily
    before and after.
    """

    steps: Annotated[int, Field(ge=1)] = 200
    questions: Annotated[int, Field(ge=1)] = 64
    samples: Annotated[int, Field(ge=2)] = 8
    sources: tuple[str, ...] = ()
    temperature: Annotated[float, Field(gt=0, le=10)] = 1.0
    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    constrain: Constrain = "schema"
    runs_reward: Fraction = 0.0
    query_seconds: Annotated[float, Field(gt=0)] = 2.0
    redraws: Annotated[int, Field(ge=0)] = 0
    loss: Loss = "dr_grpo"
    clip: Fraction = 0.2
    clip_high: Annotated[float, Field(gt=0)] | None = None
    kl: Annotated[float, Field(ge=0)] = 0.0
    updates: Annotated[int, Field(ge=1)] = 1
    learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    warmup_share: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    update_tokens: Annotated[int, Field(ge=64)] = 16_384
    batch_tokens: Annotated[int, Field(ge=64)] = 262_144
    checkpoint_steps: Annotated[int, Field(ge=1)] = 20
    trial: Annotated[int, Field(ge=0)] = 200
