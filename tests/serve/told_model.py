"""A model that writes what it is told: no real one can be made to write a certain hostile text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlforge.core.config import PromptPart
from sqlforge.core.decoding import Decoding
from sqlforge.decode.vote import Candidate


class Words:
    """A tokenizer of one word a token, with the template of ChatML."""

    bos_token_id = None
    eos_token_id = 0
    all_special_tokens = ("<|im_end|>", "<|im_start|>", "</s>", "[INST]")

    def __init__(self) -> None:
        self.rendered: list[str] = []

    def get_added_vocab(self) -> dict[str, int]:
        return {word: n for n, word in enumerate(self.all_special_tokens)}

    def apply_chat_template(self, conversation: Sequence[Any], **options: Any) -> str:
        turns = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in conversation]
        self.rendered.append("".join(turns))
        return self.rendered[-1] + "<|im_start|>assistant\n"

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [hash(word) & 0xFFFF for word in text.split()]


class Told:
    """What :class:`sqlforge.model.online.OnlineModel` is to an answerer; ``says`` is written."""

    name, style, folder = "told", "plain", None

    def __init__(
        self, says: str | Sequence[str] = "", *, width: int = 4096, folder: Path | None = None
    ) -> None:
        self.says, self.width, self.folder = says, width, folder
        self.part = PromptPart()
        self.tokenizer = Words()
        self.asked: list[Any] = []
        self.cut_short = False
        self.before: Callable[[], object] = lambda: None

    def write(
        self, asked: Any, decoding: Decoding, max_new_tokens: int, deadline: float = math.inf
    ) -> list[Candidate]:
        self.asked.append(asked)
        self.deadline = deadline
        self.before()
        said = [self.says] if isinstance(self.says, str) else list(self.says)
        count = len(decoding.temperatures)
        texts = [said[n % len(said)] for n in range(count)]
        found = [Candidate.of(text, -1.0 - texts.index(text), 5) for text in texts]
        return [replace(candidate, cut_short=self.cut_short) for candidate in found]

    def close(self) -> None:
        pass
