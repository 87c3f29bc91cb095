"""Each Triton kernel computes what PyTorch's own steps do, and compiles for small cards."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NO_TRITON = importlib.util.find_spec("triton") is None
needs_triton = pytest.mark.skipif(
    NO_TRITON, reason="Triton is not installed: it comes with PyTorch for CUDA, or from PyPI"
)


@needs_triton
def test_every_kernel_equals_pytorchs_own_steps() -> None:
    # Triton reads at import whether it interprets, so this is a process of its own.
    import torch

    interpreted = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    run([str(HERE / "fused_kernels_held.py")], interpreted)


@needs_triton
def test_every_kernel_fits_the_shared_memory_of_compute_capability_8_6() -> None:
    done = run([str(HERE / "fused_kernels_compiled.py")], {})
    assert "11 kernels" in done


def run(arguments: list[str], more: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True, text=True, check=False, env=os.environ | more,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    return done.stdout
