"""OpenAI's routes in front of another server of that interface, such as vLLM's."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from sqlforge.serve.behind import away, client_options, failed
from sqlforge.serve.events import Events
from sqlforge.serve.faults import RefusedError
from sqlforge.serve.gone import unless_gone
from sqlforge.serve.limits import Room
from sqlforge.serve.settings import ServeSettings


class _Forwarded(BaseModel):
    """What is looked at of a request; the rest is the other server's affair."""

    model_config = ConfigDict(extra="allow")

    model: str
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    stream: bool | None = None


class Upstream:
    """Another server.

    Args:
        url: up to where ``/v1`` begins.
        key: shown to it; clients show theirs to us only.

    Raises:
        UserError: it is no URL of HTTP.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        self._http = httpx2.AsyncClient(**client_options(url, key))

    async def open(self, method: str, path: str, body: bytes | None) -> httpx2.Response:
        """Its answer, of which only the head was read.

        Raises:
            RefusedError: it cannot be reached.
        """
        request = self._http.build_request(
            method, path, content=body, headers={"Content-Type": "application/json"}
        )
        try:
            return await self._http.send(request, stream=True)
        except httpx2.HTTPError as fault:
            raise away(fault) from fault


def upstream_routes(upstream: Upstream, settings: ServeSettings, room: Room) -> APIRouter:
    """``/v1/models``, ``/v1/chat/completions`` and ``/v1/completions``, all passed on."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.get("/v1/models")
    async def models(request: Request) -> Response:
        """The models that are served."""
        answer = await upstream.open("GET", "/v1/models", None)
        return await _whole(answer)

    async def forward(asked: _Forwarded, request: Request) -> Response:
        """Passed on as it came."""
        texts = asked.n or 1
        if texts > settings.choices:
            message = f"Got {texts} texts in one request, expected {settings.choices} at most."
            raise RefusedError(400, message, param="n")
        room.enter(texts)
        began = time.perf_counter()

        def leave() -> None:
            room.leave(texts, time.perf_counter() - began)

        streaming = False
        try:
            sent = upstream.open("POST", request.url.path, await request.body())
            answer = await unless_gone(request, sent)
            if asked.stream and answer.status_code == 200:
                streaming = True
                return Events(_events(answer), leave)
            return await unless_gone(request, _whole(answer))
        finally:
            if not streaming:
                leave()

    for path in ("/v1/chat/completions", "/v1/completions"):
        routes.add_api_route(path, forward, methods=["POST"], response_model=dict[str, Any])
    return routes


async def _whole(answer: httpx2.Response) -> Response:
    try:
        body = await answer.aread()
    except httpx2.HTTPError as fault:
        raise away(fault) from fault
    finally:
        await answer.aclose()
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if answer.status_code >= 500 or not isinstance(told, dict):
        raise failed(answer.status_code)
    headers = {k: v for k, v in answer.headers.items() if k.lower() == "retry-after"}
    return Response(body, answer.status_code, headers, "application/json")


async def _events(answer: httpx2.Response) -> AsyncIterator[str]:
    try:
        async for line in answer.aiter_lines():
            if line:
                yield line + "\n\n"
    except httpx2.HTTPError as fault:
        raise away(fault) from fault
    finally:
        await answer.aclose()
