"""What is trained, how, and on packs of which size: the planner's inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from sqlforge.core.config import TrainPart
from sqlforge.plan.model_shape import ModelShape

Optimizer = Literal["adamw", "adamw-8bit", "adamw-32bit", "paged-adamw", "paged-adamw-8bit"]


@dataclass(frozen=True, slots=True)
class PackShape:
    """The size of one micro-batch.

    ``keys`` counts the keys that attention reads (a trunk's once a branch), ``sequences`` trunks
    and branches, ``supervised`` the positions at which logits exist.
    """

    tokens: int
    keys: int
    sequences: int
    supervised: int
    longest: int
    examples: int = 0


@dataclass(frozen=True, slots=True)
class Training:
    """How adapters are trained; ``checkpointed`` is how many layers are recomputed.

    With fp32 adapters the step runs under bf16 autocast, with bf16 adapters it needs none.
    ``fused`` is the step of ``sqlforge.model.fused`` instead of transformers' layers;
    ``host_embedding`` says that the table of embeddings is not on the card.
    """

    method: Literal["qlora", "lora"] = "qlora"
    rank: int = 64
    dropout: float = 0.05
    adapter_dtype: Literal["bfloat16", "float32"] = "float32"
    optimizer: Optimizer = "adamw"
    checkpointed: int = 0
    accumulation: int = 1
    fused: bool = True
    host_embedding: bool = False

    @property
    def adapter_bytes(self) -> int:
        """Bytes of one number of an adapter and of its gradient."""
        return 4 if self.adapter_dtype == "float32" else 2

    def with_checkpointed(self, layers: int) -> Training:
        """The same, recomputing so many layers."""
        return replace(self, checkpointed=layers)


def training_of(part: TrainPart, shape: ModelShape) -> Training:
    """What a recipe's ``train`` part asks for; ``full`` fine-tuning is planned as 16-bit LoRA.

    >>> from sqlforge.plan.catalog import shape_of
    >>> training_of(TrainPart(rank=16), shape_of("phi-3.5-mini")).checkpointed
    32
    """
    recomputed = part.gradient_checkpointing
    fused = part.step in ("auto", "fused") and shape.own_step
    return Training(
        method="qlora" if part.method == "qlora" else "lora",
        rank=part.rank,
        dropout=part.dropout,
        adapter_dtype=part.adapter_dtype,
        optimizer=part.optimizer,
        checkpointed=shape.layers if recomputed is True else min(int(recomputed), shape.layers),
        accumulation=part.accumulation,
        fused=fused,
        host_embedding=part.embedding == "host" and fused,
    )
