"""A model on the built-in engine, for an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlforge.core.errors import UserError
from sqlforge.prompt.encode import encode_prompt
from sqlforge.prompt.template import Message
from sqlforge.serve.faults import RefusedError
from sqlforge.serve.texts import TextStream

if TYPE_CHECKING:
    from sqlforge.model.engine import Completion, Engine, Ticket


@dataclass(frozen=True, slots=True)
class Wanted:
    """A text to write: how long at most, how drawn, and before which strings it ends."""

    prompt: tuple[int, ...]
    most: int
    temperature: float
    seed: int
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Further text, how many tokens there are by now, and why no more comes."""

    text: str
    tokens: int
    finish: Literal["stop", "length"] | None


class LocalModel:
    """A running engine and its tokenizer.

    Args:
        engine: with a thread of its own (``engine.start()``); whoever made it closes it.
        tokenizer: the model's.
    """

    def __init__(self, engine: Engine, tokenizer: Any) -> None:
        self._engine, self._tokenizer = engine, tokenizer
        self.created = int(time.time())
        tokenizer.encode("a", add_special_tokens=False)  # once alone: it sets itself up

    @property
    def width(self) -> int:
        """Longest prompt and text together, in tokens."""
        return self._engine.width

    async def chat_ids(self, conversation: Sequence[Message]) -> tuple[int, ...]:
        """A conversation's tokens up to where the answer begins.

        Raises:
            RefusedError: the model's template does not take it.
        """
        from jinja2 import TemplateError

        try:
            return await asyncio.to_thread(encode_prompt, self._tokenizer, conversation)
        except TemplateError as fault:
            reason = " ".join(str(fault).split())[:200]
            raise RefusedError(
                400,
                f"Got a conversation that the model's chat template does not take ({reason}): "
                "change the order of roles.",
                param="messages",
            ) from fault

    async def text_ids(self, text: str) -> tuple[int, ...]:
        """A text's tokens, as the tokenizer has them: control tokens' texts are control tokens."""
        return tuple(await asyncio.to_thread(self._tokenizer.encode, text))

    def checked_ids(self, ids: Sequence[int]) -> tuple[int, ...]:
        """``ids``, if the model has such tokens.

        Raises:
            RefusedError: it has not.
        """
        size = len(self._tokenizer)
        if max(ids) >= size:
            message = f"Got token {max(ids)}, expected ids below {size:,}: use the model's tokens."
            raise RefusedError(400, message, param="prompt")
        return tuple(ids)

    def most_for(self, prompt: Sequence[int], most: int | None, param: str) -> int:
        """How many tokens may follow a prompt; to the window's end where none is named.

        Raises:
            RefusedError: they do not fit into the window.
        """
        room = self.width - len(prompt)
        if room < 1 or (most is not None and most > room):
            raise RefusedError(
                400,
                f"This model's maximum context length is {self.width:,} tokens, and the prompt has "
                f"{len(prompt):,} with {most or 1:,} to be written: shorten one of them.",
                "context_length_exceeded",
                param,
            )
        return room if most is None else most

    async def write(self, wanted: Wanted, *, live: bool) -> AsyncGenerator[Piece, None]:
        """The text, piece by piece as it is written if ``live``, else at once.

        Leaving early cancels it. The last piece has a ``finish``.

        Raises:
            RefusedError: the engine does not take it, or is closed.
        """
        ticket = self._submit(wanted)
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def told() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens
                loop.call_soon_threadsafe(news.set)

        try:
            ticket.watch(told, tokens=live or bool(wanted.stops))
            text, seen = TextStream(self._decode, wanted.stops), 0
            while True:
                await news.wait()
                news.clear()
                done, ids, new = ticket.done, ticket.written, ""
                for seen in range(seen + 1, len(ids) + 1):  # noqa: B020  (goes on from where it stood)
                    new += text.feed(ids[seen - 1])
                    if text.stopped:
                        yield Piece(new, seen, "stop")
                        return
                if done:
                    yield _last(new + text.rest(), ticket.result())
                    return
                if new:
                    yield Piece(new, seen, None)
        finally:
            if not ticket.done:
                ticket.cancel()

    def _submit(self, wanted: Wanted) -> Ticket:
        from sqlforge.model.engine import Request

        try:
            return self._engine.submit(
                Request(
                    wanted.prompt, wanted.most, temperature=wanted.temperature, seed=wanted.seed
                )
            )
        except UserError as fault:
            raise RefusedError(400, str(fault)) from fault

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))


def seeds(seed: int | None, count: int) -> list[int]:
    """A seed for each of several texts, from one that was named or by chance.

    >>> seeds(-1, 2)
    [18446744073709551615, 0]
    """
    first = secrets.randbits(64) if seed is None else seed
    return [(first + n) % 2**64 for n in range(count)]


def _last(text: str, completion: Completion) -> Piece:
    if completion.finish == "cancelled":
        raise RefusedError(503, "The server is stopping: ask another one.", "stopping", retry_s=5)
    return Piece(text, completion.tokens, "length" if completion.finish == "length" else "stop")
