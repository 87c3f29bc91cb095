"""OpenAI's routes in front of the built-in engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sqlforge.prompt.template import Message
from sqlforge.serve.faults import RefusedError
from sqlforge.serve.limits import Room
from sqlforge.serve.local import LocalModel, Wanted, seeds
from sqlforge.serve.metrics import Metrics
from sqlforge.serve.openai_forms import (
    ChatAnswer,
    ChatRequest,
    CompletionAnswer,
    CompletionRequest,
    ModelEntry,
    ModelList,
)
from sqlforge.serve.settings import ServeSettings
from sqlforge.serve.writing import Form, Served, answered


def openai_routes(
    model: LocalModel, settings: ServeSettings, room: Room, metrics: Metrics
) -> APIRouter:
    """``/v1/models``, ``/v1/chat/completions`` and ``/v1/completions``."""
    served = Served(model, settings, room, metrics)
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
        return await answered(served, _CHAT, wanted, asked, request)

    @routes.post("/v1/completions", response_model=CompletionAnswer, responses=_STREAMS)
    async def complete(asked: CompletionRequest, request: Request) -> Response:
        """What follows a text."""
        _check_name(settings, asked.model)
        prompts = await _prompts(model, asked.prompt)
        most = 16 if asked.max_tokens is None else asked.max_tokens
        wanted = _wanted(served, asked, prompts, most, "max_tokens")
        return await answered(served, _TEXT, wanted, asked, request)

    return routes


_EVENT = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
_STREAMS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/event-stream": {"itemSchema": _EVENT}},
        "description": "The whole answer, or with 'stream' its pieces as server-sent events.",
    }
}
_CHAT = Form(
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
_TEXT = Form(
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
    served: Served,
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
