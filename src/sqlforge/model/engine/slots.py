"""Keys and values of the running texts: one row each in static tensors, and the attention on them.

Static, so that a step can be captured as a CUDA graph: its kernels read and write the same
addresses every time. transformers' own modules run on it unchanged: they hand new keys and values
to ``update`` and attend to what it returns.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "sqlforge_slots"


class SlotCache:
    """``[layers, 2, rows + 1, heads, length, head size]``.

    The last row and the position ``width`` are scratch: padding writes there and nobody attends to
    it. ``length`` is the next multiple of 64 beyond, which kernels like.
    Everything starts at zero, since a masked value that is not finite would still spoil the sum.
    """

    is_compileable = True

    def __init__(self, config: Any, rows: int, width: int, dtype: Any, device: Any) -> None:
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.rows, self.width = rows, width
        self.length = (width // 64 + 1) * 64
        shape = (config.num_hidden_layers, 2, rows + 1, heads, self.length, size)
        self.kv = torch.zeros(shape, dtype=dtype, device=device)
        self._rows: torch.Tensor | None = None
        self._positions = torch.zeros(0)
        self._read: int | None = None
        self._in_order = False

    def aim(
        self, rows: torch.Tensor, positions: torch.Tensor, read: int | None, *, in_order: bool
    ) -> None:
        """Say where the next forward pass writes and what it attends to.

        Args:
            rows: of each sequence, ``[sequences]``.
            positions: of each token, ``[sequences, tokens]``; ``width`` is scratch.
            read: attend to that many positions of the rows; ``None``: to the pass's own tokens.
            in_order: ``rows`` are the first ones, in their order, so that none is copied.
        """
        self._rows, self._positions, self._read = rows, positions, read
        self._in_order = in_order

    def update(
        self, key: torch.Tensor, value: torch.Tensor, layer: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write ``[sequences, heads, tokens, head size]``; gives what is to be attended to."""
        rows = self._rows
        assert rows is not None
        stored = self.kv[layer]
        at = (rows[:, None], slice(None), self._positions)
        stored[0][at] = key.transpose(1, 2)
        stored[1][at] = value.transpose(1, 2)
        if self._read is None:
            return key, value
        if self._in_order:
            found = stored[:, : rows.shape[0], :, : self._read]
        else:
            found = stored[:, rows, :, : self._read]
        return found[0], found[1]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Asked by some models, who are given positions and masks anyway."""
        return 0

    def move(self, sources: torch.Tensor, targets: torch.Tensor, length: int) -> None:
        """Copy the first ``length`` positions of rows to other rows."""
        self.kv[:, :, targets, :, :length] = self.kv[:, :, sources, :, :length]

    def beginning(self, row: int, length: int) -> torch.Tensor:
        """A copy of a row's first positions, ``[layers, 2, heads, length, head size]``."""
        return self.kv[:, :, row, :, :length].clone()

    def put_beginning(self, rows: torch.Tensor, beginning: torch.Tensor, length: int) -> None:
        """Begin rows with the first ``length`` positions of what :meth:`beginning` gave."""
        self.kv[:, :, rows, :, :length] = beginning[:, :, None, :, :length]


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """PyTorch's attention; grouped heads of a single token become its queries, uncopied.

    The model can be called without slots meanwhile: what has no mask is causal, as elsewhere.
    """
    if attention_mask is None:
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, None, scaling=scaling, **kwargs
        )
        return plain
    sequences, heads, tokens, size = query.shape
    groups = heads // key.shape[1]
    if tokens == 1:
        query = query.reshape(sequences, key.shape[1], groups, size)
    elif groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    out = scaled_dot_product_attention(query, key, value, attn_mask=attention_mask, scale=scaling)
    return out.reshape(sequences, heads, tokens, size).transpose(1, 2), None


AttentionInterface.register(ATTENTION, _attend)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
