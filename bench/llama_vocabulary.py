"""The real vocabulary of Llama 3, as the package llama-models carries it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from sqlforge.model.catalog import CATALOG
from sqlforge.model.load import Source, with_template

_RESERVED = 256
_SPECIAL = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|finetune_right_pad_id|>",
    "<|step_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
    "<|image|>",
)
"""In the order of their ids, which follow those of the file; the rest is reserved."""


def vocabulary_file() -> Path | None:
    """The file of ranked byte sequences; ``None`` where llama-models is not installed."""
    found = importlib.util.find_spec("llama_models")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "llama3" / "tokenizer.model"


def special_tokens() -> list[str]:
    """All tokens that no text contains."""
    rest = _RESERVED - len(_SPECIAL)
    return [*_SPECIAL, *(f"<|reserved_special_token_{2 + i}|>" for i in range(rest))]


def llama_tokenizer(vocabulary: Path) -> Any:
    """The tokenizer with the catalog's template."""
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import TikTokenConverter

    converter = TikTokenConverter(str(vocabulary), extra_special_tokens=special_tokens())
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=converter.converted(),
        bos_token="<|begin_of_text|>",
        eos_token="<|end_of_text|>",
        pad_token="<|finetune_right_pad_id|>",
    )
    source = Source("llama-3.1-8b", str(vocabulary), CATALOG["llama-3.1-8b"])
    return with_template(tokenizer, source)
