"""Fold LoRA weights into the base model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel

from sqlforge.core.errors import ModelError
from sqlforge.core.files import new_folder
from sqlforge.model.load import UNREADABLE, Quantization, adapter_base, load_model, load_tokenizer


def load_adapted(
    adapter: Path,
    *,
    dtype: str,
    device: str,
    quantization: Quantization = "none",
    unpack: bool = False,
) -> Any:
    """The base model that ``adapter`` names, with the adapter on it, in evaluation mode.

    Args:
        unpack: hold the 4-bit values as 16-bit weights. The function is the same; products need
            no unpacking, which on a CPU makes generation several times as fast, for more memory.

    Raises:
        ModelError: the folder holds no adapter, or its base cannot be had.
    """
    base = adapter_base(adapter)
    if base is None:
        raise ModelError(f"{adapter}", "a folder with adapter_config.json", "train first")
    model = load_model(base, dtype=dtype, device=device, quantization=quantization)
    if unpack and quantization == "nf4":
        model = model.dequantize(getattr(torch, dtype)).eval()
    weights = adapter / "adapter_model.safetensors"
    try:
        # Without the file peft would look for the adapter at the hub, or unpickle one.
        weights.stat()
        return PeftModel.from_pretrained(model, str(adapter), autocast_adapter_dtype=False).eval()
    except UNREADABLE as fault:
        reason = " ".join(str(fault).split())[:200]
        raise ModelError(
            f"{adapter}, whose weights cannot be read ({reason})",
            f"an adapter of '{base}' with adapter_model.safetensors",
            "train again, or copy the adapter again",
        ) from fault


def load_any(name: str, *, dtype: str, device: str, quantization: Quantization = "none") -> Any:
    """A base model, merged folder or adapter folder by name, ready to generate."""
    folder = Path(name)
    if adapter_base(folder) is not None:
        return load_adapted(folder, dtype=dtype, device=device, quantization=quantization)
    return load_model(name, dtype=dtype, device=device, quantization=quantization)


def tokenizer_of(name: str) -> Any:
    """The tokenizer that belongs to a base model, merged folder or adapter folder."""
    return load_tokenizer(adapter_base(Path(name)) or name)


def merge(adapter: Path, out: Path, *, dtype: str, device: str) -> None:
    """Write the merged model to ``out`` as safetensors that plain transformers loads.

    The adapter goes into the 16-bit weights; where it was trained on 4-bit weights this is a
    slightly different function, which the run's ``merged`` predictions show.

    Raises:
        ModelError: no adapter, or its base cannot be had.
        StorageError: ``out`` cannot be written.
    """
    model = load_adapted(adapter, dtype=dtype, device=device)
    merged = cast(Any, model).merge_and_unload()
    merged.generation_config.temperature = None
    with new_folder(out) as folder:
        merged.save_pretrained(folder)
        tokenizer_of(str(adapter)).save_pretrained(folder)
