"""Put trainable parameters into a base model: LoRA, QLoRA, or all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from sqlforge.model.load import Source

Method = Literal["qlora", "lora", "full"]
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}


def add_lora(
    model: PreTrainedModel,
    source: Source,
    *,
    rank: int,
    alpha: float,
    dropout: float,
    dtype: str,
    seed: int,
) -> PeftModel:
    """Freeze ``model`` and add LoRA adapters to its projections.

    Args:
        source: names the projections and what the saved adapter calls its base.
        rank, alpha, dropout: of LoRA; the adapters' output is scaled by ``alpha / rank``.
        dtype: of the adapters, ``bfloat16`` or ``float32``.
        seed: draws A; B starts at zero, so the adapted model starts as its base.
    """
    torch.manual_seed(seed)
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # peft takes fractions, its annotation not
        lora_dropout=dropout,
        target_modules=list(source.lora_targets),
        task_type="CAUSAL_LM",
    )
    adapted = cast(PeftModel, get_peft_model(model, config, autocast_adapter_dtype=False))
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(_DTYPES[dtype])
    # The folder that the weights were read from means nothing on another machine.
    embedded = source.base is not None and source.base.embedded
    hub_id = source.base.hub_id if source.base else source.name
    config.base_model_name_or_path = source.name if embedded else hub_id
    return adapted


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write adapter weights and configuration into ``folder``; the base is not looked up.

    Left to itself, peft asks the hub whether the base's vocabulary was changed. It never is here.

    Raises:
        OSError, SafetensorError: the folder cannot be written.
    """
    model.save_pretrained(str(folder), save_embedding_layers=False)
    # peft's model card is an empty form that names the folder the base was read from.
    (folder / "README.md").unlink(missing_ok=True)


def load_adapter(model: PeftModel, folder: Path) -> None:
    """Read what :func:`save_adapter` wrote into the weights that ``model`` has.

    Left to itself, peft puts fp32 weights in the place of 16-bit ones, and who holds the former
    ones, an optimizer or a mean, holds nothing any more.
    """
    model.load_adapter(
        str(folder),
        model.active_adapter,
        is_trainable=True,
        torch_device="cpu",
        autocast_adapter_dtype=False,
    )


def trainable_parameters(model: torch.nn.Module) -> int:
    """How many numbers training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
