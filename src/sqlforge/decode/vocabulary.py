"""What each token of a tokenizer writes, as bytes: what a constraint walks over.

Two kinds of tokenizer are read, both from their own description and never from a model's name:
byte-level BPE (GPT-2's, Llama 3's, SmolLM2's), whose pieces spell each byte as one letter of an
alphabet, and SentencePiece with byte fallback (Llama 2's, Mistral's), whose pieces are text with
``▁`` for a blank, and ``<0x0A>`` for a byte that no piece spells. Not every vocabulary writes every
byte: SmolLM2's lacks some control characters and what begins characters beyond most emoji.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlforge.core.errors import ModelError

_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")
_MARKER = re.compile(r"\s*(<.+>|\[.+\])\s*\Z", re.DOTALL)  # <think>, [TOOL_CALLS]
_BLANK = "▁"
# What SQL is written with, besides names and literals that may hold any byte.
_NEEDED = frozenset(range(0x20, 0x7F))


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The tokens of one tokenizer; compared by identity, so that it can be a cache's key.

    Args:
        tokens: the bytes that each id writes in the middle of a text, ``[ids]``; ``None`` for
            ids that write no text (special ones, markers such as ``<think>``, gaps) and are never
            allowed inside SQL. Several ids may write the same bytes.
        eos_ids: the ids that end an answer.
    """

    tokens: tuple[bytes | None, ...]
    eos_ids: tuple[int, ...]


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """The bytes of every token of a transformers tokenizer.

    SentencePiece begins a text with a blank that decoding takes away again; here it stands in the
    bytes of the first token, so a constraint must take a query that begins with one.

    Raises:
        ModelError: the tokenizer is of another kind, has no end token, or lacks a piece for one
            of the bytes that SQL is written with.

    >>> vocabulary_of("smollm2-135m")
    Traceback (most recent call last):
    ...
    sqlforge.core.errors.ModelError: Got a str in place of a tokenizer, expected a byte-level ...
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise _unknown_kind(f"a {type(tokenizer).__name__} in place of a tokenizer")
    told = json.loads(backend.to_str())
    bytes_of = _reader_of(told)
    tokens: list[bytes | None] = []
    for token_id, piece, is_text in _pieces(told):
        tokens.extend([None] * (token_id + 1 - len(tokens)))
        tokens[token_id] = bytes_of(piece) if is_text else None
    eos_ids = _eos_ids(tokenizer)
    for token_id in eos_ids:
        tokens[token_id] = None
    missing = _NEEDED - {token[0] for token in tokens if token is not None and len(token) == 1}
    if missing:
        shown = " ".join(chr(byte) for byte in sorted(missing)[:8])
        raise ModelError(
            f"a tokenizer without a piece for {len(missing)} of the characters of SQL ({shown})",
            "one that can write every printable ASCII character by itself",
            "use a model with a byte-level tokenizer or with byte fallback, or decode without "
            "a constraint",
        )
    return Vocabulary(tuple(tokens), eos_ids)


def byte_alphabet() -> dict[str, int]:
    """The letter that stands for each byte in byte-level BPE, as GPT-2 chose them.

    Printable bytes of Latin-1 stand for themselves, the 68 others for the letters from 256 on.

    >>> alphabet = byte_alphabet()
    >>> len(alphabet), alphabet["A"], alphabet["Ġ"], alphabet["Ċ"]
    (256, 65, 32, 10)
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    letters = {chr(byte): byte for byte in printable}
    return letters | {chr(256 + i): byte for i, byte in enumerate(others)}


class _ByteLevel:
    def __init__(self) -> None:
        self.alphabet = byte_alphabet()

    def __call__(self, piece: str) -> bytes | None:
        try:
            return bytes(self.alphabet[letter] for letter in piece) or None
        except KeyError:  # an added token that was never spelled in the alphabet
            return piece.encode() or None


def _sentence_piece(piece: str) -> bytes | None:
    if byte := _BYTE_PIECE.match(piece):
        return bytes([int(byte[1], 16)])
    return piece.replace(_BLANK, " ").encode() or None


def _reader_of(told: dict[str, Any]) -> Any:
    """How the pieces of a tokenizer are read, by the decoder that it describes."""
    decoders = set(_kinds(told.get("decoder")))
    kind = (told.get("model") or {}).get("type", "unknown")
    if kind == "BPE" and "ByteLevel" in decoders:
        return _ByteLevel()
    if kind in ("BPE", "Unigram"):
        if told["model"].get("byte_fallback") and "ByteFallback" in decoders:
            return _sentence_piece
        raise _unknown_kind(f"a {kind} tokenizer without byte fallback")
    raise _unknown_kind(f"a tokenizer of the kind {kind}")


def _kinds(decoder: dict[str, Any] | None) -> Iterator[str]:
    """The types of a decoder and of those that it is made of."""
    if decoder:
        yield decoder["type"]
        for part in decoder.get("decoders", ()):
            yield from _kinds(part)


def _pieces(told: dict[str, Any]) -> Iterator[tuple[int, str, bool]]:
    """Every id with its piece and whether it is text; added tokens come last and have the say."""
    vocab = told["model"]["vocab"]
    if isinstance(vocab, dict):
        yield from ((token_id, piece, True) for piece, token_id in vocab.items())
    else:  # Unigram: pairs of piece and score, in the order of their ids
        yield from ((token_id, piece, True) for token_id, (piece, _) in enumerate(vocab))
    for added in told.get("added_tokens", ()):
        text = not added["special"] and not _MARKER.match(added["content"])
        yield added["id"], added["content"], text


def _eos_ids(tokenizer: Any) -> tuple[int, ...]:
    found = tokenizer.eos_token_id
    if found is None:
        raise ModelError(
            "a tokenizer without an end token",
            "one whose model can end an answer",
            "set its 'eos_token'",
        )
    return (int(found),)


def _unknown_kind(got: str) -> ModelError:
    return ModelError(
        got,
        "a byte-level BPE tokenizer or a SentencePiece one with byte fallback",
        "use a model that has one, or decode without a constraint",
    )
