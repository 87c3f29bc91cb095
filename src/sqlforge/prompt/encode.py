"""From messages to token ids, with the answer marked by construction.

Prompt and answer are tokenised apart and joined, so the prompt's ids are a prefix of the whole by
construction and generation starts from exactly the ids that training saw. No response string is
ever searched for.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from sqlforge.core.errors import ModelError
from sqlforge.prompt.template import Message


class ChatTokenizer(Protocol):
    """What this module needs of a transformers tokenizer."""

    bos_token_id: int | None
    eos_token_id: int | None

    def apply_chat_template(self, conversation: list[Any], **kwargs: Any) -> Any:
        """Render or tokenise a conversation."""

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """Token ids of ``text``."""

    def decode(self, token_ids: Any) -> Any:
        """Text of token ids."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as ids: ``prompt`` is context, ``answer`` (SQL and end token) is supervised."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer)


def encode_prompt(tokenizer: ChatTokenizer, conversation: Sequence[Message]) -> tuple[int, ...]:
    """Ids of the conversation up to where the answer begins; ``<s>`` counted once.

    A control token's text inside a message stays text: only the template writes control tokens.
    """
    mark = f"\ue000{secrets.token_hex(8)}\ue000"
    apart = _control_texts_apart(tokenizer, conversation, mark)
    text = _render(tokenizer, apart, add_generation_prompt=True)
    pieces = [tokenizer.encode(piece, add_special_tokens=False) for piece in text.split(mark)]
    return tuple(token for piece in pieces for token in piece)


def encode_example(tokenizer: ChatTokenizer, conversation: Sequence[Message], sql: str) -> Encoded:
    """Ids of a conversation and its answer, checked.

    The answer is ``sql`` without blanks at its end, then the end-of-sequence token, supervised,
    whatever the template adds after it.

    Raises:
        ModelError: the template does not keep the promises that training rests on.
    """
    prompt_text, answer_text = rendered_example(tokenizer, conversation, sql)
    prompt = tuple(tokenizer.encode(prompt_text, add_special_tokens=False))
    answer = tokenizer.encode(answer_text, add_special_tokens=False)
    encoded = Encoded(prompt, ended_answer(tokenizer, answer))
    check_encoded(tokenizer, encoded)
    return encoded


def rendered_example(
    tokenizer: ChatTokenizer, conversation: Sequence[Message], sql: str
) -> tuple[str, str]:
    """The text up to where the answer begins, and the rest; they are tokenised apart.

    Raises:
        ModelError: the template writes another prompt when an answer follows.
    """
    prompt_text = _render(tokenizer, conversation, add_generation_prompt=True)
    answered = [*conversation, Message(role="assistant", content=sql.rstrip())]
    whole_text = _render(tokenizer, answered, add_generation_prompt=False)
    if not whole_text.startswith(prompt_text):
        raise _broken_template("the prompt's text is not a prefix of the whole conversation")
    return prompt_text, whole_text[len(prompt_text) :]


def ended_answer(tokenizer: ChatTokenizer, answer: Sequence[int]) -> tuple[int, ...]:
    """``answer`` up to its last end-of-sequence token, or with one put behind it.

    What a template adds after the last end token (a line break, say) is not supervised.
    """
    end = tokenizer.eos_token_id
    if end is None:
        raise _broken_template("the tokenizer has no end-of-sequence token")
    if end not in answer:
        return (*answer, end)
    return tuple(answer[: len(answer) - answer[::-1].index(end)])


def check_encoded(tokenizer: ChatTokenizer, encoded: Encoded) -> None:
    """Refuse an example that would teach something else than its answer.

    Raises:
        ModelError: two BOS tokens, no supervised token besides the end, or an end token that is
            missing, not last or there twice.
    """
    if len(encoded.answer) < 2:
        raise _broken_template("nothing of the answer is supervised")
    if encoded.answer[-1] != tokenizer.eos_token_id:
        raise _broken_template("the end-of-sequence token is not supervised")
    if tokenizer.eos_token_id in encoded.answer[:-1]:
        raise _broken_template("the end-of-sequence token stands inside an answer")
    begin = tokenizer.bos_token_id
    # SmolLM2 opens every chat turn with its BOS token; there it is the template's turn mark.
    doubled = begin is not None and encoded.prompt[:2] == (begin, begin)
    if doubled or (begin is not None and begin in encoded.answer):
        raise _broken_template("the begin-of-sequence token does not stand once, at the front")


def _control_texts_apart(
    tokenizer: ChatTokenizer, conversation: Sequence[Message], mark: str
) -> Sequence[Message]:
    """The conversation with ``mark`` behind the first letter of every control token in it."""
    added: dict[str, int] = getattr(tokenizer, "get_added_vocab", dict)()
    texts = [re.escape(text) for text in added if len(text) > 1]
    if not texts:
        return conversation
    begins = re.compile(f"(?=(?:{'|'.join(texts)}))")  # also where one begins within another
    return [
        Message(role=message["role"], content=_marked(message["content"], begins, mark))
        for message in conversation
    ]


def _marked(content: str, begins: re.Pattern[str], mark: str) -> str:
    cuts = [0, *(found.start() + 1 for found in begins.finditer(content)), len(content)]
    return mark.join(content[a:b] for a, b in pairwise(cuts))


def _render(
    tokenizer: ChatTokenizer, conversation: Sequence[Message], *, add_generation_prompt: bool
) -> str:
    rendered = tokenizer.apply_chat_template(
        list(conversation), tokenize=False, add_generation_prompt=add_generation_prompt
    )
    return str(rendered)


def _broken_template(what: str) -> ModelError:
    return ModelError(
        f"a chat template with which {what}",
        "one that ends a turn with the end-of-sequence token and marks it once",
        "use the base model's own template or the catalog's",
    )
