"""The real vocabulary of Mistral v0.3, as the package mistral-common carries it."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sqlforge.model.catalog import CATALOG
from sqlforge.model.load import Source, with_template

V3 = "mistral_instruct_tokenizer_240323.model.v3"


def vocabulary_file() -> Path | None:
    """The SentencePiece file; ``None`` where mistral-common is not installed."""
    found = importlib.util.find_spec("mistral_common")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "data" / V3


def mistral_tokenizer(vocabulary: Path, folder: Path) -> Any:
    """The tokenizer with the catalog's template; ``folder`` takes a copy of the file."""
    from transformers import LlamaTokenizer

    shutil.copy(vocabulary, folder / "tokenizer.model")
    tokenizer = LlamaTokenizer.from_pretrained(folder)
    order_merges_by_score(tokenizer, vocabulary)
    source = Source("mistral-7b-v0.3", str(folder), CATALOG["mistral-7b-v0.3"])
    return with_template(tokenizer, source)


def order_merges_by_score(tokenizer: Any, vocabulary: Path) -> None:
    """Merge pairs in SentencePiece's order.

    transformers orders the merges of a bare SentencePiece file by id, which is not what the file
    says: two blanks would become one token, though their score is the lowest of all.
    """
    from sentencepiece import SentencePieceProcessor
    from tokenizers.models import BPE
    from transformers.tokenization_utils_base import generate_merges

    pieces = SentencePieceProcessor(model_file=str(vocabulary))
    scores = {pieces.id_to_piece(i): pieces.get_score(i) for i in range(len(pieces))}
    vocab = {piece: number for number, piece in enumerate(scores)}
    merges = generate_merges(vocab, scores)
    tokenizer.backend_tokenizer.model = BPE(vocab, merges, fuse_unk=True, byte_fallback=True)
