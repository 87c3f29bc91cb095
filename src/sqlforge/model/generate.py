"""Batched generation; what prompts share is computed once.

The prompts about one schema begin alike. A batch first runs each such beginning once, then copies
its keys and values to every prompt that continues it, so that a prompt costs its question only.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from sqlforge.model.drawing import Drawing
from sqlforge.model.pack import shared_length

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Written:
    """One answer: its text, its log-probability at temperature 1 and its tokens, end included."""

    text: str
    logprob: float
    tokens: int


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Ids],
    schema_keys: Sequence[str],
    *,
    max_new_tokens: int,
    batch_tokens: int,
    temperatures: Sequence[float] | None = None,
    keys: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Written]:
    """Answers to ``prompts``, in their order, without the end token.

    Args:
        model: a transformers causal model, adapted or not, in evaluation mode.
        tokenizer: its tokenizer; only its special ids and ``decode`` are used.
        prompts: ids of each prompt.
        schema_keys: for each prompt a key that only prompts with the same beginning share.
        max_new_tokens: where an answer that does not end is cut.
        batch_tokens: bounds a batch, padding included; a longer single prompt goes alone.
        temperatures, keys: of each prompt, where answers are drawn, and from what; 0 is greedy.
        progress: called with (done, total) after each batch.
    """
    with _contiguous_head(model):
        return _generate(
            model,
            tokenizer,
            prompts,
            schema_keys,
            max_new_tokens,
            batch_tokens,
            temperatures or [0.0] * len(prompts),
            keys or [""] * len(prompts),
            progress,
        )


def _generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Ids],
    schema_keys: Sequence[str],
    max_new_tokens: int,
    batch_tokens: int,
    temperatures: Sequence[float],
    keys: Sequence[str],
    progress: Callable[[int, int], None] | None,
) -> list[Written]:
    answers: dict[int, Written] = {}
    shared = _shared_lengths(prompts, schema_keys)
    done = 0
    for batch in _batches(prompts, schema_keys, shared, batch_tokens, max_new_tokens):
        end = tokenizer.eos_token_id
        drawing = Drawing([temperatures[i] for i in batch], [keys[i] for i in batch], end)
        written = _generate_batch(
            model, tokenizer, [prompts[i] for i in batch], [shared[i] for i in batch],
            max_new_tokens, drawing,
        )  # fmt: skip
        answers.update(zip(batch, written, strict=True))
        done += len(batch)
        if progress:
            progress(done, len(prompts))
    return [answers[index] for index in range(len(prompts))]


@contextlib.contextmanager
def _contiguous_head(model: Any) -> Iterator[None]:
    """Hand the last position's states to the output layer in one piece.

    A slice of a longer sequence is strided, and PyTorch's CPU product then copies the whole output
    layer once a row: 57 MB times the batch, for nothing.
    """
    hook = model.get_output_embeddings().register_forward_pre_hook(
        lambda module, inputs: (inputs[0].contiguous(), *inputs[1:])
    )
    try:
        yield
    finally:
        hook.remove()


def _shared_lengths(prompts: Sequence[Ids], schema_keys: Sequence[str]) -> list[int]:
    """How many tokens of each prompt all prompts with its key begin with.

    At least one token of a prompt is its own: the one that predicts the answer's first.
    """
    by_key: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(schema_keys):
        by_key[key].append(index)
    lengths = [0] * len(prompts)
    for indices in by_key.values():
        length = shared_length([tuple(prompts[i]) for i in indices])
        for index in indices:
            lengths[index] = length
    return lengths


def _batches(
    prompts: Sequence[Ids],
    schema_keys: Sequence[str],
    shared: Sequence[int],
    batch_tokens: int,
    max_new_tokens: int,
) -> list[list[int]]:
    """Indices in batches: the longest schema first, so that a lack of memory shows at once."""
    longest: dict[str, int] = defaultdict(int)
    for prompt, key in zip(prompts, schema_keys, strict=True):
        longest[key] = max(longest[key], len(prompt))
    order = sorted(range(len(prompts)), key=lambda i: (-longest[schema_keys[i]], schema_keys[i], i))
    batches: list[list[int]] = []
    trunk = own = 0
    for index in order:
        # Trunks and what follows them are padded apart, so their longest add up.
        trunk = max(trunk, shared[index])
        own = max(own, len(prompts[index]) - shared[index])
        width = trunk + own + max_new_tokens
        if not batches or (len(batches[-1]) + 1) * width > batch_tokens:
            batches.append([])
            trunk, own = shared[index], len(prompts[index]) - shared[index]
        batches[-1].append(index)
    return batches


@torch.inference_mode()
def _generate_batch(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Ids],
    shared: Sequence[int],
    max_new_tokens: int,
    drawing: Drawing,
) -> list[Written]:
    pad = tokenizer.pad_token_id
    trunks = [tuple(p[:length]) for p, length in zip(prompts, shared, strict=True)]
    distinct = list(dict.fromkeys(trunks))
    trunk_ids, trunk_mask = _left_padded(distinct, pad, model.device)
    own = [p[length:] for p, length in zip(prompts, shared, strict=True)]
    own_ids, own_mask = _left_padded(own, pad, model.device)
    rows = torch.tensor([distinct.index(trunk) for trunk in trunks], device=model.device)
    ids = torch.cat([trunk_ids[rows], own_ids], dim=1)
    mask = torch.cat([trunk_mask[rows], own_mask], dim=1)
    output = model.generate(
        input_ids=ids,
        attention_mask=mask,
        past_key_values=_trunk_cache(model, trunk_ids, trunk_mask, rows),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        temperature=None,
        top_p=None,
        top_k=None,
        pad_token_id=pad,
        eos_token_id=tokenizer.eos_token_id,
        logits_processor=[drawing],
    )
    texts = [_text(tokenizer, row) for row in output[:, ids.shape[1] :].tolist()]
    return list(map(Written, texts, *drawing.told(output)))


def _trunk_cache(
    model: Any, trunk_ids: torch.Tensor, trunk_mask: torch.Tensor, rows: torch.Tensor
) -> Any:
    """Keys and values of the trunks, one copy a prompt; ``None`` where nothing is shared."""
    if trunk_ids.shape[1] == 0 or not trunk_mask.any(dim=1).all():
        return None
    positions = (trunk_mask.cumsum(dim=1) - 1).clamp(min=0)
    cache = model(
        input_ids=trunk_ids,
        attention_mask=trunk_mask,
        position_ids=positions,
        use_cache=True,
        logits_to_keep=1,
    ).past_key_values
    cache.batch_select_indices(rows)
    return cache


def _left_padded(
    sequences: Sequence[Ids], pad: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask, ``[rows, longest]``, padded on the left."""
    width = max(len(sequence) for sequence in sequences)
    ids = torch.full((len(sequences), width), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        if sequence:
            ids[row, width - len(sequence) :] = torch.tensor(sequence)
            mask[row, width - len(sequence) :] = 1
    return ids.to(device), mask.to(device)


def _text(tokenizer: Any, ids: list[int]) -> str:
    if tokenizer.eos_token_id in ids:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    return str(tokenizer.decode(ids)).strip()
