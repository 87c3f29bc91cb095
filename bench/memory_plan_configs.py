"""The configurations on which predicted memory is held against measured memory.

Written down, the held-out ones marked, before any constant of ``sqlforge.plan`` was fitted to a
measurement. What is found on a configuration with ``held_out`` never changes a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlforge.plan.training import Optimizer


@dataclass(frozen=True, slots=True)
class Configuration:
    """One shape of training.

    ``checkpointed`` is how many layers are recomputed, ``None`` all of them. ``capped`` ones run
    with the allocator held to 11.25 GiB, what a 12 GB card has left beside driver and context.
    """

    model: str
    tokens: int
    rank: int
    optimizer: Optimizer
    checkpointed: int | None = None
    adapter_dtype: Literal["float32", "bfloat16"] = "float32"
    dropout: float = 0.05
    accumulation: int = 1
    method: Literal["qlora", "lora"] = "qlora"
    capped: bool = False
    held_out: bool = False

    @property
    def name(self) -> str:
        """Snake case, unique, as the claims need it.

        >>> Configuration("phi-3.5-mini", 2048, 64, "adamw").name
        'phi_2048_r64_all_adamw'
        """
        layers = "all" if self.checkpointed is None else self.checkpointed or "none"
        parts = [self.model.partition("-")[0], self.tokens, f"r{self.rank}", layers]
        parts.append(self.optimizer.replace("-", "_"))
        parts += ["bf16"] if self.adapter_dtype == "bfloat16" else []
        parts += ["lora"] if self.method == "lora" else []
        parts += ["no_dropout"] if self.dropout == 0 else []
        parts += [f"x{self.accumulation}"] if self.accumulation > 1 else []
        return "_".join(map(str, parts))


_MISTRAL, _LLAMA, _PHI, _SMOL = "mistral-7b-v0.3", "llama-3.1-8b", "phi-3.5-mini", "smollm2-135m"

CONFIGURATIONS = (
    # Those that constants may be fitted on.
    Configuration(_MISTRAL, 2048, 64, "adamw", accumulation=2, capped=True),
    Configuration(_MISTRAL, 512, 64, "adamw", capped=True),
    Configuration(_MISTRAL, 2048, 16, "adamw-8bit", capped=True),
    Configuration(_MISTRAL, 2048, 64, "paged-adamw-8bit", checkpointed=16),
    Configuration(_LLAMA, 1024, 32, "adamw-8bit"),
    Configuration(_PHI, 2048, 64, "adamw"),
    Configuration(_PHI, 1024, 16, "adamw-8bit", checkpointed=0),
    Configuration(_SMOL, 4096, 16, "adamw"),
    Configuration(_SMOL, 2048, 16, "adamw-8bit", checkpointed=0, adapter_dtype="bfloat16"),
    # Those that nothing is ever fitted on.
    Configuration(_MISTRAL, 512, 64, "adamw-8bit", capped=True, held_out=True),
    Configuration(
        _MISTRAL, 4096, 64, "adamw-8bit", adapter_dtype="bfloat16", capped=True, held_out=True
    ),
    Configuration(_MISTRAL, 1024, 64, "adamw-8bit", checkpointed=0, held_out=True),
    Configuration(_MISTRAL, 8192, 64, "paged-adamw-8bit", dropout=0.0, held_out=True),
    Configuration(_LLAMA, 2048, 64, "adamw", held_out=True),
    Configuration(_LLAMA, 4096, 16, "paged-adamw-8bit", held_out=True),
    Configuration(_PHI, 4096, 32, "adamw-8bit", held_out=True),
    Configuration(
        _SMOL, 8192, 64, "adamw", checkpointed=0, dropout=0.0, method="lora", held_out=True
    ),
    Configuration(_SMOL, 16384, 16, "adamw-8bit", checkpointed=15, held_out=True),
)
