"""The model of a recipe, how it is trained and how what came out is compared."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sqlforge.core.config_data import PromptStyle
from sqlforge.core.config_part import Fraction, Part
from sqlforge.core.decoding import Constrain, Decoding
from sqlforge.core.errors import UserError


class ModelPart(Part):
    """The base model: a catalog name, a local folder or a hub id, and how it is held in memory.

    ``memory_gib`` holds training on a card to so many GiB, so that a recipe for a small card can be
    tried on a large one; training that will not fit is refused before the weights load.
    """

    name: str
    dtype: Literal["bfloat16", "float32"] = "bfloat16"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    memory_gib: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _memory_is_a_cards(self) -> ModelPart:
        if self.memory_gib is not None and self.device == "cpu":
            raise ValueError("'memory_gib' is for a card: take it out, or set device to cuda")
        return self


class TrainPart(Part):
    """How the model is trained; the defaults are the reference recipe's.

    ``pack_tokens`` is the size of one micro-batch and ``accumulation`` the number of micro-batches
    in one optimizer step. ``questions_per_schema`` questions share one copy of their schema.
    ``gradient_checkpointing`` recomputes all layers, none, or the first so many. ``adamw-8bit``
    keeps the optimizer's states in 8 bits; ``paged-adamw`` in 32, whatever the adapters are, and
    lets them go to the computer's memory; ``paged-adamw-8bit`` does both. All three are for CUDA.
    ``step`` is by our fused kernels (``fused``), by transformers' own layers (``plain``), or by the
    former on a card where they apply (``auto``).
    """

    method: Literal["qlora", "lora", "full"] = "qlora"
    rank: Annotated[int, Field(ge=1)] = 64
    alpha: Annotated[float, Field(gt=0)] = 16.0
    dropout: Fraction = 0.05
    adapter_dtype: Literal["bfloat16", "float32"] = "float32"
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    warmup_share: Fraction = 0.03
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    epochs: Annotated[int, Field(ge=1)] = 1
    max_steps: Annotated[int, Field(ge=1)] | None = None
    pack_tokens: Annotated[int, Field(ge=64)] = 2048
    accumulation: Annotated[int, Field(ge=1)] = 1
    questions_per_schema: Annotated[int, Field(ge=1)] = 8
    optimizer: Literal["adamw", "adamw-8bit", "paged-adamw", "paged-adamw-8bit"] = "adamw"
    gradient_checkpointing: bool | Annotated[int, Field(ge=1)] = True
    checkpoint_steps: Annotated[int, Field(ge=1)] = 50
    step: Literal["auto", "fused", "plain"] = "auto"
    trackers: tuple[str, ...] = ()


class EvaluatePart(Part):
    """How base and tuned model are compared.

    The base model is tried with each of ``base_prompts`` on ``prompt_trial_rows`` validation
    examples; the best one stands for it on the test set. Every system is decoded alike: see
    :class:`sqlforge.core.decoding.Decoding` for ``constrain`` to ``linked_literals``. Refusing is
    calibrated on the validation examples, each system for itself.
    """

    max_new_tokens: Annotated[int, Field(ge=1)] = 128
    batch_tokens: Annotated[int, Field(ge=64)] = 8192
    base_prompts: tuple[PromptStyle, ...] = ("plain", "instructed", "few_shot")
    prompt_trial_rows: Annotated[int, Field(ge=1)] = 32
    template_baseline: bool = False
    query_seconds: Annotated[float, Field(gt=0)] = 5.0
    constrain: Constrain = "none"
    samples: int = 1
    vote: bool = False
    temperature: float | None = None
    prefer_non_empty: bool = False
    refuse_below: float | None = None
    join_on_keys: bool = False
    linked_literals: bool = False

    def decoding(self, seed: int) -> Decoding:
        """How answers are decoded; what is drawn is drawn from ``seed``."""
        return Decoding(
            constrain=self.constrain,
            samples=self.samples,
            vote=self.vote,
            temperature=self.temperature,
            seed=seed,
            prefer_non_empty=self.prefer_non_empty,
            refuse_below=self.refuse_below,
            join_on_keys=self.join_on_keys,
            linked_literals=self.linked_literals,
        )

    @model_validator(mode="after")
    def _decoding_makes_sense(self) -> EvaluatePart:
        try:
            self.decoding(0)
        except UserError as fault:
            raise ValueError(f"asks for {fault.got}: expected {fault.expected}") from None
        return self
