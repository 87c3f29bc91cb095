"""Attention over a pack on CUDA: PyTorch's variable-length kernel, one sequence a branch.

A pack's mask would be a square of all its tokens, and PyTorch's kernels compute the whole square.
Here every trunk and every branch is a sequence of queries of its own. A branch's keys are its
trunk's and its own; the kernel's causal mask is aligned to the last key, so a branch's token sees
the whole trunk and the branch up to itself. The cost grows with the pack's length, not its square.
"""

from __future__ import annotations

import inspect
import logging
from functools import cache, partial
from typing import Any, TypedDict

import numpy as np
import torch

from sqlforge.model.own_attention import register
from sqlforge.model.pack import Pack

_log = logging.getLogger(__name__)
VARLEN = "sqlforge_varlen"
_FIRST_CAPABILITY = (8, 0)  # of cards that the kernel runs on


class Sequences(TypedDict):
    """Where a pack's sequences lie; a dictionary, because those are moved to the device.

    ``key_index`` names for every key that the kernel reads the pack's token that it belongs to.
    ``query_ends`` and ``key_ends`` count from 0, ``[sequences + 1]``, int32. ``gathered`` says
    whether keys are anything but the pack's tokens in their order: where no schema is shared they
    are not.
    """

    key_index: torch.Tensor
    gathered: bool
    query_ends: torch.Tensor
    key_ends: torch.Tensor
    longest_query: int
    longest_key: int


def can_run(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the kernel exists for what a model computes in, where it computes.

    >>> can_run(torch.device("cpu"), torch.bfloat16)
    False
    """
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return False
    return torch.cuda.get_device_capability(device) >= _FIRST_CAPABILITY


def sequences_of(pack: Pack) -> Sequences:
    """The sequences of a pack in the order of its tokens."""
    groups, branches = np.array(pack.groups), np.array(pack.branches)
    turns = (np.diff(groups) != 0) | (np.diff(branches) != 0)
    starts = [0, *(np.flatnonzero(turns) + 1).tolist()]
    ends = [*starts[1:], len(pack)]
    index: list[np.ndarray[Any, Any]] = []
    key_ends, longest_query, longest_key = [0], 0, 0
    trunk, trunk_of = np.arange(0), -1
    for start, end in zip(starts, ends, strict=True):
        keys = np.arange(start, end)
        if branches[start] == 0:
            trunk, trunk_of = keys, groups[start]
        elif len(trunk) and trunk_of == groups[start]:
            keys = np.concatenate((trunk, keys))
        index.append(keys)
        key_ends.append(key_ends[-1] + len(keys))
        longest_query, longest_key = max(longest_query, end - start), max(longest_key, len(keys))
    return Sequences(
        key_index=torch.from_numpy(np.concatenate(index)),
        gathered=key_ends[-1] != len(pack),
        query_ends=torch.tensor([0, *ends], dtype=torch.int32),
        key_ends=torch.tensor(key_ends, dtype=torch.int32),
        longest_query=longest_query,
        longest_key=longest_key,
    )


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    sequences: Sequences,
    scaling: float | None,
    *,
    sparing: bool = True,
) -> torch.Tensor:
    """What ``own_attention.register`` asks for; ``sparing`` copies keys only where it must.

    Training by transformers' layers copies them always, as the planner has it.
    """
    from torch.nn.attention.varlen import varlen_attn

    groups = query.shape[1] // key.shape[1]
    # Rotated queries and keys of an fp32 model are fp32 even under autocast; values never are.
    dtype = value.dtype
    options: dict[str, Any] = {}
    if sparing and groups > 1 and (found := shares_keys(query.device)) is not None:
        groups, options = 1, found
    gathered = sequences["gathered"] or not sparing
    mixed = varlen_attn(
        query[0].transpose(0, 1).to(dtype),
        _keys(key.to(dtype), sequences, groups, gathered),
        _keys(value, sequences, groups, gathered),
        sequences["query_ends"],
        sequences["key_ends"],
        sequences["longest_query"],
        sequences["longest_key"],
        scale=scaling,
        window_size=(-1, 0),
        **options,
    )
    assert isinstance(mixed, torch.Tensor)  # a tuple only where more is asked for
    return mixed[None]


register(VARLEN, "sequences", partial(attend, sparing=False))


@cache
def shares_keys(device: torch.device) -> dict[str, Any] | None:
    """How to ask for heads of queries that share one head of keys; ``None`` if nothing helps.

    PyTorch 2.12 asks for a flag, earlier kernels just do it: they are tried, and held against
    copies.
    """
    from torch.nn.attention.varlen import varlen_attn

    if "enable_gqa" in inspect.signature(varlen_attn).parameters:
        return {"enable_gqa": True}
    ends = torch.tensor([0, 40, 96], dtype=torch.int32, device=device)
    generator = torch.Generator(device).manual_seed(0)
    shape: dict[str, Any] = {"device": device, "dtype": torch.bfloat16, "generator": generator}
    drawn = [torch.randn(96, heads, 64, **shape) for heads in (4, 2, 2)]

    def run(copies: int) -> list[torch.Tensor]:
        leaves = [piece.detach().requires_grad_() for piece in drawn]
        with torch.enable_grad():
            key, value = (piece.repeat_interleave(copies, dim=1) for piece in leaves[1:])
            mixed = varlen_attn(leaves[0], key, value, ends, ends, 56, 56, window_size=(-1, 0))
            assert isinstance(mixed, torch.Tensor)
            return [mixed, *torch.autograd.grad(mixed.float().square().sum(), leaves)]

    wanted = run(2)
    try:
        got = run(1)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as fault:
        reason = " ".join(str(fault).split())[:120]
    else:
        pairs = zip(got, wanted, strict=True)
        if all((g - w).float().norm() < 0.02 * w.float().norm() for g, w in pairs):
            return {}
        reason = "its results differ"
    _log.warning(
        "keys are copied for every head that shares them: the kernel does not (%s)", reason
    )
    return None


def _keys(states: torch.Tensor, sequences: Sequences, groups: int, gathered: bool) -> torch.Tensor:
    """Keys or values of every sequence, ``[keys, heads, head size]``.

    Indexed, not ``index_select``: its backward sums by sorting, so the order of sums is fixed.
    """
    chosen = states[0].transpose(0, 1)
    if gathered:
        chosen = chosen[sequences["key_index"]]
    return chosen if groups == 1 else chosen.repeat_interleave(groups, dim=1)
