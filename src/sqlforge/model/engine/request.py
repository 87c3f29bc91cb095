"""What is asked of the engine, what it gives back, and the ticket in between."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlforge.core.errors import UserError

Finish = Literal["stop", "length", "stuck", "cancelled"]


@dataclass(frozen=True, slots=True)
class Request:
    """One text to write.

    Args:
        prompt: its ids.
        max_new_tokens: where a text that does not end is cut; the end token counts.
        shared_key: prompts with the same key are likely to begin alike; what they share is
            computed once.
        temperature: 0 is greedy; else tokens are drawn at it.
        seed: of the draws, which depend on nothing else than it and the model.
        constraint: a cursor of :mod:`sqlforge.decode.constrain` that only this request uses.
        deadline: on :func:`time.monotonic`'s clock; as it nears, fewer and fewer tokens may follow,
            so that a constrained text comes to its end and any other is cut.
        certain_tokens: that the text may have all the same, however late it is.
    """

    prompt: tuple[int, ...]
    max_new_tokens: int
    shared_key: str | None = None
    temperature: float = 0.0
    seed: int = 0
    constraint: Any = None
    deadline: float = math.inf
    certain_tokens: int = 1


def room_for(request: Request, width: int) -> int:
    """How many tokens may be written in a row of ``width``; it may end a text early.

    Raises:
        UserError: the prompt does not fit, or under a constraint not all of the new tokens.
    """
    length, room = len(request.prompt), width - len(request.prompt)
    if not request.prompt or request.max_new_tokens < 1:
        raise UserError(
            f"a prompt of {length} tokens for {request.max_new_tokens} new ones",
            "at least one of each",
            "ask something",
        )
    if room < 1 or (room < request.max_new_tokens and request.constraint is not None):
        raise UserError(
            f"a prompt of {length:,} tokens for {request.max_new_tokens:,} new ones",
            f"at most {width:,} together, which is what model and memory hold",
            "show a smaller schema (prompt.linking), or take a model with a longer window",
        )
    return min(room, request.max_new_tokens)


@dataclass(frozen=True, slots=True)
class Completion:
    """What was written.

    Args:
        ids: its tokens, without the end token.
        text: of ``ids``, stripped.
        logprob: natural logarithm of the probability of all tokens, the end included, at
            temperature 1, among what the constraint allows.
        tokens: how many were written, the end included.
        finish: it ended by itself, was cut at its limit, no token could follow (the constraint
            came to a dead end, or the model's numbers are not finite), or it was cancelled.
    """

    ids: tuple[int, ...]
    text: str
    logprob: float
    tokens: int
    finish: Finish


class Ticket:
    """A request on its way. Made by ``Engine.submit``; may be used from any thread."""

    def __init__(
        self,
        request: Request,
        changed: threading.Condition,
        advance: Callable[[Callable[[], bool]], None],
        note: Callable[[Literal["cancelled", "listening"]], None],
    ) -> None:
        self.request = request
        self.cancelled = self.listening = False
        self._changed, self._advance, self._note = changed, advance, note
        self._ids: list[int] = []
        self._completion: Completion | None = None
        self._error: BaseException | None = None
        self._told: Callable[[], object] | None = None

    @property
    def done(self) -> bool:
        """Whether it has its result, or failed."""
        return self._completion is not None or self._error is not None

    def stream(self) -> Iterator[int]:
        """Its tokens as they are written, the end token left out.

        Raises:
            SqlforgeError: what made the engine give the request up.
        """
        seen = 0
        self.listening = True
        self._note("listening")
        while True:
            with self._changed:
                new, done = self._ids[seen:], self.done
            yield from new
            seen += len(new)
            if done and not new:
                break
            if not new:
                self._advance(self._beyond(seen))
        if self._error is not None:
            raise self._error

    def _beyond(self, seen: int) -> Callable[[], bool]:
        return lambda: self.done or len(self._ids) > seen

    def result(self) -> Completion:
        """Wait for all of it.

        Raises:
            SqlforgeError: what made the engine give the request up.
        """
        while not self.done:
            self._advance(lambda: self.done)
        if self._error is not None:
            raise self._error
        assert self._completion is not None
        return self._completion

    def watch(self, told: Callable[[], object], *, tokens: bool) -> None:
        """Have ``told`` called in the engine's thread at the end, and at further ``tokens`` too.

        For event loops, which cannot wait as :meth:`result` and :meth:`stream` do; the engine needs
        its own thread. ``told`` must neither block nor raise; :attr:`written` says what is new.
        """
        self._told = told
        if tokens:
            self.listening = True
            self._note("listening")
        if self.done:
            told()

    @property
    def written(self) -> list[int]:
        """The tokens that are told so far, the end token left out; all of them once it is done."""
        with self._changed:
            return list(self._ids)

    def cancel(self) -> None:
        """End it where it stands; its row is free after the engine's next step."""
        self.cancelled = True
        self._note("cancelled")

    def tell(self, ids: list[int]) -> None:
        """The engine's side of :meth:`stream`: further tokens."""
        with self._changed:
            self._ids.extend(ids)
            self._changed.notify_all()
        if ids and self._told is not None:
            self._told()

    def finish(self, completion: Completion | None, error: BaseException | None = None) -> None:
        """The engine's side of :meth:`result`."""
        with self._changed:
            if completion is not None:
                self._ids = list(completion.ids)
            self._completion, self._error = completion, error
            self._changed.notify_all()
        if self._told is not None:
            self._told()
