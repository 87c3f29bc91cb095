"""The tokenizer's part of a GGUF file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gguf import TokenType

from sqlforge.core.errors import ModelError

_LLAMA3_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"


def write_vocabulary(writer: Any, tokenizer: Any, size: int) -> None:
    """Tokens, merges, special ids and chat template of a fast tokenizer with byte-level BPE.

    The chat template writes the begin token where there is one, so llama.cpp is to add none.

    Args:
        size: rows of the embedding; places without a token are filled.

    Raises:
        ModelError: another kind of tokenizer.
    """
    told = json.loads(tokenizer.backend_tokenizer.to_str())
    pre = _splitting(told)
    added = {token["id"]: token for token in told["added_tokens"]}
    tokens = {i: token for token, i in told["model"]["vocab"].items()}
    tokens |= {i: token["content"] for i, token in added.items()}
    names = [tokens.get(i, f"[unused {i}]") for i in range(size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(names)
    writer.add_token_types([_kind(i, tokens, added) for i in range(size)])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in _merges(told)])
    for role in ("bos", "eos", "unk", "pad"):
        token = getattr(tokenizer, f"{role}_token_id")
        if token is not None:
            getattr(writer, f"add_{role}_token_id")(token)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)


def _splitting(told: Mapping[str, Any]) -> str:
    """llama.cpp's name for how text is split before BPE."""
    outer = told.get("pre_tokenizer") or {}
    steps = outer.get("pretokenizers", [outer])
    kinds = [step.get("type") for step in steps]
    if told["model"]["type"] == "BPE" and not told.get("normalizer"):
        if kinds == ["Digits", "ByteLevel"] and steps[0]["individual_digits"]:
            return "smollm"
        pattern = steps[0].get("pattern", {}).get("Regex", "") if steps else ""
        if kinds == ["Split", "ByteLevel"] and pattern.startswith(_LLAMA3_SPLIT):
            return "llama-bpe"
    raise ModelError(
        f"a {told['model']['type']} tokenizer that splits text by {kinds}",
        "byte-level BPE as SmolLM2 or Llama 3 has it",
        "use llama.cpp's convert_hf_to_gguf.py for it; the merged folder is what it takes",
    )


def _merges(told: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = told["model"]["merges"]
    return found


def _kind(i: int, tokens: Mapping[int, str], added: Mapping[int, Mapping[str, Any]]) -> int:
    if i not in tokens:
        return int(TokenType.UNUSED)
    if i in added:
        return int(TokenType.CONTROL if added[i]["special"] else TokenType.USER_DEFINED)
    return int(TokenType.NORMAL)
