"""What the fused step is made of: by Triton on a card, by PyTorch elsewhere.

Every operation writes where it is told, so that nothing is allocated that the step has not planned.
``x`` and gradients are ``[tokens, size]``; views with gaps between rows are fine.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from subprocess import SubprocessError
from typing import Any, Literal

import torch

Kernel = Literal["norm", "rotate", "gated", "placed", "nf4", "adapters", "cross_entropy"]

_log = logging.getLogger(__name__)
_OFF: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Drop:
    """Dropout of one input: its share and the seed that its mask is computed from.

    The mask is a hash of seed, row and column, so it is kept nowhere and is the same whenever it
    is asked for again.
    """

    share: float
    seed: int
    at: torch.Tensor | None = None
    """Another summand of the seed, int32, that lies in memory."""

    @property
    def numbers(self) -> tuple[int, int, float]:
        """Seed, the hash from which on an element is kept, and what is kept is multiplied by.

        >>> Drop(0.5, 7).numbers
        (7, 2147483648, 2.0)
        """
        return self.seed, min(round(self.share * 2**32), 2**32 - 1), 1 / (1 - self.share)


def turn_off(kernel: Kernel, reason: str) -> None:
    """Compute with PyTorch what ``kernel`` would; said once in the log."""
    if kernel not in _OFF:
        _OFF[kernel] = reason
        _log.warning("the kernel '%s' is not used, PyTorch's own steps in: %s", kernel, reason)


def turn_on() -> None:
    """Use all kernels again."""
    _OFF.clear()


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float, out: torch.Tensor) -> None:
    """``out`` becomes ``x / rms(x) * weight``."""
    if (kernels := _kernels("norm", x)) and _ran("norm", kernels.norm, x, weight, eps, out):
        return
    value = x.float()
    value = value * torch.rsqrt(value.pow(2).mean(-1, keepdim=True) + eps)
    out.copy_(value * weight.float())


def norm_backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    eps: float,
    added: torch.Tensor | None,
) -> torch.Tensor:
    """The gradient of :func:`norm`'s ``x``, and ``added``."""
    out = torch.empty_like(x)
    given = (grad, x, weight, eps, added, out)
    if (kernels := _kernels("norm", x)) and _ran("norm", kernels.norm_backward, *given):
        return out
    value, scaled = x.float(), grad.float() * weight.float()
    scale = torch.rsqrt(value.pow(2).mean(-1, keepdim=True) + eps)
    back = scale * (scaled - value * (scaled * value).mean(-1, keepdim=True) * scale.square())
    return out.copy_(back if added is None else back + added)


def rotate(
    x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, heads: int, *, back: bool = False
) -> None:
    """Rotate the first ``heads`` heads of every row in place; ``back`` undoes it.

    ``cos`` and ``sin`` are ``[tokens, head size]``, fp32, their halves alike.
    """
    sign = -1.0 if back else 1.0
    given = (x, cos, sin, heads, sign)
    if (kernels := _kernels("rotate", x)) and _ran("rotate", kernels.rotate, *given):
        return
    size = cos.shape[1]
    turned = x[:, : heads * size].view(len(x), heads, size)
    low, high = turned.float().chunk(2, dim=-1)
    near, far = cos[:, None, : size // 2].float(), sign * sin[:, None, : size // 2].float()
    turned.copy_(torch.cat((low * near - high * far, high * near + low * far), dim=-1))


def gated(x: torch.Tensor, out: torch.Tensor) -> None:
    """``out`` becomes SwiGLU: of ``[gate, up]``, ``silu(gate) * up``."""
    if (kernels := _kernels("gated", x)) and _ran("gated", kernels.gated, x, out):
        return
    gate, up = x.float().chunk(2, dim=-1)
    out.copy_(torch.nn.functional.silu(gate) * up)


def gated_backward(grad: torch.Tensor, x: torch.Tensor) -> None:
    """``x``, :func:`gated`'s input, becomes its gradient."""
    if (kernels := _kernels("gated", x)) and _ran("gated", kernels.gated_backward, grad, x):
        return
    (gate, up), given = x.float().chunk(2, dim=-1), grad.float()
    share = torch.sigmoid(gate)
    x.copy_(torch.cat((given * up * share * (1 + gate * (1 - share)), given * gate * share), -1))


def placed(x: torch.Tensor, out: torch.Tensor) -> None:
    """``out`` becomes ``x``; PyTorch copies number by number where rows lie apart."""
    alike = x.dtype == out.dtype and x.stride(1) == out.stride(1) == 1
    if alike and (kernels := _kernels("placed", x)) and _ran("placed", kernels.placed, x, out):
        return
    out.copy_(x)


def nf4(packed: torch.Tensor, state: Any, out: torch.Tensor) -> None:
    """``out`` becomes the matrix that bitsandbytes holds as ``packed`` and ``state``."""
    known = state.blocksize == 64 and out.shape[1] % 64 == 0 and state.quant_type == "nf4"
    if known and (kernels := _kernels("nf4", out)) and _ran("nf4", kernels.nf4, packed, state, out):
        return
    from bitsandbytes.functional import dequantize_4bit

    out.copy_(dequantize_4bit(packed, state))


def down(x: torch.Tensor, a: torch.Tensor, out: torch.Tensor, drop: Drop) -> None:
    """``out`` becomes ``dropout(x) @ a.T``: what adapters read of their input."""
    if drop.share == 0:
        torch.mm(x, a.T, out=out)
        return
    given = (x, a, out, drop.numbers, drop.at)
    if (kernels := _kernels("adapters", x)) and _ran("adapters", kernels.down, *given):
        return
    torch.mm(_dropped(x, drop), a.T, out=out)


def down_grad(grad: torch.Tensor, x: torch.Tensor, drop: Drop, scale: float) -> torch.Tensor:
    """The gradient of :func:`down`'s ``a``, times ``scale``; fp32 where there is such a product."""
    if drop.share > 0 and (kernels := _kernels("adapters", x)):
        seed, threshold, kept = drop.numbers
        given = (grad, x, (seed, threshold, kept * scale), drop.at)
        made: torch.Tensor | None = _made("adapters", kernels.grad, *given)
        if made is not None:
            return made
    read = x if drop.share == 0 else _dropped(x, drop)
    return product(grad.T, read, torch.float32).mul_(scale)


def down_backward(
    x: torch.Tensor, grad: torch.Tensor, a: torch.Tensor, drop: Drop, out: torch.Tensor
) -> None:
    """``out``, which may be ``x``, becomes ``x`` and the gradient of :func:`down`'s ``x``."""
    if drop.share == 0:
        torch.addmm(x, grad, a, out=out)
        return
    given = (x, grad, a, drop.numbers, out, drop.at)
    if (kernels := _kernels("adapters", x)) and _ran("adapters", kernels.up, *given):
        return
    torch.add(x, _dropped(grad @ a, drop), out=out)


def product(left: torch.Tensor, right: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """``left @ right``; where ``dtype`` is fp32 and PyTorch can, not rounded to 16 bit before."""
    if left.is_cuda and left.dtype != dtype == torch.float32:
        return torch.mm(left, right, out_dtype=torch.float32)
    return (left @ right).to(dtype)


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Each row's loss, fp32; ``logits`` become their gradient."""
    if kernels := _kernels("cross_entropy", logits):
        made: torch.Tensor | None = _made("cross_entropy", kernels.cross_entropy, logits, labels)
        if made is not None:
            return made
    shares = torch.log_softmax(logits.float(), dim=-1)
    losses = -shares.gather(1, labels[:, None])[:, 0]
    shares.exp_()
    shares.scatter_add_(1, labels[:, None], shares.new_full((len(labels), 1), -1.0))
    logits.copy_(shares)
    return losses


def mask(rows: int, columns: int, drop: Drop, device: torch.device) -> torch.Tensor:
    """Which elements ``drop`` keeps, boolean; the kernels compute the same."""
    seed, threshold, _ = drop.numbers
    row = torch.arange(rows, device=device) * 0x9E3779B1 + seed
    row = row if drop.at is None else row + drop.at
    column = 2 * torch.arange(columns, device=device)
    mixed = _hashed(row & 0xFFFFFFFF)[:, None] ^ _hashed(column)[None, :]
    product = mixed * (_hashed(column + 1) | 1)[None, :]  # wraps modulo 2^64
    return (product & 0xFFFFFFFF) >= threshold


def _dropped(x: torch.Tensor, drop: Drop) -> torch.Tensor:
    return x * mask(x.shape[0], x.shape[1], drop, x.device) * drop.numbers[2]


def _hashed(x: torch.Tensor) -> torch.Tensor:
    """Of 32-bit numbers in int64; products stay below 2^63 since they wrap modulo 2^64."""
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & 0xFFFFFFFF
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & 0xFFFFFFFF
    return x ^ (x >> 16)


def _kernels(name: Kernel, x: torch.Tensor) -> Any:
    """The module of kernels if ``name`` runs where ``x`` lies."""
    return _module(x.device) if x.is_cuda and name not in _OFF else None


@cache
def _module(device: torch.device) -> Any:
    """The module of kernels if the simplest of them runs on ``device``."""
    try:
        from triton.runtime.errors import TritonError

        from sqlforge.model.fused import launch
    except ImportError as fault:
        return _without_triton(fault)
    probe, out = torch.zeros(16, 32, device=device), torch.empty(16, 16, device=device)
    try:
        launch.gated(probe, out)
    # Triton builds its launcher with the C compiler, which may lack Python's headers.
    except (TritonError, SubprocessError, OSError, RuntimeError) as fault:
        return _without_triton(fault)
    return launch


def _without_triton(fault: Exception) -> None:
    _log.warning("Triton does not run here (%s): PyTorch's own operations step in", _short(fault))


def _ran(name: Kernel, run: Any, *given: Any) -> bool:
    """Whether the kernel ran; see :func:`_made`."""
    _made(name, run, *given)
    return name not in _OFF


def _made(name: Kernel, run: Any, *given: Any) -> Any:
    """What the kernel returns; ``None`` if it does not compile for this card.

    It is not tried again then, and has changed nothing: kernels compile before they start.
    """
    from triton.runtime.errors import TritonError

    try:
        return run(*given)
    except TritonError as fault:
        turn_off(name, _short(fault))
        return None


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:120]
