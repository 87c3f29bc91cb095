"""Silence the libraries' own bars and notices; errors still come through."""

from __future__ import annotations

import logging
import warnings


def quiet_libraries() -> None:
    """Keep transformers, peft and bitsandbytes from writing between our own lines."""
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("bitsandbytes", "peft", "accelerate"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(transformers|peft|bitsandbytes|torch)\b.*")
