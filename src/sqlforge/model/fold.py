"""One LoRA adapter, folded into one weight at a time.

``W + scale · B · A`` (https://arxiv.org/abs/2106.09685, section 4.1), with the scale that peft
applies: ``alpha / rank``, or ``alpha / √rank`` where the adapter says rslora.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from sqlforge.core.errors import ModelError
from sqlforge.model.load import Source, nf4_config
from sqlforge.model.shards import Stored, read_header, read_tensor

MergeBase = Literal["bf16", "dequantised"]
WEIGHTS = "adapter_model.safetensors"
_KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight\Z")
# What LoRA's relatives add to the sum above; none of them is trained here.
_UNKNOWN = ("use_dora", "use_qalora", "use_bdlora", "modules_to_save", "fan_in_fan_out",
            "layer_replication", "target_parameters", "alora_invocation_tokens",
            "trainable_token_indices", "lora_bias", "arrow_config", "megatron_config")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Pair:
    a: Stored
    b: Stored
    scale: float


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter on disk; ``pairs`` are A and B of each weight by the weight's name."""

    path: Path
    pairs: Mapping[str, _Pair]

    def delta(self, weight: str, device: str = "cpu") -> torch.Tensor:
        """What the adapter adds to a weight, in fp32: (outputs, inputs)."""
        pair = self.pairs[weight]
        a = read_tensor(self.path, pair.a).to(device, torch.float32)
        b = read_tensor(self.path, pair.b).to(device, torch.float32)
        return (b @ a).mul_(pair.scale)

    def added(self, name: str, weight: torch.Tensor, device: str = "cpu") -> torch.Tensor:
        """A weight with what the adapter adds, where it adds something; rounded once, of the sum.

        Args:
            name: the weight's.
            weight: (outputs, inputs); its dtype is kept.
            device: where the sum is done, and left.
        """
        if name not in self.pairs:
            return weight
        return self.delta(name, device).add_(weight.to(device, torch.float32)).to(weight.dtype)

    def check(self, shapes: Mapping[str, tuple[int, ...]], base: str) -> None:
        """Raise :class:`ModelError` where the base lacks a weight or has it in another shape."""
        for name, pair in self.pairs.items():
            wanted = (pair.b.shape[0], pair.a.shape[1])
            if name not in shapes or shapes[name] != wanted:
                there = "nothing" if name not in shapes else f"{shapes[name]}"
                raise ModelError(
                    f"{self.path.parent}, which adapts {name} of {wanted} where {base} has {there}",
                    "the adapter and the base model that it was trained on",
                    "check base_model_name_or_path in its adapter_config.json",
                )


def open_adapter(folder: Path) -> Adapter:
    """The adapter in ``folder``; its weights stay on the disk.

    Raises:
        ModelError: files that are missing, damaged or pickled, or an adapter that is more than a
            product of two matrices.
    """
    path = folder / WEIGHTS
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    others = [key for key in _UNKNOWN if config.get(key)]
    others += ["bias"] if config.get("bias", "none") != "none" else []
    if config.get("peft_type") != "LORA" or others:
        raise ModelError(
            f"{folder}, an adapter with {', '.join(others) or config.get('peft_type')}",
            "plain LoRA, as 'sqlforge train' makes it",
            "merge it with the program that trained it",
        )
    found: dict[str, dict[str, Stored]] = {}
    for key, stored in read_header(path).items():
        match = _KEY.match(key)
        if match is None:
            raise ModelError(
                f"{path} with {key}", "lora_A and lora_B of projections", "train again"
            )
        found.setdefault(match.group(1), {})[match.group(2)] = stored
    return Adapter(path, {f"{m}.weight": _pair(path, m, ab, config) for m, ab in found.items()})


def fold_into(model: Any, adapter: Adapter) -> None:
    """Add an adapter to the weights of its base, one at a time: as a merge does, but in memory.

    Args:
        model: a transformers model with weights in 16 or 32 bits.
        adapter: of it.

    Raises:
        ModelError: the model lacks a weight or has it in another shape.
    """
    weights = dict(model.named_parameters())
    adapter.check({n: tuple(w.shape) for n, w in weights.items()}, model.name_or_path)
    with torch.inference_mode():
        for name in adapter.pairs:
            weights[name].data = adapter.added(name, weights[name].data)


def _pair(path: Path, module: str, ab: Mapping[str, Stored], config: Mapping[str, Any]) -> _Pair:
    a, b = ab.get("A"), ab.get("B")
    if a is None or b is None or len(a.shape) != 2 or a.shape[0] != b.shape[-1]:
        raise ModelError(f"{path}, whose A and B of {module} do not match", "both", "train again")
    alpha = _of(config.get("alpha_pattern"), module, float(config["lora_alpha"]))
    rank = a.shape[0]
    return _Pair(a, b, alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))


def _of(patterns: Mapping[str, float] | None, module: str, default: float) -> float:
    """The value of the first pattern that the end of the module's name matches, as in peft."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return float(value)
    return default


def through_nf4(weight: torch.Tensor, device: str = "cpu") -> torch.Tensor:
    """A weight as training on 4 bits sees it: quantised as the trainer does, and unpacked again.

    Args:
        weight: (outputs, inputs), in the dtype of the computation.

    >>> weight = torch.linspace(-1, 1, 128, dtype=torch.bfloat16).reshape(2, 64)
    >>> seen = through_nf4(weight)
    >>> seen.dtype is weight.dtype, 0 < (seen - weight).abs().max().item() < 0.2
    (True, True)
    """
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    how = nf4_config(weight.dtype)
    packed, state = quantize_4bit(  # blocks of its own default size, as the trainer's layers have
        weight.contiguous().to(device),
        quant_type=how.bnb_4bit_quant_type,
        compress_statistics=how.bnb_4bit_use_double_quant,
        quant_storage=how.bnb_4bit_quant_storage,
    )
    seen: torch.Tensor = dequantize_4bit(packed, state)
    return seen.reshape(weight.shape)


def quantised_weights(source: Source) -> frozenset[str]:
    """Names of the weights that are 4-bit where the model is loaded for QLoRA.

    They follow from the model's configuration, by the rules that transformers loads it with.

    Raises:
        ModelError: a configuration that is not understood.
    """
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.quantizers.base import get_keys_to_not_convert

    from sqlforge.model.load import UNREADABLE, cannot_load

    try:
        config = AutoConfig.from_pretrained(source.location)
        with torch.device("meta"):
            model: Any = AutoModelForCausalLM.from_config(config)
    except UNREADABLE as fault:
        raise cannot_load(source, fault) from fault
    kept = set(get_keys_to_not_convert(model))
    return frozenset(
        f"{name}.weight"
        for name, module in model.named_modules()
        if type(module) is torch.nn.Linear and name not in kept
    )
