"""From examples to answers: conversations, ids, generation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlforge.core.config import PromptStyle
from sqlforge.core.records import Example
from sqlforge.model.generate import generate
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Shot


def answer(
    model: Any,
    tokenizer: Any,
    prompter: Prompter,
    examples: Sequence[Example],
    *,
    style: PromptStyle = "plain",
    shots: Sequence[Shot] = (),
    max_new_tokens: int,
    batch_tokens: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """The model's raw text for each example, greedily, in their order.

    Args:
        model, tokenizer: as :mod:`sqlforge.model.load` gives them.
        prompter: knows the examples' databases.
        examples: their gold SQL is not looked at, unless the recipe shows only what it uses.
        style, shots: how to ask; a tuned model is asked as it was trained (``plain``).
        max_new_tokens, batch_tokens, progress: see :func:`sqlforge.model.generate.generate`.
    """
    prompts = [
        encode_prompt(tokenizer, prompter.ask(e.db_id, e.question, style, shots, e.sql))
        for e in examples
    ]
    return generate(
        model,
        tokenizer,
        prompts,
        [example.db_id for example in examples],
        max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
        progress=progress,
    )
