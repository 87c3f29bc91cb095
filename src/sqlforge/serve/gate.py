"""What every request passes before it is answered, and what is told of it afterwards.

Keys, rates, sizes, a request's id, metrics, the access log, and the end of every defect.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import uuid
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sqlforge.serve.faults import RefusedError, defect, frames
from sqlforge.serve.keys import holder
from sqlforge.serve.limits import Rates, Room, stopping
from sqlforge.serve.metrics import Metrics
from sqlforge.serve.settings import ServeSettings

ACCESS = logging.getLogger("sqlforge.serve.access")
_LOG = logging.getLogger("sqlforge.serve")
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_DRAINED = 16  # times what a request may hold: so much is read before it is refused


class Gate:
    """Middleware in front of all routes.

    Args:
        app: what answers.
        routes: the application whose paths may stand in logs and metrics.
        settings: limits and keys.
        room: closed when the server stops.
        metrics: told of every request.
    """

    def __init__(
        self, app: ASGIApp, routes: FastAPI, settings: ServeSettings, room: Room, metrics: Metrics
    ) -> None:
        self._app, self._routes = app, routes
        self._settings, self._room, self._metrics = settings, room, metrics
        self._rates = Rates(settings.per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, uuid.uuid4().hex, private=scope["path"].startswith("/v1/"))
        began = time.perf_counter()
        client = "-"
        self._metrics.open.inc()
        try:
            client = self._admitted(scope)
            if scope["method"] in ("POST", "PUT", "PATCH"):
                receive = await self._read(scope, receive)
            await self._app(scope, receive, answer.send)
        except RefusedError as refusal:
            await self._refuse(refusal, answer, scope, receive)
        except Exception as fault:  # noqa: BLE001  (the client hears of it, the log has it)
            _LOG.error("%s: %s", answer.request_id, frames(fault))
            await self._refuse(defect(answer.request_id), answer, scope, receive)
        finally:
            self._metrics.open.dec()
            self._tell(scope, answer, client, time.perf_counter() - began)

    def _admitted(self, scope: Scope) -> str:
        """Who asks, by the name that logs show.

        Raises:
            RefusedError: not known, not now, or not in this way.
        """
        headers = Headers(scope=scope)
        hosts = self._settings.hosts
        if hosts is not None and _host(headers.get("host", "")) not in hosts:
            raise RefusedError(
                400,
                f"Got a request for another host, expected {' or '.join(hosts)}: "
                "start the server with --host and keys to reach it by other names.",
                "unknown_host",
            )
        if not scope["path"].startswith("/v1/"):
            return "-"
        client = scope["client"][0] if scope.get("client") else "-"
        if self._settings.keys:
            key = holder(self._settings.keys, headers.get("authorization"))
            if key is None:
                raise RefusedError(
                    401,
                    "Got no valid API key, expected 'Authorization: Bearer KEY': "
                    "ask whoever runs this server for one.",
                    "invalid_api_key",
                )
            client = key.name
        if self._room.closed:
            raise stopping()
        wait = self._rates.wait_s(client)
        if wait:
            raise RefusedError(
                429,
                f"Got more than {self._settings.per_minute} requests in a minute: "
                f"ask again in {wait} s.",
                "rate_limit_exceeded",
                retry_s=wait,
            )
        return str(client)

    async def _read(self, scope: Scope, receive: Receive) -> Receive:
        """All of a request's body, which the application then receives at once.

        Raises:
            RefusedError: too much, too slow, or no JSON.
        """
        kind = Headers(scope=scope).get("content-type", "").split(";")[0].strip().lower()
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                body = await _body(receive, self._settings.body_bytes)
        except TimeoutError:
            raise RefusedError(408, "Got a request that came too slowly: send it again.") from None
        if body is None:
            raise RefusedError(
                413,
                f"Got a request of more than {self._settings.body_bytes:,} bytes, which is all "
                "that is taken: ask a shorter question.",
                "request_too_large",
            )
        if kind != "application/json":
            raise RefusedError(
                415,
                f"Got the content type '{kind[:60]}', expected application/json: "
                "send the request as JSON.",
            )
        if _HALF.search(body) and not _whole_characters(body):
            raise RefusedError(400, "Got half a character (a lone surrogate): send whole ones.")
        told = False

        async def replay() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        return replay

    async def _refuse(
        self, refusal: RefusedError, answer: _Answer, scope: Scope, receive: Receive
    ) -> None:
        if not answer.status:
            await refusal.response()(scope, receive, answer.send)
        elif not answer.whole:
            # Half an answer is out: ending it properly would make it look whole.
            raise ConnectionAbortedError("an answer that broke off") from None

    def _tell(self, scope: Scope, answer: _Answer, client: str, seconds: float) -> None:
        path = _path(self._routes, scope)
        self._metrics.requests.labels(path, _method(scope), str(answer.status)).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        ACCESS.info(
            "%s %s %s %s %s %.0f ms",
            answer.request_id, client, _method(scope), path, answer.status or "gone",
            1000 * seconds,
        )  # fmt: skip


class _Answer:
    """Passes an answer on and remembers what became of it."""

    def __init__(self, send: Send, request_id: str, *, private: bool) -> None:
        self._send, self.request_id, self._private = send, request_id, private
        self.status = 0
        self.whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            headers["X-Content-Type-Options"] = "nosniff"
            if self._private:
                headers["Cache-Control"] = "no-store"
        elif message["type"] == "http.response.body":
            self.whole = not message.get("more_body", False)
        await self._send(message)


async def _body(receive: Receive, most: int) -> bytes | None:
    """A request's body; ``None`` if it is longer than ``most``.

    What is too long is read on for a while: a client that cannot send all hears no refusal.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(400, "Got half a request: send it again.")
        part = message.get("body", b"")
        size += len(part)
        parts = [*parts, part] if size <= most else []
        if not message.get("more_body", False) or size > _DRAINED * most:
            return b"".join(parts) if size <= most else None


def _whole_characters(body: bytes) -> bool:
    """Whether every text in a JSON document can be written down; what is no JSON passes."""
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    except (ValueError, RecursionError):
        return True  # told of by whoever reads it
    return True


def _host(header: str) -> str:
    """A host's name without its port.

    >>> _host("localhost:8000"), _host("[::1]:8000")
    ('localhost', '[::1]')
    """
    name, _, port = header.rpartition(":")
    return (name if name and port.isdigit() else header).lower()


def _path(routes: FastAPI, scope: Scope) -> str:
    """The path as the routes have it: what a client makes up becomes no label."""
    known = getattr(scope.get("route"), "path", None)
    if known is not None:
        return str(known)
    paths: set[Any] = {getattr(route, "path", None) for route in routes.routes}
    return scope["path"] if scope["path"] in paths else "other"


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"
