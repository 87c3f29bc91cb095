"""The tokenizer's part of a GGUF file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gguf import TokenType

from sqlforge.core.errors import ModelError

_LLAMA3_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"


def write_vocabulary(writer: Any, tokenizer: Any, size: int) -> None:
    """Tokens, how they merge, special ids and chat template of a fast tokenizer.

    Byte-level BPE and SentencePiece's BPE (Mistral, Llama 2) are written. The chat template writes
    the begin token where there is one, and the blanks that it wants, so llama.cpp is to add none.

    Args:
        size: rows of the embedding; places without a token are filled.

    Raises:
        ModelError: another kind of tokenizer.
    """
    told = json.loads(tokenizer.backend_tokenizer.to_str())
    added = {token["id"]: token for token in told["added_tokens"]}
    tokens = {i: token for token, i in told["model"]["vocab"].items()}
    tokens |= {i: token["content"] for i, token in added.items()}
    names = [tokens.get(i, f"[unused {i}]") for i in range(size)]
    kinds = [_kind(i, tokens, added) for i in range(size)]
    if _is_sentencepiece(told):
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(names)
        writer.add_token_scores(_scores(told, names))
        writer.add_token_types([_kind_of_piece(n, k) for n, k in zip(names, kinds, strict=True)])
        writer.add_add_space_prefix(False)
    else:
        pre = _splitting(told)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(names)
        writer.add_token_types(kinds)
        writer.add_token_merges([" ".join(pair) for pair in _merges(told)])
    for role in ("bos", "eos", "unk", "pad"):
        token = getattr(tokenizer, f"{role}_token_id")
        if token is not None:
            getattr(writer, f"add_{role}_token_id")(token)
    writer.add_add_bos_token(False)
    writer.add_chat_template(tokenizer.chat_template)


def _is_sentencepiece(told: Mapping[str, Any]) -> bool:
    """BPE over characters, blanks written as a low line, with bytes for what is no piece."""
    outer = told.get("pre_tokenizer") or {}
    return (
        told["model"]["type"] == "BPE"
        and bool(told["model"].get("byte_fallback"))
        and not told.get("normalizer")
        and outer.get("type") == "Metaspace"
        and not outer.get("split", True)
    )


def _scores(told: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    """The earlier a piece is merged, the higher; those that are never merged come last."""
    rank: dict[str, int] = {}
    for place, (first, second) in enumerate(_merges(told)):
        rank.setdefault(first + second, place)
    return [-float(rank.get(name, len(rank) + len(names))) for name in names]


def _kind_of_piece(name: str, kind: int) -> int:
    if kind == TokenType.NORMAL and re.fullmatch(r"<0x[0-9A-F]{2}>", name):
        return int(TokenType.BYTE)
    return int(TokenType.UNKNOWN) if name == "<unk>" else kind


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
        "byte-level BPE as SmolLM2 or Llama 3 has it, or SentencePiece's as Mistral's",
        "use llama.cpp's convert_hf_to_gguf.py for it; the merged folder is what it takes",
    )


def _merges(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for pair in told["model"]["merges"]:
        first, second = pair.split(" ") if isinstance(pair, str) else pair
        yield first, second


def _kind(i: int, tokens: Mapping[int, str], added: Mapping[int, Mapping[str, Any]]) -> int:
    if i not in tokens:
        return int(TokenType.UNUSED)
    if i in added:
        return int(TokenType.CONTROL if added[i]["special"] else TokenType.USER_DEFINED)
    return int(TokenType.NORMAL)
