"""From examples to what a model writes: conversations, ids, generation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlforge.core.config import PromptStyle
from sqlforge.core.decoding import GREEDY, Decoding
from sqlforge.core.records import Example
from sqlforge.decode.vote import Candidate
from sqlforge.model.writer import Asked, Writer
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.linking import Link
from sqlforge.prompt.prompter import Prompter
from sqlforge.prompt.template import Shot


def answer(
    writer: Writer,
    prompter: Prompter,
    examples: Sequence[Example],
    decoding: Decoding = GREEDY,
    *,
    style: PromptStyle = "plain",
    shots: Sequence[Shot] = (),
    max_new_tokens: int,
    batch_tokens: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[list[Candidate]]:
    """What the model writes to each example, in their order.

    Args:
        writer: a model on its engine, see :mod:`sqlforge.model.writer`.
        prompter: knows the examples' databases.
        examples: their gold SQL is not looked at, unless the recipe shows only what it uses.
        decoding: how many candidates to each, and how; one, greedily, without it.
        style, shots: how to ask; a tuned model is asked as it was trained (``plain``).
        max_new_tokens: where an answer that does not end is cut.
        batch_tokens: bounds what runs at once.
        progress: called with (done, total).
    """
    asked = [
        Asked(
            encode_prompt(writer.tokenizer, prompter.ask(e.db_id, e.question, style, shots, e.sql)),
            e.db_id,
            prompter.schema(e.db_id),
            linked_values(prompter.links(e.db_id, e.question), decoding),
        )
        for e in examples
    ]
    return writer.write(
        asked,
        decoding,
        max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
        progress=progress,
    )


def linked_values(links: Sequence[Link], decoding: Decoding) -> tuple[str, ...] | None:
    """What text columns may be compared with, if literals are held to what the question names.

    ``None``, which is anything, also where no value was found: the question may name one that the
    database does not have.
    """
    if not decoding.linked_literals or not links:
        return None
    return tuple(dict.fromkeys(link.value for link in links))
