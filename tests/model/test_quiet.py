"""What libraries are kept from while they are imported."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from sqlforge.model.quiet import import_bitsandbytes_uncompiled


def test_bitsandbytes_is_imported_without_pytorchs_compiler_and_works() -> None:
    # In a process of its own: here it may be imported already.
    code = (
        "import os, sys, torch\n"
        "from sqlforge.model.quiet import import_bitsandbytes_uncompiled\n"
        "import_bitsandbytes_uncompiled()\n"
        "assert 'bitsandbytes' in sys.modules\n"
        "assert 'torch._inductor.compile_fx' not in sys.modules\n"
        "assert 'TORCHDYNAMO_DISABLE' not in os.environ\n"
        "from bitsandbytes.functional import dequantize_4bit, quantize_4bit\n"
        "x = torch.linspace(-1, 1, 128).view(2, 64)\n"
        "y = dequantize_4bit(*quantize_4bit(x, quant_type='nf4'))\n"
        "assert (x - y).abs().max() < 0.2\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TORCHDYNAMO_DISABLE"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_where_bitsandbytes_is_missing_the_model_says_so_and_not_this(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("TORCHDYNAMO_DISABLE", "0")
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)  # importing it would raise
    import_bitsandbytes_uncompiled()
    assert os.environ["TORCHDYNAMO_DISABLE"] == "0"
