"""Models and tokenizers by catalog name, local folder or hub id.

A folder may hold a whole model or a LoRA adapter; an adapter names its base in its own
``adapter_config.json``.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from sqlforge.core.errors import ModelError
from sqlforge.core.files import sha256
from sqlforge.model.catalog import CATALOG, SEVEN_PROJECTIONS, BaseModel
from sqlforge.model.embedded import embedded_model_folder

Quantization = Literal["none", "nf4"]
# The libraries meet files that are damaged or shaped otherwise unprepared, hence the last three.
UNREADABLE = (
    OSError,
    ValueError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
    KeyError,
    TypeError,
    AttributeError,
)
_PICKLES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"})
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from; ``location`` is what transformers can open."""

    name: str
    location: str
    base: BaseModel | None

    @property
    def lora_targets(self) -> tuple[str, ...]:
        """The projections that LoRA adapts."""
        return self.base.lora_targets if self.base else SEVEN_PROJECTIONS


def resolve(name: str) -> Source:
    """Find a model by catalog name, folder or hub id; downloads nothing but embedded weights.

    Raises:
        ModelError: a name that is neither known nor looks like a hub id.
    """
    if base := CATALOG.get(name):
        location = str(embedded_model_folder()) if base.embedded else base.hub_id
        return Source(name, location, base)
    folder = Path(name)
    if (folder / "config.json").exists():
        return Source(name, str(folder), None)
    if name.count("/") == 1 and not folder.exists() and not name.startswith((".", "/")):
        known = next((m for m in CATALOG.values() if m.hub_id == name and not m.embedded), None)
        return Source(name, name, known)
    raise ModelError(
        f"'{name}'",
        f"one of {', '.join(CATALOG)}, a model folder with config.json, or a hub id owner/name",
        "check the spelling or the path",
    )


def adapter_base(folder: Path) -> str | None:
    """The base model that a LoRA adapter's folder names; ``None`` if it is no adapter."""
    config = folder / "adapter_config.json"
    if not config.exists():
        return None
    try:
        return str(json.loads(config.read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (ValueError, KeyError, TypeError):
        raise ModelError(
            f"{config}, which names no base model",
            "the adapter_config.json that peft writes",
            "train again, or copy the adapter again",
        ) from None


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, with a chat template and left padding.

    Raises:
        ModelError: it cannot be had, or neither it nor the catalog has a chat template.
    """
    source = resolve(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source.location)
    except UNREADABLE as fault:
        raise cannot_load(source, fault) from fault
    return with_template(tokenizer, source)


def with_template(tokenizer: Any, source: Source) -> PreTrainedTokenizerBase:
    """Give ``tokenizer`` the catalog's chat template where it has none of its own."""
    if not tokenizer.chat_template:
        if source.base is None or source.base.chat_template is None:
            raise ModelError(
                f"'{source.name}', whose tokenizer has no chat template",
                "a chat template in the tokenizer or in the catalog",
                "add 'chat_template' to its tokenizer_config.json, or use its instruct version",
            )
        tokenizer.chat_template = source.base.chat_template
    if tokenizer.pad_token_id is None:
        # Padding is masked out and never supervised, so any id will do; unk is the honest one.
        tokenizer.pad_token = tokenizer.unk_token or tokenizer.eos_token
    tokenizer.padding_side = "left"
    return cast(PreTrainedTokenizerBase, tokenizer)  # AutoTokenizer is untyped


def load_model(
    name: str,
    *,
    dtype: str = "bfloat16",
    device: str = "auto",
    quantization: Quantization = "none",
) -> PreTrainedModel:
    """A causal language model, ready to run, in evaluation mode.

    Args:
        name: catalog name, folder or hub id.
        dtype: of weights and computation; with NF4, of computation.
        device: ``auto`` is CUDA where there is one.
        quantization: ``nf4`` is 4-bit NormalFloat with double quantisation.

    Raises:
        ModelError: the weights cannot be had, or their configuration is not understood.
    """
    source = resolve(name)
    refuse_pickles(source.location)
    options: dict[str, Any] = {
        "dtype": _DTYPES[dtype],
        "attn_implementation": "sdpa",
        # Pickled weights may run code while they are read.
        "use_safetensors": True,
    }
    if quantization == "nf4":
        options["quantization_config"] = nf4_config(_DTYPES[dtype])
    options["device_map"] = {"": pick_device(device)}
    try:
        model = AutoModelForCausalLM.from_pretrained(source.location, **options)
    except UNREADABLE as fault:
        raise cannot_load(source, fault) from fault
    _log.info("loaded %s (%s, %s)", name, dtype, quantization)
    model.eval()
    return model


def nf4_config(dtype: torch.dtype) -> BitsAndBytesConfig:
    """How weights are held in 4 bits: NormalFloat, the scales quantised once more."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def refuse_pickles(location: str | Path) -> None:
    """Refuse a folder whose weights are pickled: they may run code while they are read.

    Pickles beside safetensors are left unopened.

    Raises:
        ModelError: there are pickles and no safetensors.
    """
    folder = Path(location)
    if not folder.is_dir() or any(folder.glob("*.safetensors")):
        return
    names = sorted(f.name for f in folder.iterdir() if f.suffix in _PICKLES)
    if names:
        raise ModelError(
            f"{folder}, whose weights are pickled ({names[0]})",
            "safetensors, which cannot run code while they are read",
            "convert them where you trust their origin (save_pretrained writes safetensors)",
        )


def pick_device(device: str) -> str:
    """``auto`` as the device that is there.

    Raises:
        ModelError: CUDA was asked for and is not there.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("device 'cuda' on a machine without one", "cpu or auto", "change 'device'")
    return device


def device_name(device: str) -> str:
    """What ``device`` stands for on this machine, for the manifest: the GPU by name, or ``cpu``.

    >>> device_name("cpu")
    'cpu'
    """
    if pick_device(device) == "cpu":
        return "cpu"
    memory = torch.cuda.get_device_properties(0).total_memory
    return f"{torch.cuda.get_device_name(0)}, {memory / 2**30:.1f} GiB"


def weight_digests(name: str) -> dict[str, str]:
    """SHA-256 of every local weight file of a model; empty for a hub id."""
    folder = Path(resolve(name).location)
    return {file.name: sha256(file) for file in sorted(folder.glob("*.safetensors"))}


def cannot_load(source: Source, fault: Exception) -> ModelError:
    """The sentence for a model that cannot be had or read."""
    reason = " ".join(str(fault).split())[:200]
    embedded = "" if source.base is None else ", or use 'smollm2-135m', which a package carries"
    return ModelError(
        f"'{source.name}', which cannot be loaded ({reason})",
        "a model that is in the hub's cache, in a local folder, or a hub that answers",
        f"connect to the network, or give the path of a folder that holds it{embedded}",
    )
