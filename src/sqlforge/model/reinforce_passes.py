"""Log-probabilities of answers in few passes: those to one prompt share it.

A group's answers stand behind one copy of their prompt, each attending to the prompt and to itself.
Prompts are most of the tokens of a step, so that saves most of an update's work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from sqlforge.model.engine.memory import window_of
from sqlforge.model.reinforce_masks import log_probabilities

Ids = Sequence[int]
_PROMPT, _PADDING = 0, -1


@dataclass(frozen=True, slots=True)
class Bundle:
    """Answers behind one copy of their prompt; ``rows`` says which ones of the step they are."""

    prompt: Ids
    answers: tuple[Ids, ...]
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + sum(map(len, self.answers))


@dataclass(frozen=True, slots=True)
class How:
    """How answers were drawn, ``most`` tokens of a pass and whether it is under bf16 autocast."""

    temperature: float
    most: int
    autocast_bf16: bool


def answer_log_probabilities(
    model: Any,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    length: int,
    masks: torch.Tensor | None,
    how: How,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and entropies of the last ``length`` ids, ``[texts, length]``, in fp32.

    Zero at padding. Where there are several passes each is gone through again for its gradients, so
    that only one's activations are held.

    Args:
        model: a transformers causal model, adapted or not.
        input_ids: prompts padded on the left, then answers padded on the right.
        attention_mask: 0 at padding.
        length: of the longest answer.
        masks: what was allowed, int32 ``[texts, length, words]``; ``None``: everything.
        how: see :class:`How`.
    """
    passes = passes_of(bundles_of(input_ids, attention_mask, length, how.most), how.most)
    again = torch.is_grad_enabled() and len(passes) > 1
    told: list[tuple[torch.Tensor, torch.Tensor]] = []
    rows: list[int] = []
    places: list[int] = []
    for some in passes:
        for bundle in some:
            for row, answer in zip(bundle.rows, bundle.answers, strict=True):
                rows += [row] * len(answer)
                places += range(len(answer))
        first = len(rows) - sum(len(answer) for bundle in some for answer in bundle.answers)
        allowed = None if masks is None else masks[rows[first:], places[first:]]
        inputs = model, some, allowed, how, input_ids.device
        if again:
            told.append(checkpoint(_told, *inputs, use_reentrant=False, preserve_rng_state=False))
        else:
            told.append(_told(*inputs))
    at = torch.tensor(rows, device=input_ids.device), torch.tensor(places, device=input_ids.device)
    empty = torch.zeros(len(input_ids), length, device=input_ids.device)
    logs, entropies = (empty.index_put(at, torch.cat(v)) for v in zip(*told, strict=True))
    return logs, entropies


def bundles_of(
    input_ids: torch.Tensor, attention_mask: torch.Tensor, length: int, most: int
) -> list[Bundle]:
    """Texts by prompt; a bundle that would be longer than ``most`` tokens is begun anew."""
    begin = input_ids.shape[1] - length
    found: dict[Ids, list[Bundle]] = {}
    for row, (ids, seen) in enumerate(
        zip(input_ids.tolist(), attention_mask.tolist(), strict=True)
    ):
        prompt = tuple(ids[begin - sum(seen[:begin]) : begin])
        answer = tuple(ids[begin : begin + sum(seen[begin:])])
        some = found.setdefault(prompt, [])
        if some and len(some[-1]) + len(answer) <= most:
            last = some.pop()
            some.append(Bundle(prompt, (*last.answers, answer), (*last.rows, row)))
        else:
            some.append(Bundle(prompt, (answer,), (row,)))
    return [bundle for some in found.values() for bundle in some]


def passes_of(bundles: Sequence[Bundle], most: int) -> list[list[Bundle]]:
    """Bundles of about a length together, at most ``most`` tokens, padding included.

    What is longer goes alone.

    >>> some = [Bundle((1,) * n, ((2,),), (n,)) for n in (4, 49, 5)]
    >>> [[len(bundle) for bundle in bundles] for bundles in passes_of(some, 30)]
    [[50], [6, 5]]
    """
    passes: list[list[Bundle]] = []
    for bundle in sorted(bundles, key=lambda bundle: -len(bundle)):
        if passes and len(passes[-1][0]) * (len(passes[-1]) + 1) <= most:
            passes[-1].append(bundle)
        else:
            passes.append([bundle])
    return passes


def _told(
    model: Any, bundles: Sequence[Bundle], masks: torch.Tensor | None, how: How, device: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each token of each answer, one after the other, ``[tokens]``."""
    longest = max(map(len, bundles))
    ids, positions, parts = (torch.full((len(bundles), longest), fill) for fill in (0, 0, _PADDING))
    read: list[tuple[int, int]] = []  # where each token is foretold
    for n, bundle in enumerate(bundles):
        ahead = end = len(bundle.prompt)
        ids[n, :ahead] = torch.tensor(bundle.prompt)
        positions[n, :ahead] = torch.arange(ahead)
        parts[n, :ahead] = _PROMPT
        for part, answer in enumerate(bundle.answers, 1):
            begin, end = end, end + len(answer)
            ids[n, begin:end] = torch.tensor(answer, dtype=torch.long)
            positions[n, begin:end] = torch.arange(ahead, ahead + len(answer))
            parts[n, begin:end] = part
            read += [(n, place) for place in (ahead - 1, *range(begin, end - 1))][: len(answer)]
    at = torch.tensor(read, device=device).T
    chosen = torch.tensor([t for b in bundles for a in b.answers for t in a], device=device)
    seen = _seen(parts.to(device), positions.to(device), window_of(model.config))
    with (
        torch.autocast(torch.device(device).type, torch.bfloat16, how.autocast_bf16),
        _kernels(device),
        _logits_at(model, at[0], at[1]),
    ):
        logits = model(
            input_ids=ids.to(device),
            attention_mask=seen,
            position_ids=positions.to(device),
            use_cache=False,
        ).logits
    allowed = None if masks is None else masks[None].to(device)
    logs, entropies = log_probabilities(logits, chosen[None], allowed, how.temperature)
    return logs[0], entropies[0]


def _kernels(device: Any) -> AbstractContextManager[None]:
    """On CUDA, attention that takes masks and needs no plan for every new shape, as in sampling."""
    if torch.device(device).type != "cuda":
        return nullcontext()
    return sdpa_kernel([SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH])


def _seen(parts: torch.Tensor, positions: torch.Tensor, window: int | None) -> torch.Tensor:
    """What each token attends to, ``[bundles, 1, tokens, tokens]``; padding to itself alone."""
    length = parts.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=parts.device).tril()
    query, key = parts[:, :, None], parts[:, None, :]
    seen = before & ((key == _PROMPT) | (key == query)) & (query != _PADDING)
    if window is not None:
        seen &= positions[:, :, None] - positions[:, None, :] < window
    return (seen | torch.eye(length, dtype=torch.bool, device=parts.device))[:, None]


@contextmanager
def _logits_at(model: Any, rows: torch.Tensor, places: torch.Tensor) -> Iterator[None]:
    """Let the output layer see some positions only: logits are ``[1, positions, vocabulary]``."""
    hook = model.get_output_embeddings().register_forward_pre_hook(
        lambda module, inputs: (inputs[0][rows, places][None], *inputs[1:])
    )
    try:
        yield
    finally:
        hook.remove()
