"""The server's application: routes behind the gate.

``sqlforge.stages.serve`` makes engine and answerer and runs it; tests call it in-process.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

import sqlforge
from sqlforge.serve.answering import Answerer
from sqlforge.serve.chat import openai_routes
from sqlforge.serve.faults import RefusedError
from sqlforge.serve.gate import Gate
from sqlforge.serve.limits import Room
from sqlforge.serve.local import LocalModel
from sqlforge.serve.metrics import Metrics
from sqlforge.serve.openai_forms import ErrorBody
from sqlforge.serve.settings import ServeSettings
from sqlforge.serve.sql import page_routes, sql_routes
from sqlforge.serve.upstream import Upstream, upstream_routes

_REFUSED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "Refused, and why."},
    "5XX": {"model": ErrorBody, "description": "The server's fault."},
}


def create_app(
    settings: ServeSettings, engine: LocalModel | Upstream | None, answerer: Answerer | None = None
) -> FastAPI:
    """The application.

    Args:
        settings: see :class:`ServeSettings`.
        engine: what writes texts, here or elsewhere; without one OpenAI's routes are left out.
        answerer: answers questions about a database; whoever opened it closes it.

    ``app.state.room`` is closed to stop taking requests (see :mod:`sqlforge.serve.running`).
    """
    app = FastAPI(
        title="SQLForge",
        version=sqlforge.__version__,
        description="Questions about a database, and OpenAI's interface to the model behind them.",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        responses=_REFUSED,
    )
    room, metrics = Room(settings.running, settings.waiting), Metrics()
    app.state.room = room
    metrics.texts.set_function(lambda: room.taken)
    metrics.room.set(room.most)
    app.add_middleware(Gate, routes=app, settings=settings, room=room, metrics=metrics)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _unknown)
    _add_health(app, room, metrics)
    if isinstance(engine, Upstream):
        app.include_router(upstream_routes(engine, settings, room))
    elif engine is not None:
        app.include_router(openai_routes(engine, settings, room, metrics))
    if answerer is not None:
        app.include_router(sql_routes(answerer, settings, room, metrics))
    app.include_router(page_routes())
    return app


def _add_health(app: FastAPI, room: Room, metrics: Metrics) -> None:
    @app.get("/healthz", tags=["Health"], response_class=PlainTextResponse)
    async def alive() -> str:
        """Whether the process answers."""
        return "ok"

    @app.get("/readyz", tags=["Health"], response_class=PlainTextResponse)
    async def ready() -> Response:
        """Whether requests are taken; 503 once the server is stopping."""
        if room.closed:
            return PlainTextResponse("stopping", 503)
        return PlainTextResponse("ok")

    @app.get("/metrics", tags=["Health"], response_class=PlainTextResponse)
    async def told() -> Response:
        """Counters for Prometheus."""
        return Response(metrics.page(), media_type=metrics.content_type)


async def _refused(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RefusedError)
    return fault.response()


async def _malformed(request: Request, fault: Exception) -> JSONResponse:
    """A request that is not as the description says; the first thing that is wrong with it."""
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    places = [str(place) for place in first["loc"] if place not in ("body", "query", "path")]
    param = ".".join(places) or None
    about = f" in '{param}'" if param else ""
    if first["type"] == "extra_forbidden":
        message = f"Got '{param}', which this server does not have: leave it out."
    else:
        message = f"Got a request that is not understood{about}: {first['msg']}."
    return RefusedError(400, message, first["type"], param).response()


async def _unknown(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(fault.status_code)
    response = RefusedError(
        fault.status_code, f"{fault.detail}: see /openapi.json.", code
    ).response()
    response.headers.update(fault.headers or {})
    return response
