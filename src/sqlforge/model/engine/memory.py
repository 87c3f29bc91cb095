"""What a model's window and the memory at hand allow, and the model's state while it is used."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from sqlforge.core.errors import UserError
from sqlforge.model.engine.slots import ATTENTION

# Of the free memory; the rest is for activations, graphs and logits.
_SHARE = 0.7
_WIDTH = 4_096
_LEAST_PREFILL = 512
_LENGTH_DEPENDENT = ("dynamic", "longrope")


def width_for(model: Any, wanted: int | None) -> int:
    """Positions of a row: what is wanted, or 4,096, as far as the model's window goes."""
    window = int(getattr(model.config, "max_position_embeddings", 0) or _WIDTH)
    return min(window, wanted or _WIDTH)


def window_of(config: Any) -> int | None:
    """How far back every layer looks; ``None``: to the beginning.

    Raises:
        UserError: the layers differ in it.
    """
    window = getattr(config, "sliding_window", None)
    kinds = set(getattr(config, "layer_types", None) or ())
    if len(kinds) > 1 or kinds - {"full_attention", "sliding_attention"}:
        raise UserError(
            f"a model whose layers attend differently ({', '.join(sorted(kinds))})",
            "one kind of attention",
            "take a model such as Llama, Mistral, Phi-3 or SmolLM2",
        )
    if window is None or kinds == {"full_attention"}:
        return None
    return int(window)


def _free_bytes(device: torch.device) -> int | None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        free, total = torch.cuda.mem_get_info(device)
        # What PyTorch is held to, as a recipe's model.memory_gib holds it, may be less.
        allowed = torch.cuda.get_per_process_memory_fraction(device) * total
        return int(max(0, min(free, allowed - torch.cuda.memory_reserved(device))))
    try:
        told = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:  # not Linux
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", told)
    return None if found is None else 1024 * int(found.group(1))


def _pretraining_length(config: Any) -> int | None:
    rope = getattr(config, "rope_parameters", None) or {}
    found = rope.get("original_max_position_embeddings") or getattr(
        config, "original_max_position_embeddings", None
    )
    return None if found is None else int(found)


def rows_for(model: Any, width: int, wanted: int) -> int:
    """How many rows of ``width`` positions fit into the device's memory, ``wanted`` at most.

    Raises:
        UserError: not one.
    """
    config = model.config
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    item = model.get_input_embeddings().weight.element_size()
    row = int(2 * config.num_hidden_layers * heads * size * item * (width // 64 + 1) * 64)
    free = _free_bytes(model.device)
    if free is None:
        return wanted
    fitting = int(_SHARE * free) // row - 1
    if fitting < 1:
        raise UserError(
            f"a text of {width:,} tokens, whose keys and values take {row / 1e9:.1f} GB",
            f"at most {_SHARE * free / 1e9:.1f} GB, which are free",
            "show a smaller schema, or take a smaller model",
        )
    return min(wanted, fitting)


def prefill_for(model: Any) -> int:
    """Tokens of one pass over prompts; on a card no more than half of the memory left holds.

    Left beside keys and values, that is: a token's widest states are the gates' (four of them in
    16 bit) and a handful as wide as the model.
    """
    if model.device.type != "cuda":
        return 4_096
    wanted, free = 32_768, _free_bytes(model.device)
    if free is None:
        return wanted
    config = model.config
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    token = 2 * (4 * int(inner) + 8 * int(config.hidden_size))
    return max(_LEAST_PREFILL, min(wanted, int((1 - _SHARE) / 2 * free) // token))


def uncapturable(model: Any) -> str | None:
    """Why a model's steps cannot be CUDA graphs; ``None`` if nothing is known against it."""
    for module in model.modules():
        if type(module).__name__ in ("Linear4bit", "Linear8bitLt"):
            return "its weights are unpacked by bitsandbytes, whose kernels may wait for the CPU"
        if getattr(module, "rope_type", "default") in _LENGTH_DEPENDENT:
            return "its rotary embedding depends on how long the longest text is"
    return None


@contextlib.contextmanager
def hosted(model: Any, width: int) -> Iterator[None]:
    """Let a model run on slots of ``width`` positions, and leave it as it was.

    Rotary embeddings that change beyond the length of pretraining look at every position for that,
    which no graph can; where no text comes to be so long they are told not to.

    The last position's states are handed to the output layer in one piece: a slice of a longer
    sequence is strided, and PyTorch's CPU product then copies the whole layer once a row.
    """
    before = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION)
    hook = model.get_output_embeddings().register_forward_pre_hook(
        lambda module, inputs: (inputs[0].contiguous(), *inputs[1:])
    )
    told: list[tuple[Any, str]] = []
    original = _pretraining_length(model.config)
    for module in model.modules():
        kind = getattr(module, "rope_type", None)
        if kind in _LENGTH_DEPENDENT and original is not None and width <= original:
            told.append((module, kind))
            module.rope_type = "default"
            module.inv_freq.copy_(module.original_inv_freq)  # as a longer text may have left it
    try:
        yield
    finally:
        for module, kind in told:
            module.rope_type = kind
        hook.remove()
        model.set_attn_implementation(before)
