"""Many examples to token ids at once, equal to ``encode_example`` one by one.

A fast tokenizer encodes a whole batch in its own threads. Where no token of the vocabulary holds a
line break beside something else, text after a line break is tokenised alike whatever stands before
it. Then the schema that questions share is tokenised once and each prompt's rest by itself.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from sqlforge.prompt.encode import (
    ChatTokenizer,
    Encoded,
    check_encoded,
    ended_answer,
)

_KEPT = 256  # schemas whose ids are remembered


class BatchEncoder:
    """Encodes batches of rendered examples.

    Args:
        tokenizer: of transformers; one without a fast backend is asked text by text.
    """

    def __init__(self, tokenizer: ChatTokenizer) -> None:
        self._tokenizer = tokenizer
        self._backend: Any = getattr(tokenizer, "backend_tokenizer", None)
        self._stub = _stub(self._backend) if self._backend is not None else None
        self._heads: OrderedDict[str, tuple[int, ...]] = OrderedDict()

    @property
    def cuts_prompts(self) -> bool:
        """Whether schemas are tokenised apart from the questions about them."""
        return self._stub is not None

    def encode(self, rendered: Sequence[tuple[str, str]]) -> list[Encoded]:
        """The ids of examples as :func:`rendered_example` gives them, in order, checked.

        Raises:
            ModelError: see :func:`sqlforge.prompt.encode.check_encoded`.
        """
        prompts = self._prompts([prompt for prompt, _ in rendered])
        answers = self._ids([answer for _, answer in rendered])
        found = []
        for prompt, answer in zip(prompts, answers, strict=True):
            encoded = Encoded(prompt, ended_answer(self._tokenizer, answer))
            check_encoded(self._tokenizer, encoded)
            found.append(encoded)
        return found

    def _prompts(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        if self._stub is None:
            return [tuple(ids) for ids in self._ids(texts)]
        stub, stub_ids = self._stub
        cuts = [_cut(text) for text in texts]
        new: dict[str, int] = {}  # heads not seen yet, by the first text that begins with each
        for i, cut in enumerate(cuts):
            if cut and texts[i][:cut] not in self._heads:
                new.setdefault(texts[i][:cut], i)
        whole = sorted({*new.values(), *(i for i, cut in enumerate(cuts) if not cut)})
        entire = dict(zip(whole, self._ids([texts[i] for i in whole]), strict=True))
        tails = self._ids(
            [stub + text[cut:] if cut else "" for text, cut in zip(texts, cuts, strict=True)]
        )
        tails = [ids[len(stub_ids) :] for ids in tails]
        for head, i in new.items():
            self._heads[head] = tuple(entire[i][: len(entire[i]) - len(tails[i])])
        found = []
        for i, (text, cut) in enumerate(zip(texts, cuts, strict=True)):
            found.append((*self._heads[text[:cut]], *tails[i]) if cut else tuple(entire[i]))
        while len(self._heads) > _KEPT:
            self._heads.popitem(last=False)
        return found

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        if self._backend is None:
            return [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]
        batch = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in batch]


def _cut(prompt: str) -> int:
    """Where the part of a prompt begins that no other shares: after its last blank line."""
    return prompt.rfind("\n\n") + 2 if "\n\n" in prompt else 0


def _stub(backend: Any) -> tuple[str, list[int]] | None:
    """A text that ends in a line break and its ids; ``None`` if what follows could depend on it.

    Byte pair encoding merges neighbours only into tokens of the vocabulary. Without a splitter
    and without a token that holds a line break and something else, nothing is ever merged across
    a line break, so both sides of it are tokenised independently.
    """
    told = json.loads(backend.to_str())
    model, splitter = told["model"], told["pre_tokenizer"] or {}
    plain = (
        told["normalizer"] is None
        and model["type"] == "BPE"
        and model.get("dropout") is None
        and splitter.get("type") == "Metaspace"
        and splitter.get("split") is False
        and splitter.get("prepend_scheme") == "first"
    )
    names = [*model.get("vocab", ()), *(token["content"] for token in told["added_tokens"])]
    if not plain or any("\n" in name for name in names):
        return None
    text = "\n"
    return text, list(backend.encode(text, add_special_tokens=False).ids)
