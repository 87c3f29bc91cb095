"""Base models with an adapter on them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from sqlforge.core.errors import ModelError
from sqlforge.model.fold import fold_into, open_adapter
from sqlforge.model.load import (
    UNREADABLE,
    Quantization,
    adapter_base,
    load_model,
    load_tokenizer,
    refuse_pickles,
)
from sqlforge.model.quiet import import_bitsandbytes_uncompiled

_log = logging.getLogger(__name__)


def load_adapted(
    adapter: Path,
    *,
    dtype: str,
    device: str,
    quantization: Quantization = "none",
    unpack: bool = False,
    fold: bool = False,
) -> Any:
    """The base model that ``adapter`` names, with the adapter on it, in evaluation mode.

    Args:
        fold: add a plain LoRA to the 16-bit weights, as a merge would, which saves every token
            two more products for each projection; other adapters stay beside them.
        unpack: hold the 4-bit values as 16-bit weights. The function is the same; products need
            no unpacking, which on a CPU makes generation several times as fast, for more memory.

    Raises:
        ModelError: the folder holds no adapter, or its base cannot be had.
    """
    base = base_of(adapter)
    if fold and quantization == "nf4":
        import_bitsandbytes_uncompiled()
    model = load_model(base, dtype=dtype, device=device, quantization=quantization)
    if unpack and quantization == "nf4":
        model = model.dequantize(getattr(torch, dtype)).eval()
    if fold and (quantization == "none" or unpack) and _folded(model, adapter):
        return model
    weights = adapter / "adapter_model.safetensors"
    try:
        # Without the file peft would look for the adapter at the hub, or unpickle one.
        weights.stat()
        from peft import PeftModel  # a second and a half, which whole models do without

        return PeftModel.from_pretrained(model, str(adapter), autocast_adapter_dtype=False).eval()
    except UNREADABLE as fault:
        reason = " ".join(str(fault).split())[:200]
        raise ModelError(
            f"{adapter}, whose weights cannot be read ({reason})",
            f"an adapter of '{base}' with adapter_model.safetensors",
            "train again, or copy the adapter again",
        ) from fault


def _folded(model: Any, adapter: Path) -> bool:
    try:
        plain = open_adapter(adapter)
    except ModelError:  # peft knows more kinds, and says what is wrong with a file
        return False
    fold_into(model, plain)
    _log.info("added the adapter %s to the weights of '%s'", adapter, base_of(adapter))
    return True


def base_of(adapter: Path) -> str:
    """The base model that a LoRA adapter's folder names.

    Raises:
        ModelError: it holds no adapter, or one whose weights are not safetensors.
    """
    base = adapter_base(adapter)
    if base is None:
        raise ModelError(f"{adapter}", "a folder with adapter_config.json", "train first")
    refuse_pickles(adapter)
    return base


def load_any(name: str, *, dtype: str, device: str, quantization: Quantization = "none") -> Any:
    """A base model, merged folder or adapter folder by name, ready to generate."""
    folder = Path(name)
    if adapter_base(folder) is not None:
        return load_adapted(folder, dtype=dtype, device=device, quantization=quantization)
    return load_model(name, dtype=dtype, device=device, quantization=quantization)


def tokenizer_of(name: str) -> Any:
    """The tokenizer that belongs to a base model, merged folder or adapter folder."""
    return load_tokenizer(adapter_base(Path(name)) or name)
