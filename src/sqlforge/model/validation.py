"""Loss on examples that are not trained on, measured now and then on the way."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from sqlforge.core.errors import RecipeError
from sqlforge.model.batches import choose_attention
from sqlforge.model.pack import IGNORED, Pack, plan_packs
from sqlforge.model.plain_loss import logits_at
from sqlforge.prompt.token_store import TokenStore


@dataclass(frozen=True, slots=True)
class Validation:
    """Mean loss of an answer's token, and the share of answers that would be written word by word.

    ``exact`` takes the gold so far as given at every token: an upper bound of exact match by
    greedy decoding, and nearly it. ``seconds`` is what the measurement took.
    """

    loss: float
    exact: float
    seconds: float


def validation_packs(store: TokenStore, *, rows: int, budget: int, seed: int) -> list[Pack]:
    """At most ``rows`` examples, drawn by ``seed``, that a pack of ``budget`` tokens holds.

    Raises:
        RecipeError: there is none.
    """
    short = [i for i, length in enumerate(store.lengths) if length <= budget]
    if not short:
        raise RecipeError(
            f"no validation example of at most {budget} tokens",
            "some, to measure on every train.validate_steps",
            "raise train.pack_tokens, or take validate_steps out",
        )
    drawn = sorted(random.Random(f"{seed}/validation").sample(short, min(rows, len(short))))
    keys = store.schema_keys
    return plan_packs(
        [store[i] for i in drawn],
        [keys[i] for i in drawn],
        budget=budget,
        questions_per_schema=8,
        seed=seed,
    )


def validate(model: Any, packs: Sequence[Pack], *, autocast_bf16: bool) -> Validation:
    """Measure without dropout; nothing is drawn, so that training goes on as if it had not been."""
    began = time.monotonic()
    collate = choose_attention(model, autocast_bf16=autocast_bf16)
    loss, tokens, exact = 0.0, 0, 0
    kind = model.device.type
    with (
        torch.no_grad(),
        _without_dropout(model),
        torch.autocast(kind, torch.bfloat16, enabled=autocast_bf16),
    ):
        for pack in packs:
            inputs = _moved(collate([pack]), model.device)
            labels = inputs["labels"][0]
            positions = labels.ne(IGNORED).nonzero()[:, 0]
            logits = logits_at(model, inputs, positions).float()
            wanted = labels[positions]
            loss += torch.nn.functional.cross_entropy(logits, wanted, reduction="sum").item()
            right = logits.argmax(dim=-1).eq(wanted).tolist()
            places = ((pack.groups[i], pack.branches[i]) for i in positions.tolist())
            whole: dict[tuple[int, int], bool] = {}
            for place, is_right in zip(places, right, strict=True):
                whole[place] = whole.get(place, True) and is_right
            tokens, exact = tokens + len(right), exact + sum(whole.values())
    examples = sum(pack.examples for pack in packs)
    return Validation(loss / tokens, exact / examples, time.monotonic() - began)


@contextmanager
def _without_dropout(model: Any) -> Iterator[None]:
    # Not model.eval(): that makes bitsandbytes lay 4-bit weights on a CPU out anew.
    found = [m for m in model.modules() if isinstance(m, torch.nn.Dropout) and m.training]
    for module in found:
        module.training = False
    try:
        yield
    finally:
        for module in found:
            module.training = True


def _moved(values: Any, device: torch.device) -> Any:
    if isinstance(values, dict):
        return {key: _moved(value, device) for key, value in values.items()}
    return values.to(device) if isinstance(values, torch.Tensor) else values
