"""OpenAI's routes in front of the built-in engine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sqlforge.prompt.template import Message
from sqlforge.serve.events import Events
from sqlforge.serve.faults import RefusedError
from sqlforge.serve.limits import Room
from sqlforge.serve.local import LocalModel, Piece, Wanted, seeds
from sqlforge.serve.metrics import Metrics
from sqlforge.serve.openai_forms import (
    ChatAnswer,
    ChatRequest,
    CompletionAnswer,
    CompletionRequest,
    ModelEntry,
    ModelList,
    usage,
)
from sqlforge.serve.settings import ServeSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Served:
    """What a request is answered with."""

    model: LocalModel
    settings: ServeSettings
    room: Room
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class _Form:
    """How an answer is written down: as a chat's or a text's."""

    prefix: str
    whole: str
    part: str
    choice: Callable[[int, str, str], dict[str, Any]]
    delta: Callable[[int, str, str | None], dict[str, Any]]
    opening: Callable[[int], dict[str, Any]] | None


def openai_routes(
    model: LocalModel, settings: ServeSettings, room: Room, metrics: Metrics
) -> APIRouter:
    """``/v1/models``, ``/v1/chat/completions`` and ``/v1/completions``."""
    served = _Served(model, settings, room, metrics)
    entry = ModelEntry(id=settings.model, created=model.created)
    routes = APIRouter(tags=["OpenAI"])

    @routes.get("/v1/models")
    async def models() -> ModelList:
        """The model that is served."""
        return ModelList(data=[entry])

    @routes.get("/v1/models/{model_id:path}")
    async def one_model(model_id: str) -> ModelEntry:
        """What is known of a model."""
        _check_name(settings, model_id)
        return entry

    @routes.post("/v1/chat/completions", response_model=ChatAnswer, responses=_STREAMS)
    async def chat(asked: ChatRequest, request: Request) -> Response:
        """The next turn of a conversation."""
        _check_name(settings, asked.model)
        prompt = await model.chat_ids(_conversation(asked))
        param = "max_tokens" if asked.max_completion_tokens is None else "max_completion_tokens"
        wanted = _wanted(served, asked, [prompt], asked.most, param)
        return await _answer(served, _CHAT, wanted, asked, request)

    @routes.post("/v1/completions", response_model=CompletionAnswer, responses=_STREAMS)
    async def complete(asked: CompletionRequest, request: Request) -> Response:
        """What follows a text."""
        _check_name(settings, asked.model)
        prompts = await _prompts(model, asked.prompt)
        most = 16 if asked.max_tokens is None else asked.max_tokens
        wanted = _wanted(served, asked, prompts, most, "max_tokens")
        return await _answer(served, _TEXT, wanted, asked, request)

    return routes


_EVENT = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"itemSchema": _EVENT}},
        "description": "The whole answer, or with 'stream' its pieces as server-sent events.",
    }
}
_CHAT = _Form(
    prefix="chatcmpl-",
    whole="chat.completion",
    part="chat.completion.chunk",
    choice=lambda index, text, finish: {
        "index": index,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": finish,
    },
    delta=lambda index, text, finish: {
        "index": index,
        "delta": {"content": text} if text or finish is None else {},
        "logprobs": None,
        "finish_reason": finish,
    },
    opening=lambda index: {
        "index": index,
        "delta": {"role": "assistant", "content": ""},
        "logprobs": None,
        "finish_reason": None,
    },
)
_TEXT = _Form(
    prefix="cmpl-",
    whole="text_completion",
    part="text_completion",
    choice=lambda index, text, finish: _text_choice(index, text, finish),
    delta=lambda index, text, finish: _text_choice(index, text, finish),
    opening=None,
)


def _text_choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _conversation(asked: ChatRequest) -> list[Message]:
    return [
        Message(role="system" if m.role == "developer" else m.role, content=m.text)
        for m in asked.messages
    ]


async def _prompts(model: LocalModel, prompt: str | list[int] | list[str]) -> list[tuple[int, ...]]:
    if isinstance(prompt, str):
        return [await model.text_ids(prompt)]
    ids = [part for part in prompt if isinstance(part, int)]
    if ids:
        return [model.checked_ids(ids)]
    return [await model.text_ids(text) for text in prompt if isinstance(text, str)]


def _check_name(settings: ServeSettings, asked: str) -> None:
    if asked != settings.model:
        raise RefusedError(
            404,
            f"Got the model '{asked[:100]}', expected '{settings.model}': ask for that one.",
            "model_not_found",
            "model",
        )


def _wanted(
    served: _Served,
    asked: ChatRequest | CompletionRequest,
    prompts: Sequence[tuple[int, ...]],
    most: int | None,
    param: str,
) -> list[Wanted]:
    if asked.stream_options is not None and not asked.stream:
        raise RefusedError(
            400, "Got stream_options without stream: leave them out.", param="stream_options"
        )
    count = asked.n or 1
    texts = count * len(prompts)
    if texts > served.settings.choices:
        message = f"Got {texts} texts in one request, expected {served.settings.choices} at most."
        raise RefusedError(400, message, param="n")
    heat, stops = asked.drawn_at, tuple(asked.stop or ())
    drawn = seeds(asked.seed, count)
    found = []
    for prompt in prompts:
        if not prompt:
            raise RefusedError(400, "Got a prompt without a token: ask something.", param="prompt")
        limit = served.model.most_for(prompt, most, param)
        found += [Wanted(prompt, limit, heat, seed, stops) for seed in drawn]
    return found


async def _answer(
    served: _Served,
    form: _Form,
    wanted: Sequence[Wanted],
    asked: ChatRequest | CompletionRequest,
    request: Request,
) -> Response:
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


async def _all(served: _Served, wanted: Sequence[Wanted]) -> list[Piece]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_whole(served, one)) for one in wanted]
    return [task.result() for task in tasks]


async def _whole(served: _Served, wanted: Wanted) -> Piece:
    text = ""
    async with contextlib.aclosing(served.model.write(wanted, live=False)) as pieces:
        async for piece in pieces:
            text += piece.text
            if piece.finish is not None:
                return Piece(text, piece.tokens, piece.finish)
    raise AssertionError("a text without an end")


async def _chunks(
    served: _Served,
    form: _Form,
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
    served: _Served, wanted: Sequence[Wanted]
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


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` gives; it is cancelled when the client goes away.

    Raises:
        RefusedError: the client went; nobody hears it, the log has its status.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise RefusedError(499, "The client went away.")
        return task.result()
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None
    finally:
        gone.cancel()
        task.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
