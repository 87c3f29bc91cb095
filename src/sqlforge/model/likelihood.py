"""How likely a model finds given answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


@torch.inference_mode()
def answer_logprobs(
    model: Any, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]
) -> list[float]:
    """The log-probability of each answer after its prompt, in nats.

    Args:
        model: a transformers causal model in evaluation mode.
        prompts, answers: ids; an answer's end token is one of its ids.
    """
    found = []
    for prompt, answer in zip(prompts, answers, strict=True):
        ids = torch.tensor([[*prompt, *answer]], device=model.device)
        logits = model(input_ids=ids[:, :-1], logits_to_keep=len(answer)).logits[0].float()
        told = logits.log_softmax(-1).gather(1, ids[0, -len(answer) :, None])
        found.append(float(told.sum()))
    return found
