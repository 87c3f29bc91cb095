"""A tokenizer of one character a token, so that expected ids can be read."""

from __future__ import annotations

from typing import Any

import pytest


class CharacterTokenizer:
    """``^`` begins, ``$`` ends, ``<`` and ``>`` enclose what the user says.

    Ids are code points; ``text`` turns them back.
    """

    bos_token_id: int | None = ord("^")
    eos_token_id: int | None = ord("$")

    def __init__(self, *, begin: str = "^", end: str = "$", reply: str = "") -> None:
        self.begin, self.end, self.reply = begin, end, reply

    def apply_chat_template(self, conversation: list[Any], **kwargs: Any) -> str:
        text = self.begin
        for message in conversation:
            user = message["role"] == "user"
            text += (
                f"<{message['content']}>" if user else self.reply + message["content"] + self.end
            )
        if kwargs["add_generation_prompt"]:
            text += self.reply
        return text

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        assert not add_special_tokens, "the template has them already"
        return [ord(character) for character in text]

    def decode(self, token_ids: Any) -> str:
        return "".join(map(chr, token_ids))


@pytest.fixture
def characters() -> CharacterTokenizer:
    return CharacterTokenizer()
