"""Server-sent events that give back what they hold, however they end."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import cast

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from sqlforge.serve.faults import RefusedError, frames

_LOG = logging.getLogger("sqlforge.serve")


class Events(StreamingResponse):
    """A stream of events.

    Args:
        events: each with its blank line; what it raises becomes the stream's last event.
        done: called once at the end, also if the client went before the first event.
    """

    def __init__(self, events: AsyncIterator[str], done: Callable[[], None]) -> None:
        self._events = cast(AsyncGenerator[str, None], events)
        self._done = done
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._told(), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            try:
                await self._events.aclose()
            finally:
                self._done()

    async def _told(self) -> AsyncIterator[str]:
        try:
            async for event in self._events:
                yield event
        except RefusedError as refusal:
            yield f"data: {json.dumps(refusal.body())}\n\n"
        except Exception as fault:  # noqa: BLE001  (the head is out: an event tells of it)
            _LOG.error("a stream broke off: %s", frames(fault))
            told = RefusedError(500, "The server failed; its log has more.", "internal")
            yield f"data: {json.dumps(told.body())}\n\n"
