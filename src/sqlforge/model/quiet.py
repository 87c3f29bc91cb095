"""Silence the libraries' own bars and notices; errors still come through."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings

_NO_COMPILER = "TORCHDYNAMO_DISABLE"
_KERNEL_NOTICE = "Failed to load CPU gemm_4bit_forward"


def hide_kernel_notice() -> None:
    """Drop bitsandbytes' one notice that an optional download for CPUs is missing.

    It concerns speed only, on CPUs with AVX-512 bf16; everything else it says is let through.
    """
    logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(_no_kernel_notice)


def import_bitsandbytes_uncompiled() -> None:
    """Import bitsandbytes without PyTorch's compiler, which takes a second to be imported.

    Four of its functions, optimizers and products of 8 bit, ask for the compiler as they are
    defined; in a process that only answers they are not called, and they run without it as well.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        return  # loading the model says so
    before = os.environ.get(_NO_COMPILER)
    os.environ[_NO_COMPILER] = "1"
    try:
        import bitsandbytes  # noqa: F401  (what is wanted is that it is loaded)
    finally:
        if before is None:
            del os.environ[_NO_COMPILER]
        else:
            os.environ[_NO_COMPILER] = before


def quiet_libraries() -> None:
    """Keep transformers, peft and bitsandbytes from writing between our own lines."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("bitsandbytes", "peft", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(transformers|peft|bitsandbytes|torch)\b.*")


def _no_kernel_notice(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_KERNEL_NOTICE)
