"""Holds every kernel against PyTorch's own steps; on a CPU under Triton's interpreter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from sqlforge.model.fused import launch, ops
from sqlforge.model.fused.ops import Drop

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TOKENS = 70


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape).to(DEVICE)


def gapped(rows: int, columns: int) -> torch.Tensor:
    """A view whose rows lie apart."""
    return drawn(rows, columns + 8)[:, :columns]


def close(got: torch.Tensor, wanted: torch.Tensor, what: str) -> None:
    error = (got - wanted).norm() / wanted.norm()
    assert error < 1e-5, (what, error)
    print(what, float(error))


def by_torch(run: Callable[[], Any]) -> Any:
    """With the kernels out of reach."""
    kept = ops._kernels
    ops._kernels = lambda *_: None
    try:
        return run()
    finally:
        ops._kernels = kept


def norms() -> None:
    x, weight, grad, added = drawn(TOKENS, 96), drawn(96), gapped(TOKENS, 96), drawn(TOKENS, 96)
    got, wanted = gapped(TOKENS, 96), gapped(TOKENS, 96)
    launch.norm(x, weight, 1e-5, got)
    by_torch(lambda: ops.norm(x, weight, 1e-5, wanted))
    close(got, wanted, "norm")
    for more in (added, None):
        back = torch.empty_like(x)
        launch.norm_backward(grad, x, weight, 1e-5, more, back)
        close(back, by_torch(lambda m=more: ops.norm_backward(grad, x, weight, 1e-5, m)), "to x")
    leaf = x.clone().requires_grad_()
    (leaf * torch.rsqrt(leaf.pow(2).mean(-1, keepdim=True) + 1e-5) * weight).backward(grad)
    assert leaf.grad is not None
    close(back, leaf.grad, "autograd's")


def rotations() -> None:
    for size, heads in ((16, 5), (24, 20)):
        angles = drawn(TOKENS, size // 2).repeat(1, 2)
        cos, sin = angles.cos(), angles.sin()
        x = drawn(TOKENS, size * (heads + 3))
        got, wanted = x.clone(), x.clone()
        launch.rotate(got, cos, sin, heads, 1.0)
        by_torch(lambda w=wanted, h=heads, c=cos, s=sin: ops.rotate(w, c, s, h))
        close(got, wanted, "rotate")
        launch.rotate(got, cos, sin, heads, -1.0)
        close(got, x, "rotate back")


def gates() -> None:
    x, grad = drawn(TOKENS, 2 * 1_100), gapped(TOKENS, 1_100)
    got, wanted = gapped(TOKENS, 1_100), gapped(TOKENS, 1_100)
    launch.gated(x, got)
    by_torch(lambda: ops.gated(x, wanted))
    close(got, wanted, "gated")
    leaf = x.clone().requires_grad_()
    gate, up = leaf.chunk(2, dim=-1)
    (torch.nn.functional.silu(gate) * up).backward(grad)
    launch.gated_backward(grad, x)
    assert leaf.grad is not None
    close(x, leaf.grad, "gated, to x")


def adapters() -> None:
    for rank, share, size in ((8, 0.3, 200), (192, 0.05, 200), (16, 0.1, 2_100)):
        drop = Drop(share, 12_345)
        x, a = gapped(TOKENS, size), drawn(rank, size)
        kept = ops.mask(TOKENS, size, drop, x.device)
        assert abs(kept.float().mean() - (1 - share)) < 0.02
        dropped = x * kept / (1 - share)
        got = gapped(TOKENS, rank)
        launch.down(x, a, got, drop.numbers)
        close(got, dropped @ a.T, "down")
        # The same seed, most of it in memory.
        at = torch.tensor([12_000], dtype=torch.int32, device=DEVICE)
        rest = Drop(share, 345, at)
        assert torch.equal(ops.mask(TOKENS, size, rest, x.device), kept)
        there = gapped(TOKENS, rank)
        launch.down(x, a, there, rest.numbers, at)
        assert torch.equal(there, got)
        grad = gapped(TOKENS, rank)
        close(launch.grad(grad, x, drop.numbers), grad.T @ dropped, "down, to a")
        close(launch.grad(grad, x, rest.numbers, at), grad.T @ dropped, "down, to a")
        total = gapped(TOKENS, size)
        wanted = total + (grad @ a) * kept / (1 - share)
        again = total.clone()
        launch.up(total, grad, a, drop.numbers, total)
        close(total, wanted, "down, to x")
        dense = drawn(TOKENS, size)
        launch.up(again, grad, a, rest.numbers, dense, at)
        close(dense, wanted, "down, to x")


def copies() -> None:
    x, out = drawn(TOKENS, 1_100), gapped(TOKENS, 1_100)
    launch.placed(x, out)
    assert torch.equal(x, out)


def losses() -> None:
    logits, labels = drawn(9, 5_000), torch.randint(5_000, (9,), device=DEVICE)
    leaf = logits.clone().requires_grad_()
    wanted = torch.nn.functional.cross_entropy(leaf, labels, reduction="none")
    wanted.sum().backward()
    got = launch.cross_entropy(logits, labels)
    assert leaf.grad is not None
    close(got, wanted.detach(), "cross_entropy")
    close(logits, leaf.grad, "cross_entropy, to logits")


def quantised() -> None:
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    for nested in (True, False):
        weight = drawn(300, 192)
        packed, state = quantize_4bit(
            weight, quant_type="nf4", compress_statistics=nested, blocksize=64
        )
        got = torch.zeros(300, 200, device=DEVICE)
        launch.nf4(packed, state, got[:, :192])
        close(got[:, :192], dequantize_4bit(packed, state), "nf4")
        assert not got[:, 192:].any()


if __name__ == "__main__":
    torch.manual_seed(0)
    for check in (norms, rotations, gates, adapters, copies, losses, quantised):
        check()
