"""Answers to many prompts by the generation engine: the thin entry for whole files of questions."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlforge.model.engine import Engine, Request, Ticket

Ids = Sequence[int]
_ROWS = 256


@dataclass(frozen=True, slots=True)
class Written:
    """One answer: its text, its log-probability at temperature 1 and its tokens, end included."""

    text: str
    logprob: float
    tokens: int


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Ids],
    schema_keys: Sequence[str],
    *,
    max_new_tokens: int,
    batch_tokens: int,
    temperatures: Sequence[float] | None = None,
    keys: Sequence[str] | None = None,
    constraints: Sequence[Any] | None = None,
    stop_at_semicolon: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Written]:
    """Answers to ``prompts``, in their order, without the end token.

    Args:
        model: a transformers causal model, adapted or not, in evaluation mode.
        tokenizer: its tokenizer; only its special ids and ``decode`` are used.
        prompts: ids of each prompt.
        schema_keys: for each prompt a key that prompts with the same beginning share.
        max_new_tokens: where an answer that does not end is cut.
        batch_tokens: bounds what runs at once, padding included; a longer prompt goes alone.
        temperatures, keys: of each prompt, where answers are drawn, and from what; 0 is greedy.
        constraints: of each prompt a cursor of its own, or ``None``.
        stop_at_semicolon: the semicolon that ends a SELECT ends the answer.
        progress: called with (done, total) as answers end.

    Raises:
        UserError: a prompt that does not fit the model's window or the memory.
    """
    found: dict[int, Written] = {}
    for some in _alike(prompts, schema_keys):
        longest = max(len(prompts[i]) for i in some) + max_new_tokens
        with Engine(
            model,
            tokenizer,
            rows=min(_ROWS, len(some)),
            width=longest,
            batch_tokens=batch_tokens,
            stop_at_semicolon=stop_at_semicolon,
        ) as engine:
            tickets = {
                i: engine.submit(
                    Request(
                        tuple(prompts[i]),
                        max_new_tokens,
                        schema_keys[i],
                        temperatures[i] if temperatures else 0.0,
                        zlib.crc32(keys[i].encode()) if keys else 0,
                        constraints[i] if constraints else None,
                    )
                )
                for i in some
            }
            for i, written in _finished(engine, tickets):
                found[i] = written
                if progress:
                    progress(len(found), len(prompts))
    return [found[i] for i in range(len(prompts))]


def _finished(engine: Engine, tickets: dict[int, Ticket]) -> Iterator[tuple[int, Written]]:
    """Answers as they end."""
    open_ones = dict(tickets)
    while open_ones:
        engine.step()
        for i in [i for i, ticket in open_ones.items() if ticket.done]:
            done = open_ones.pop(i).result()
            yield i, Written(done.text, done.logprob, done.tokens)


def _alike(prompts: Sequence[Ids], schema_keys: Sequence[str]) -> Iterator[list[int]]:
    """Indices, the longest schema first, in groups whose rows may be equally wide.

    All rows of an engine are as wide as its longest prompt needs: where a few are much longer than
    most, they run first and apart. A schema's prompts stay together.
    """
    longest: dict[str, int] = {}
    for prompt, key in zip(prompts, schema_keys, strict=True):
        longest[key] = max(longest.get(key, 0), len(prompt))
    order = sorted(range(len(prompts)), key=lambda i: (-longest[schema_keys[i]], schema_keys[i], i))
    group: list[int] = []
    for i in order:
        if group and 2 * longest[schema_keys[i]] < longest[schema_keys[group[0]]]:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
