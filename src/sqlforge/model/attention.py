"""Attention over a pack, branch by branch, for the CPU.

A pack's mask is mostly empty: a branch sees its trunk and itself, nothing else. PyTorch's CPU
kernel computes the whole square all the same; here each trunk is attended to once, and all
branches of a group in one batch against trunk and own tokens. The same function, a third of the
time on two cores (docs/decisions/0002-packing.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from sqlforge.model.pack import Pack

PACKED = "sqlforge_packed"


@dataclass(frozen=True, slots=True)
class Group:
    """One trunk and its branches in a pack.

    ``trunk`` is the slice of the trunk's tokens (empty if nothing is shared). ``branches`` holds
    token indices, ``[branches, longest]``, shorter ones filled with their last token; ``real``
    marks which of these, flattened, are no filling. ``bias`` is added to the scores,
    ``[longest, trunk + longest]``: 0 where a
    branch token may look, a huge negative number elsewhere.
    """

    trunk: slice
    branches: torch.Tensor
    real: torch.Tensor
    bias: torch.Tensor


def layout_of(pack: Pack) -> tuple[Group, ...]:
    """The groups of a pack in their order."""
    found: list[Group] = []
    tokens = range(len(pack))
    for _, members in groupby(tokens, key=lambda t: pack.groups[t]):
        runs = [list(run) for _, run in groupby(list(members), key=lambda t: pack.branches[t])]
        start = runs[0][0]
        shared = pack.branches[start] == 0
        branches = runs[1:] if shared else runs
        found.append(_group(slice(start, branches[0][0]), branches))
    return tuple(found)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    pack_layout: tuple[Group, ...] | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention in the form that transformers calls; without a layout it is PyTorch's own.

    Args:
        query: ``[1, heads, tokens, head size]``; ``key`` and ``value`` may have fewer heads.
        scaling: of the scores; ``head size ** -0.5`` if ``None``.
        pack_layout: what :func:`layout_of` found.

    Returns:
        ``[1, tokens, heads, head size]`` and no weights.
    """
    if pack_layout is None:
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return plain
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    pieces: list[torch.Tensor] = []
    for group in pack_layout:
        if group.trunk.stop > group.trunk.start:
            pieces.append(_trunk(query, key, value, group.trunk, scale))
        pieces.append(_branches(query[0], key[0], value[0], group, scale))
    return torch.cat(pieces, dim=1).transpose(0, 1)[None], None


AttentionInterface.register(PACKED, packed_attention)


def _group(trunk: slice, branches: list[list[int]]) -> Group:
    longest = max(len(branch) for branch in branches)
    filled = [branch + [branch[-1]] * (longest - len(branch)) for branch in branches]
    real = [place < len(branch) for branch in branches for place in range(longest)]
    # Filling stands behind all real tokens, so the causal mask hides it from them.
    later = torch.ones(longest, longest, dtype=torch.bool).triu(diagonal=1)
    sees_trunk = torch.zeros(longest, trunk.stop - trunk.start, dtype=torch.bool)
    hidden = torch.cat([sees_trunk, later], dim=1)
    bias = torch.zeros(hidden.shape).masked_fill(hidden, torch.finfo(torch.bfloat16).min)
    return Group(trunk, torch.tensor(filled), torch.tensor(real).nonzero()[:, 0], bias)


def _trunk(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, trunk: slice, scale: float
) -> torch.Tensor:
    """A trunk sees itself only: plain causal attention, ``[heads, trunk, head size]``."""
    return functional.scaled_dot_product_attention(
        query[:, :, trunk],
        key[:, :, trunk],
        value[:, :, trunk],
        is_causal=True,
        scale=scale,
        enable_gqa=True,
    )[0]


def _branches(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, group: Group, scale: float
) -> torch.Tensor:
    """All branches of a group at once, ``[heads, real tokens, head size]``."""
    count, longest = group.branches.shape
    heads, size = query.shape[0], query.shape[2]
    kv_heads = key.shape[0]
    asked = query[:, group.branches].transpose(0, 1)
    keys, values = _with_trunk(key, group), _with_trunk(value, group)
    # The heads that share keys are stacked, so that one product serves them all.
    stacked = asked.reshape(count, kv_heads, heads // kv_heads * longest, size)
    scores = (stacked @ keys.transpose(2, 3)).view(count, heads, longest, -1) * scale
    weights = torch.softmax(scores + group.bias.to(scores.dtype), dim=-1, dtype=torch.float32)
    mixed = weights.to(values.dtype).view(count, kv_heads, heads // kv_heads * longest, -1) @ values
    rows = mixed.view(count, heads, longest, size).transpose(0, 1).reshape(heads, -1, size)
    return rows[:, group.real]


def _with_trunk(states: torch.Tensor, group: Group) -> torch.Tensor:
    """Keys or values that each branch sees: ``[branches, kv heads, trunk + longest, size]``."""
    own = states[:, group.branches].transpose(0, 1)
    trunk = states[None, :, group.trunk].expand(own.shape[0], -1, -1, -1)
    return torch.cat([trunk, own], dim=2)
