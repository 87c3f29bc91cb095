"""Starts the Triton kernels; block sizes keep each within the 99 KB of shared memory of
compute capability 8.6. Arguments are those of the functions of the same names in ``ops``.
"""

from __future__ import annotations

from typing import Any

import torch
import triton

from sqlforge.model.fused import triton_kernels as kernels
from sqlforge.plan.fused import PROGRAMS, TILE, gradient_parts

_POINTWISE = 1_024
_MOST_RANK = 256  # of the adapters that one product handles


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float, out: torch.Tensor) -> None:
    """``out`` becomes ``x``, normed."""
    rows, size = x.shape
    block = triton.next_power_of_2(size)
    kernels.norm[(rows,)](
        x, weight, out, out.stride(0), size, eps, BLOCK=block, num_warps=_warps(block)
    )


def norm_backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    added: torch.Tensor | None,
    out: torch.Tensor,
) -> None:
    """``out`` becomes the gradient of ``x``, and ``added``."""
    rows, size = x.shape
    block = triton.next_power_of_2(size)
    kernels.norm_backward[(rows,)](
        grad, grad.stride(0), x, weight, x if added is None else added, out, size, eps,
        ADD=added is not None, BLOCK=block, num_warps=_warps(block),
    )  # fmt: skip


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, heads: int, sign: float) -> None:
    """Rotate ``x`` in place by ``sign`` times the angles."""
    half = cos.shape[1] // 2
    size = triton.next_power_of_2(half)
    each = 16
    kernels.rotate[(x.shape[0], triton.cdiv(heads, each))](
        x, x.stride(0), cos, sin, cos.stride(0), heads, sign, HALF=half, SIZE=size, HEADS=each
    )


def gated(x: torch.Tensor, out: torch.Tensor) -> None:
    """``out`` becomes SwiGLU of ``x``."""
    rows, size = out.shape
    grid = (rows, triton.cdiv(size, _POINTWISE))
    kernels.gated[grid](x, out, out.stride(0), size, BLOCK=_POINTWISE)


def gated_backward(grad: torch.Tensor, x: torch.Tensor) -> None:
    """``x`` becomes its gradient."""
    rows, size = grad.shape
    grid = (rows, triton.cdiv(size, _POINTWISE))
    kernels.gated_backward[grid](grad, grad.stride(0), x, size, BLOCK=_POINTWISE)


def placed(x: torch.Tensor, out: torch.Tensor) -> None:
    """``out`` becomes ``x``."""
    rows, size = x.shape
    grid = (rows, triton.cdiv(size, _POINTWISE))
    kernels.placed[grid](x, x.stride(0), out, out.stride(0), size, BLOCK=_POINTWISE)


def nf4(packed: torch.Tensor, state: Any, out: torch.Tensor) -> None:
    """``out`` becomes the dequantised matrix."""
    rows, size = out.shape
    inner = state.state2 if state.nested else None
    grid = (rows, triton.cdiv(size // 2, _POINTWISE))
    kernels.nf4[grid](
        packed, state.code, state.absmax,
        state.code if inner is None else inner.code,
        state.absmax if inner is None else inner.absmax,
        state.code if inner is None else state.offset,
        out, out.stride(0), size, NESTED=inner is not None, BLOCK=_POINTWISE,
    )  # fmt: skip


def down(
    x: torch.Tensor,
    a: torch.Tensor,
    out: torch.Tensor,
    drop: tuple[int, int, float],
    at: torch.Tensor | None = None,
) -> None:
    """``out`` becomes ``dropout(x) @ a.T``; ``drop`` is ``Drop.numbers``, ``at`` ``Drop.at``."""
    (rows, size), rank = x.shape, a.shape[0]
    # All ranks at once, so that an element's place in the mask is hashed once: where rows alone
    # fill the card, and the tile fits.
    wide = triton.cdiv(rows, TILE) >= 2 * PROGRAMS and x.dtype != torch.float32
    width = min(_MOST_RANK if wide else TILE, _rank_block(rank))
    tiles = triton.cdiv(rows, TILE) * triton.cdiv(rank, width)
    # Few rows do not fill a card: their columns are shared out, and the parts added up.
    parts = max(1, min(8, triton.cdiv(2 * PROGRAMS, tiles), size // 512))
    share = triton.cdiv(triton.cdiv(size, parts), TILE) * TILE
    parts = triton.cdiv(size, share)
    target = out if parts == 1 else x.new_empty(parts, rows, rank, dtype=torch.float32)
    kernels.down[(triton.cdiv(rows, TILE), triton.cdiv(rank, width), parts)](
        x, x.stride(0), a, target, target.stride(-2), 0 if parts == 1 else target.stride(0),
        rows, size, rank, share, *drop,
        x if at is None else at, AT=at is not None,
        PRECISION=_precision(x), ROWS=TILE, INNER=32 if width > TILE else TILE, RANK=width,
        num_warps=4, num_stages=3,
    )  # fmt: skip
    if parts > 1:
        out.copy_(target.sum(0))


def grad(
    given: torch.Tensor,
    x: torch.Tensor,
    drop: tuple[int, int, float],
    at: torch.Tensor | None = None,
) -> torch.Tensor:
    """The gradient of ``a``, fp32."""
    (rows, size), rank = x.shape, given.shape[1]
    width, tiles = _rank_block(rank), triton.cdiv(size, TILE)
    parts = gradient_parts(rows, size)
    share = triton.cdiv(triton.cdiv(rows, parts), TILE) * TILE
    out = torch.empty(parts, rank, size, dtype=torch.float32, device=x.device)
    kernels.grad[(tiles, parts, triton.cdiv(rank, width))](
        given, given.stride(0), x, x.stride(0), out, rows, size, rank, share, *drop,
        x if at is None else at, AT=at is not None,
        PRECISION=_precision(x), ROWS=TILE, COLUMNS=TILE, RANK=width,
        num_warps=8 if width > 64 else 4, num_stages=2,
    )  # fmt: skip
    return out[0] if parts == 1 else out.sum(0)


def up(
    x: torch.Tensor,
    given: torch.Tensor,
    a: torch.Tensor,
    drop: tuple[int, int, float],
    out: torch.Tensor,
    at: torch.Tensor | None = None,
) -> None:
    """``out`` becomes the gradient of ``x``, and ``x``."""
    (rows, size), rank = x.shape, a.shape[0]
    grid = (triton.cdiv(rows, TILE), triton.cdiv(size, TILE))
    kernels.up[grid](
        x, x.stride(0), given, given.stride(0), a, out, out.stride(0), rows, size, rank, *drop,
        x if at is None else at, AT=at is not None,
        PRECISION=_precision(x), ROWS=TILE, COLUMNS=TILE, INNER=TILE,
        num_warps=4, num_stages=2,
    )  # fmt: skip


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Each row's loss; ``logits`` become their gradient."""
    rows, size = logits.shape
    losses = torch.empty(rows, dtype=torch.float32, device=logits.device)
    kernels.cross_entropy[(rows,)](logits, labels, losses, size, BLOCK=4_096, num_warps=8)
    return losses


def _rank_block(rank: int) -> int:
    return max(16, min(_MOST_RANK, int(triton.next_power_of_2(rank))))


def _precision(x: torch.Tensor) -> str:
    return "ieee" if x.dtype == torch.float32 else "tf32"


def _warps(block: int) -> int:
    return max(1, min(16, block // 512))
