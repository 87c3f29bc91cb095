"""The loss, from the last layer's output at supervised positions, some rows at a time."""

from __future__ import annotations

from typing import Any

import torch

from sqlforge.model.fused import ops
from sqlforge.plan.fused import CHUNK_BYTES


class SummedCrossEntropy(torch.autograd.Function):
    """Summed cross-entropy of ``hidden @ table.T``; logits of few rows exist at a time.

    The gradients are computed with the loss, so that logits are neither kept nor computed twice.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        table: torch.Tensor,
        head: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The loss, fp32.

        Args:
            ctx: autograd's.
            hidden: ``[rows, hidden]``.
            table: the output layer in the precision that is computed in, ``[tokens, hidden]``.
            head: the same as it is trained, or frozen; it gets the gradient.
            labels: ``[rows]``.
            weights: of the rows, fp32; all are one without them.
        """
        rows = max(64, CHUNK_BYTES // (table.shape[0] * hidden.element_size()))
        back = torch.empty_like(hidden)
        to_head = torch.zeros_like(head) if ctx.needs_input_grad[2] else None
        losses: list[torch.Tensor] = []
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, len(hidden), rows):
                piece = slice(start, start + rows)
                logits = hidden[piece] @ table.T
                losses.append(ops.cross_entropy(logits, labels[piece]))
                if weights is not None:
                    losses[-1] *= weights[piece]
                    logits *= weights[piece, None].to(logits.dtype)
                torch.mm(logits, table, out=back[piece])
                if to_head is not None:
                    to_head += ops.product(logits.T, hidden[piece], head.dtype)
        ctx.save_for_backward(back, to_head)
        return torch.cat(losses).sum()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Gradients of ``hidden`` and, unless it is frozen, of ``head``."""
        back, to_head = ctx.saved_tensors
        to_head = None if to_head is None else to_head * grad
        return back * grad.to(back.dtype), None, to_head, None, None


class Norm(torch.autograd.Function):
    """The last norm."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        """``x / rms(x) * weight``."""
        out = torch.empty_like(x)
        ops.norm(x, weight, eps, out)
        ctx.save_for_backward(x, weight)
        ctx.eps = eps
        return out

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        """Gradients of ``x`` and, unless it is frozen, of ``weight``."""
        x, weight = ctx.saved_tensors
        grad = grad.contiguous()
        to_weight = norm_weight_gradient(grad, x, ctx.eps) if ctx.needs_input_grad[1] else None
        return ops.norm_backward(grad, x, weight, ctx.eps, None), to_weight, None


def norm_weight_gradient(grad: torch.Tensor, x: torch.Tensor, eps: float) -> torch.Tensor:
    """The gradient of a norm's weight, fp32."""
    value = x.float()
    scale = torch.rsqrt(value.pow(2).mean(-1, keepdim=True) + eps)
    return (grad.float() * value * scale).sum(0)


summed_cross_entropy: Any = SummedCrossEntropy.apply
last_norm: Any = Norm.apply
