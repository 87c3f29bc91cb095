"""A base model of an exact shape with random weights, made where it will lie.

Memory and speed do not depend on what weights say, so both can be measured without downloading
any. Each matrix is quantised before the next is drawn, so that a card needs no room for the whole
model in 16 bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

_SPREAD = 0.02  # standard deviation that transformers draws weights with
_HEAD = "lm_head"


def random_base(
    config: Mapping[str, Any], *, device: str, quantised: bool, seed: int = 0
) -> PreTrainedModel:
    """A causal language model in bf16, its projections in NF4 with double quantisation or not.

    Args:
        config: the keys of a ``config.json``.
        device: where it is made.
        quantised: whether projections are NF4.
        seed: of the weights.
    """
    torch.manual_seed(seed)
    rest = {k: v for k, v in config.items() if k not in ("architectures", "model_type")}
    # Ids that the published configuration names may lie beyond a smaller vocabulary.
    rest |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    known = AutoConfig.for_model(config["model_type"], **rest)
    with torch.device("meta"):
        model: Any = AutoModelForCausalLM.from_config(
            known, dtype=torch.bfloat16, attn_implementation="sdpa"
        )
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Linear) and not name.endswith(_HEAD) and quantised:
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], _quantised(module, device))
        elif hasattr(module, "inv_freq"):
            parent = model.get_submodule(name.rpartition(".")[0])
            with torch.device(device):
                setattr(parent, name.rpartition(".")[2], type(module)(config=known))
        elif not (name.endswith(_HEAD) and known.tie_word_embeddings):
            _draw(module, device)
    if known.tie_word_embeddings:
        model.lm_head.weight = model.model.embed_tokens.weight
    model.is_loaded_in_4bit = quantised  # read by peft
    return cast(PreTrainedModel, model.eval())


def _draw(module: torch.nn.Module, device: str) -> None:
    """Give a module's own parameters random values; those of one dimension (norms) are ones."""
    for name, old in list(module.named_parameters(recurse=False)):
        options: dict[str, Any] = {"dtype": torch.bfloat16, "device": device}
        new = torch.ones(old.shape, **options)
        if old.ndim > 1:
            new.normal_(std=_SPREAD)
        setattr(module, name, torch.nn.Parameter(new, requires_grad=False))


def _quantised(linear: torch.nn.Linear, device: str) -> torch.nn.Module:
    import bitsandbytes

    nn: Any = bitsandbytes.nn  # only half typed
    made: torch.nn.Module = nn.Linear4bit(
        linear.in_features,
        linear.out_features,
        bias=linear.bias is not None,
        compute_dtype=torch.bfloat16,
        compress_statistics=True,
        quant_type="nf4",
        device="meta",
    )
    weight = torch.empty(linear.weight.shape, dtype=torch.bfloat16, device=device)
    weight.normal_(std=_SPREAD)
    made.weight = nn.Params4bit(
        weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=made
    ).to(device)
    if linear.bias is not None:
        bias = torch.zeros(linear.bias.shape, dtype=torch.bfloat16, device=device)
        made.bias = torch.nn.Parameter(bias, requires_grad=False)
    return made
