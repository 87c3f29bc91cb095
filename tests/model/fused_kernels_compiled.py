"""Compiles every kernel, at the sizes of Mistral 7B, for a card that need not be there."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from sqlforge.model.fused import launch, triton_kernels

SHARED = 99 * 1024  # bytes that a block may have with compute capability 8.6
TYPES = {
    torch.bfloat16: "*bf16",
    torch.float32: "*fp32",
    torch.uint8: "*u8",
    torch.int64: "*i64",
    torch.int32: "*i32",
}


class Compiled:
    """Stands for a kernel: a launch compiles it."""

    def __init__(self, kernel: Any, capability: int) -> None:
        self.kernel, self.target = kernel, GPUTarget("cuda", capability, 32)
        self.shared = 0

    def __getitem__(self, grid: Any) -> Any:
        return self.launch

    def launch(
        self, *given: Any, num_warps: int = 4, num_stages: int = 3, **constants: Any
    ) -> None:
        names = self.kernel.arg_names
        constants = {k: v for k, v in constants.items() if k in names}
        values = dict(zip(names, given, strict=False))
        signature = {name: kind(values[name]) for name in values} | dict.fromkeys(
            constants, "constexpr"
        )
        aligned: dict[Any, Any] = {
            (names.index(name),): [["tt.divisibility", 16]]
            for name, value in values.items()
            if isinstance(value, torch.Tensor) or (isinstance(value, int) and value % 16 == 0)
        }
        source = ASTSource(self.kernel, signature, constants, aligned)
        options = {"num_warps": num_warps, "num_stages": num_stages}
        made = triton.compile(source, target=self.target, options=options)
        self.shared = max(self.shared, made.metadata.shared)


def kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return TYPES[value.dtype]
    if isinstance(value, float):
        return "fp32"
    return "i64" if value >= 2**31 else "i32"


def made(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def run_all() -> None:
    tokens, hidden, inner = 65_536, 4_096, 14_336
    x, weight, wide = made(tokens, hidden), made(hidden), made(tokens, 2 * inner)
    launch.norm(x, weight, 1e-5, x)
    for added in (x, None):
        launch.norm_backward(x, x, weight, 1e-5, added, x)
    angles = made(tokens, 128, dtype=torch.float32)
    launch.rotate(made(tokens, 6_144), angles, angles, 40, 1.0)
    launch.gated(wide, made(tokens, inner))
    launch.gated_backward(made(tokens, inner), wide)
    launch.placed(x, x)
    table, numbers = made(256, dtype=torch.float32), made(2**20, dtype=torch.uint8)
    state2 = SimpleNamespace(code=table, absmax=table)
    nested = SimpleNamespace(nested=True, code=table, absmax=numbers, state2=state2, offset=table)
    plain = SimpleNamespace(nested=False, code=table, absmax=table)
    for state in (nested, plain):
        launch.nf4(numbers, state, made(hidden, inner))
    for dtype in (torch.bfloat16, torch.float32):
        for rank in (16, 64, 128, 192):
            given, a = made(tokens, rank, dtype=dtype), made(rank, inner, dtype=dtype)
            read, drop = made(tokens, inner, dtype=dtype), (12_345, 214_748_365, 1.05)
            for at in (None, made(1, dtype=torch.int32)):
                launch.down(read, a, given, drop, at)
                launch.grad(given, read, drop, at)
                launch.up(read, given, a, drop, read, at)
    launch.cross_entropy(made(512, 32_768), made(512, dtype=torch.int64))


def main() -> None:
    capability = int(sys.argv[1]) if len(sys.argv) > 1 else 86
    names = [
        n for n, k in vars(triton_kernels).items()
        if isinstance(k, triton.runtime.JITFunction) and n not in ("mixed", "kept")
    ]  # fmt: skip
    for name in names:
        setattr(triton_kernels, name, Compiled(getattr(triton_kernels, name), capability))
    run_all()
    for name in names:
        shared = getattr(triton_kernels, name).shared
        print(f"{name:<16} {shared:>7,} bytes of shared memory", flush=True)
        assert shared <= SHARED, name
    print(f"{len(names)} kernels compiled for compute capability {capability / 10}")


if __name__ == "__main__":
    main()
