"""Attention over a pack, branch by branch, for the CPU.

A pack's mask is mostly empty: a branch sees its trunk and itself, nothing else. PyTorch's CPU
kernel computes the whole square all the same; here each trunk is attended to once, and all
branches of a group in one batch against trunk and own tokens. The same function, a third of the
time on two cores (docs/decisions/0002-packing.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import torch

from sqlforge.model.own_attention import register
from sqlforge.model.pack import Pack

PACKED = "sqlforge_packed"


@dataclass(frozen=True, slots=True)
class Group:
    """One trunk and its branches in a pack.

    ``trunk`` is the slice of the trunk's tokens (empty if nothing is shared), ``trunk_bias`` its
    causal mask, ``[trunk, trunk]``, added to the scores. ``branches`` holds
    token indices, ``[branches, longest]``, shorter ones filled with their last token; ``real``
    marks which of these, flattened, are no filling. ``bias`` is added to the scores,
    ``[longest, trunk + longest]``: 0 where a
    branch token may look, a huge negative number elsewhere.
    """

    trunk: slice
    trunk_bias: torch.Tensor
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


def _packed(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    layout: tuple[Group, ...],
    scaling: float | None,
) -> torch.Tensor:
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    pieces: list[torch.Tensor] = []
    for group in layout:
        if group.trunk.stop > group.trunk.start:
            pieces.append(_trunk(query[0], key[0], value[0], group, scale))
        pieces.append(_branches(query[0], key[0], value[0], group, scale))
    return torch.cat(pieces, dim=1).transpose(0, 1)[None]


register(PACKED, "pack_layout", _packed)


def _group(trunk: slice, branches: list[list[int]]) -> Group:
    longest = max(len(branch) for branch in branches)
    filled = [branch + [branch[-1]] * (longest - len(branch)) for branch in branches]
    real = [place < len(branch) for branch in branches for place in range(longest)]
    # Filling stands behind all real tokens, so the causal mask hides it from them.
    own = _causal_bias(longest)
    sees_trunk = torch.zeros(longest, trunk.stop - trunk.start)
    return Group(
        trunk=trunk,
        trunk_bias=_causal_bias(trunk.stop - trunk.start),
        branches=torch.tensor(filled),
        real=torch.tensor(real).nonzero()[:, 0],
        bias=torch.cat([sees_trunk, own], dim=1),
    )


def _causal_bias(size: int) -> torch.Tensor:
    later = torch.ones(size, size, dtype=torch.bool).triu(diagonal=1)
    return torch.zeros(size, size).masked_fill(later, torch.finfo(torch.bfloat16).min)


def _trunk(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, group: Group, scale: float
) -> torch.Tensor:
    """A trunk sees itself only: ``[heads, trunk, head size]``."""
    tokens = group.trunk
    mixed = _attend(
        query[None, :, tokens],
        key[None, :, tokens],
        value[None, :, tokens],
        group.trunk_bias,
        scale,
    )
    return mixed[0]


def _branches(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, group: Group, scale: float
) -> torch.Tensor:
    """All branches of a group at once, ``[heads, real tokens, head size]``."""
    heads, _, size = query.shape
    asked = _gathered(query, group)
    mixed = _attend(asked, _with_trunk(key, group), _with_trunk(value, group), group.bias, scale)
    return mixed.transpose(0, 1).reshape(heads, -1, size).index_select(1, group.real)


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """Softmax attention in the plain way, ``[rows, heads, tokens, head size]``.

    At these sizes (some dozens of tokens a row) plain products are faster on a CPU than PyTorch's
    flash kernel, three times so backwards.
    """
    rows, heads, tokens, size = query.shape
    kv_heads = key.shape[1]
    # The heads that share keys are stacked, so that one product serves them all.
    stacked = query.reshape(rows, kv_heads, heads // kv_heads * tokens, size)
    scores = (stacked @ key.transpose(2, 3)).view(rows, heads, tokens, -1) * scale
    weights = torch.softmax(scores + bias.to(scores.dtype), dim=-1, dtype=torch.float32)
    stacked_weights = weights.to(value.dtype).view(rows, kv_heads, heads // kv_heads * tokens, -1)
    return (stacked_weights @ value).view(rows, heads, tokens, size)


def _gathered(states: torch.Tensor, group: Group) -> torch.Tensor:
    """The branches' own states: ``[branches, heads, longest, size]``."""
    count, longest = group.branches.shape
    flat = states.index_select(1, group.branches.flatten())
    return flat.view(states.shape[0], count, longest, -1).transpose(0, 1)


def _with_trunk(states: torch.Tensor, group: Group) -> torch.Tensor:
    """Keys or values that each branch sees: ``[branches, kv heads, trunk + longest, size]``."""
    own = _gathered(states, group)
    trunk = states[None, :, group.trunk].expand(own.shape[0], -1, -1, -1)
    return torch.cat([trunk, own], dim=2)
