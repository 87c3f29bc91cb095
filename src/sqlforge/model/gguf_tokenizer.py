"""The tokenizer of a GGUF file with byte-level BPE, built from the file's own fields.

transformers reads such files too, but what comes out differs between its versions: 5.17 takes the
begin for the end of a turn and decodes by SentencePiece's rules. Trained ids must not depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlforge.core.errors import ModelError

_CONTROL = 3  # llama.cpp's token type for tokens that text never contains
_FIELDS = "tokenizer.ggml."


def gguf_tokenizer(path: Path, *, context: int) -> Any:
    """The tokenizer in ``path`` as a fast transformers tokenizer.

    Args:
        path: a GGUF file whose tokenizer is byte-level BPE that splits off single digits, as
            SmolLM2's (``tokenizer.ggml.pre`` is ``smollm``).
        context: the model's longest sequence, in tokens.

    Raises:
        ModelError: the file holds another kind of tokenizer.
    """
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    told = {name: field.contents() for name, field in fields.items() if name.startswith("token")}
    kind = (told.get(f"{_FIELDS}model"), told.get(f"{_FIELDS}pre"))
    if kind != ("gpt2", "smollm"):
        raise ModelError(
            f"{path.name} with a tokenizer of kind {kind}",
            "byte-level BPE as SmolLM2 has it",
            "use the model's own folder with a tokenizer.json",
        )
    return _as_fast(told, context)


def _as_fast(told: Mapping[str, Any], context: int) -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = told[f"{_FIELDS}tokens"]
    merges = [tuple(merge.split(" ")) for merge in told[f"{_FIELDS}merges"]]
    core = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    kinds = told[f"{_FIELDS}token_type"]
    control = [t for t, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    core.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in control])
    roles = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    special = {
        f"{role}_token": tokens[told[f"{_FIELDS}{name}_token_id"]] for role, name in roles.items()
    }
    fast = PreTrainedTokenizerFast(
        tokenizer_object=core,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        **special,
    )
    fast.chat_template = told["tokenizer.chat_template"]
    return fast
