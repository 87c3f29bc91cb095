"""Texts of the built-in engine, written down as OpenAI has them: whole, or as they come."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from sqlforge.serve.events import Events
from sqlforge.serve.gone import unless_gone
from sqlforge.serve.limits import Room
from sqlforge.serve.local import LocalModel, Piece, Wanted
from sqlforge.serve.metrics import Metrics
from sqlforge.serve.openai_forms import ChatRequest, CompletionRequest, usage
from sqlforge.serve.settings import ServeSettings


@dataclass(frozen=True, slots=True)
class Served:
    """What a request is answered with."""

    model: LocalModel
    settings: ServeSettings
    room: Room
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is written down: as a chat's or a text's."""

    prefix: str
    whole: str
    part: str
    choice: Callable[[int, str, str], dict[str, Any]]
    delta: Callable[[int, str, str | None], dict[str, Any]]
    opening: Callable[[int], dict[str, Any]] | None


async def answered(
    served: Served,
    form: Form,
    wanted: Sequence[Wanted],
    asked: ChatRequest | CompletionRequest,
    request: Request,
) -> Response:
    """The texts that a request wants, whole or with ``stream`` as they are written.

    Raises:
        RefusedError: no room, or the client went away.
    """
    began = time.perf_counter()
    served.room.enter(len(wanted))

    def leave() -> None:
        served.room.leave(len(wanted), time.perf_counter() - began)

    head = {"id": form.prefix + uuid.uuid4().hex, "created": int(time.time())}
    head["model"] = served.settings.model
    read = sum(len(one.prompt) for one in wanted) // (asked.n or 1)
    served.metrics.prompt_tokens.inc(read)
    if asked.stream:
        told = asked.stream_options is not None and asked.stream_options.include_usage
        return Events(_chunks(served, form, head, wanted, read, told), leave)
    try:
        pieces = await unless_gone(request, _all(served, wanted))
    finally:
        leave()
    written = sum(piece.tokens for piece in pieces)
    served.metrics.written_tokens.inc(written)
    choices = [form.choice(n, p.text, str(p.finish)) for n, p in enumerate(pieces)]
    whole = {**head, "object": form.whole, "choices": choices, "usage": usage(read, written)}
    return JSONResponse(whole)


async def _all(served: Served, wanted: Sequence[Wanted]) -> list[Piece]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_whole(served, one)) for one in wanted]
    return [task.result() for task in tasks]


async def _whole(served: Served, wanted: Wanted) -> Piece:
    text = ""
    async with contextlib.aclosing(served.model.write(wanted, live=False)) as pieces:
        async for piece in pieces:
            text += piece.text
            if piece.finish is not None:
                return Piece(text, piece.tokens, piece.finish)
    raise AssertionError("a text without an end")


async def _chunks(
    served: Served,
    form: Form,
    head: dict[str, Any],
    wanted: Sequence[Wanted],
    read: int,
    told: bool,
) -> AsyncIterator[str]:
    """The events of a stream; the texts of several choices come as they are written."""
    began, first = time.perf_counter(), True
    # With usage, every chunk has the field: null until the last.
    base = {**head, "object": form.part, **({"usage": None} if told else {})}
    written = [0] * len(wanted)
    if form.opening is not None:
        for n in range(len(wanted)):
            yield _event({**base, "choices": [form.opening(n)]})
    async with contextlib.aclosing(_merged(served, wanted)) as pieces:
        async for n, piece in pieces:
            if first:
                served.metrics.first_token_seconds.observe(time.perf_counter() - began)
                first = False
            served.metrics.written_tokens.inc(piece.tokens - written[n])
            written[n] = piece.tokens
            if piece.text:
                yield _event({**base, "choices": [form.delta(n, piece.text, None)]})
            if piece.finish is not None:
                yield _event({**base, "choices": [form.delta(n, "", piece.finish)]})
    if told:
        yield _event({**base, "choices": [], "usage": usage(read, sum(written))})
    yield "data: [DONE]\n\n"


async def _merged(
    served: Served, wanted: Sequence[Wanted]
) -> AsyncGenerator[tuple[int, Piece], None]:
    queue: asyncio.Queue[tuple[int, Piece] | asyncio.Task[None]] = asyncio.Queue()

    async def follow(n: int, one: Wanted) -> None:
        async with contextlib.aclosing(served.model.write(one, live=True)) as pieces:
            async for piece in pieces:
                queue.put_nowait((n, piece))

    tasks = [asyncio.create_task(follow(n, one)) for n, one in enumerate(wanted)]
    for task in tasks:
        task.add_done_callback(queue.put_nowait)
    open_texts = len(tasks)
    try:
        while open_texts:
            found = await queue.get()
            if isinstance(found, tuple):
                yield found
            else:
                found.result()  # raises what ended it
                open_texts -= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _event(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk, ensure_ascii=False, separators=(',', ':'))}\n\n"
