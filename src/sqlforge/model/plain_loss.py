"""The loss of a pack by transformers' own layers."""

from __future__ import annotations

from typing import Any

import torch

from sqlforge.model.pack import IGNORED
from sqlforge.model.prompt_loss import all_labels


def supervised_loss(model: Any, inputs: dict[str, Any]) -> torch.Tensor:
    """Summed cross-entropy, in fp32, of one pack; logits exist at supervised positions only.

    Args:
        model: a transformers causal model, adapted or not.
        inputs: what :func:`sqlforge.model.pack.collate` returns.
    """
    labels = all_labels(inputs)
    positions = labels.ne(IGNORED).nonzero()[:, 0]
    logits = logits_at(model, inputs, positions).float()
    losses = torch.nn.functional.cross_entropy(logits, labels[positions], reduction="none")
    if "prompt_weight" in inputs:
        prompts = inputs["labels"][0][positions].eq(IGNORED)
        losses = torch.where(prompts, losses * inputs["prompt_weight"], losses)
    return losses.sum()


def logits_at(model: Any, inputs: dict[str, Any], positions: torch.Tensor) -> torch.Tensor:
    """Logits at some positions of a pack, ``[positions, vocabulary]``."""
    output = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        position_ids=inputs["position_ids"],
        logits_to_keep=positions,
        use_cache=False,
        # Read by our own attentions alone; every other one looks at the mask.
        pack_layout=inputs.get("pack_layout"),
        sequences=inputs.get("sequences"),
    )
    logits: torch.Tensor = output.logits[0]
    return logits
