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

from sqlforge.core.errors import UserError
from sqlforge.core.redact import without_password
from sqlforge.serve.chat import unless_gone
from sqlforge.serve.events import Events
from sqlforge.serve.faults import RefusedError
from sqlforge.serve.limits import Room
from sqlforge.serve.settings import ServeSettings

_CONNECT_S, _SILENCE_S = 5.0, 300.0


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
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        url = url.rstrip("/").removesuffix("/v1")
        if not url.startswith(("http://", "https://")):
            raise UserError(
                f"--upstream {without_password(url)}",
                "the URL of a server with OpenAI's interface",
                "write http://HOST:PORT",
            )
        self.url = without_password(url)
        self._http = httpx2.AsyncClient(
            base_url=url,
            headers={} if key is None else {"Authorization": f"Bearer {key}"},
            timeout=httpx2.Timeout(_SILENCE_S, connect=_CONNECT_S),
            limits=httpx2.Limits(max_connections=None),
            trust_env=False,
        )

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
            raise self.away(fault) from fault

    def away(self, fault: Exception) -> RefusedError:
        """What is said when it does not answer."""
        return RefusedError(
            502,
            f"The server behind this one does not answer ({type(fault).__name__}): try again.",
            "upstream_unreachable",
            retry_s=5,
        )


def upstream_routes(upstream: Upstream, settings: ServeSettings, room: Room) -> APIRouter:
    """``/v1/models``, ``/v1/chat/completions`` and ``/v1/completions``, all passed on."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.get("/v1/models")
    async def models(request: Request) -> Response:
        """The models that are served."""
        answer = await upstream.open("GET", "/v1/models", None)
        return await _whole(upstream, answer)

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
                return Events(_events(upstream, answer), leave)
            return await unless_gone(request, _whole(upstream, answer))
        finally:
            if not streaming:
                leave()

    for path in ("/v1/chat/completions", "/v1/completions"):
        routes.add_api_route(path, forward, methods=["POST"], response_model=dict[str, Any])
    return routes


async def _whole(upstream: Upstream, answer: httpx2.Response) -> Response:
    try:
        body = await answer.aread()
    except httpx2.HTTPError as fault:
        raise upstream.away(fault) from fault
    finally:
        await answer.aclose()
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if answer.status_code >= 500 or not isinstance(told, dict):
        raise RefusedError(
            502,
            f"The server behind this one failed (status {answer.status_code}): try again.",
            "upstream_failed",
            retry_s=5,
        )
    headers = {k: v for k, v in answer.headers.items() if k.lower() == "retry-after"}
    return Response(body, answer.status_code, headers, "application/json")


async def _events(upstream: Upstream, answer: httpx2.Response) -> AsyncIterator[str]:
    try:
        async for line in answer.aiter_lines():
            if line:
                yield line + "\n\n"
    except httpx2.HTTPError as fault:
        raise upstream.away(fault) from fault
    finally:
        await answer.aclose()
