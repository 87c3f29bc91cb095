"""How an attention of our own is made known to transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Any, float | None], torch.Tensor]


def register(name: str, argument: str, attend: Attend) -> None:
    """Make ``attend`` the attention called ``name``; without a layout it is PyTorch's own.

    Args:
        name: for ``set_attn_implementation``.
        argument: of the model's forward pass, the pack's layout. Where it is missing or ``None``
            (generation after training) padding is masked as for PyTorch's own attention.
        attend: from queries, ``[1, heads, tokens, head size]``, keys and values, which may have
            fewer heads, the layout and the scale of the scores (``head size ** -0.5`` if ``None``)
            to ``[1, tokens, heads, head size]``. It is given no mask: the layout says it all.
    """

    def attention(
        module: torch.nn.Module,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attention_mask: torch.Tensor | None,
        scaling: float | None = None,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, None]:
        layout = kwargs.pop(argument, None)
        if layout is not None:
            return attend(query, key, value, layout, scaling), None
        plain: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
        return plain

    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, sdpa_mask)
