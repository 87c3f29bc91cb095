"""Silence the libraries' own bars and notices; errors still come through."""

from __future__ import annotations

import logging
import warnings

_KERNEL_NOTICE = "Failed to load CPU gemm_4bit_forward"


def hide_kernel_notice() -> None:
    """Drop bitsandbytes' one notice that an optional download for CPUs is missing.

    It concerns speed only, on CPUs with AVX-512 bf16; everything else it says is let through.
    """
    logging.getLogger("bitsandbytes.backends.cpu.ops").addFilter(_no_kernel_notice)


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
