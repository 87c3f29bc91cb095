"""Routes for questions about a database, and for the page that asks them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from sqlforge.core.errors import DatabaseError, UserError
from sqlforge.core.redact import without_password
from sqlforge.serve.answering import Answerer, QueryRefused
from sqlforge.serve.answers import Answer
from sqlforge.serve.faults import RefusedError
from sqlforge.serve.gone import unless_gone
from sqlforge.serve.limits import Room
from sqlforge.serve.metrics import Metrics
from sqlforge.serve.playground import page_file
from sqlforge.serve.settings import ServeSettings
from sqlforge.serve.sql_forms import (
    AnswerBody,
    Query,
    Question,
    RowsBody,
    SchemaBody,
    answer_body,
    rows_body,
    schema_body,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Threads:
    """Where work that waits for model and database is done; as much at once as is written."""

    pool: ThreadPoolExecutor
    room: Room

    async def do(self, request: Request, work: Callable[[], T], texts: int = 1) -> T:
        """Do ``work`` that writes ``texts``.

        Their room is given back when it is done, also if the client went before.

        Raises:
            RefusedError: no room, or the client went away.
        """
        began = time.perf_counter()
        self.room.enter(texts, "samples")
        done = asyncio.get_running_loop().run_in_executor(self.pool, work)
        done.add_done_callback(lambda _: self.room.leave(texts, time.perf_counter() - began))
        return await unless_gone(request, _shielded(done))


def sql_routes(
    answerer: Answerer, settings: ServeSettings, room: Room, metrics: Metrics
) -> APIRouter:
    """``/v1/sql``, ``/v1/sql/run`` and ``/v1/schema``."""
    threads = _Threads(ThreadPoolExecutor(settings.running, "sql"), room)
    routes = APIRouter(tags=["Database"])

    @routes.post("/v1/sql", response_model=AnswerBody)
    async def ask(asked: Question, request: Request) -> Response:
        """SQL for a question, its rows, and what led to it."""
        samples = asked.samples or answerer.decoding.samples
        if asked.samples is not None and samples > settings.choices:
            message = f"Got {samples} samples, expected {settings.choices} at most."
            raise RefusedError(400, message, param="samples")
        history = [(before.question, before.sql) for before in asked.history]

        def work() -> Answer:
            return answerer.answer(
                asked.question, history=history, samples=asked.samples, execute=asked.execute
            )

        answer = await threads.do(request, lambda: _said(work, 503), samples)
        metrics.questions.labels(_outcome(answer)).inc()
        return JSONResponse(answer_body(answer))

    @routes.post("/v1/sql/run", response_model=RowsBody)
    async def run(asked: Query, request: Request) -> Response:
        """The rows of a query, which only reads."""
        rows = await threads.do(request, lambda: _said(lambda: answerer.run(asked.sql), 400))
        return JSONResponse(rows_body(rows))

    @routes.get("/v1/schema", response_model=SchemaBody)
    async def schema(request: Request) -> Response:
        """The tables of the database."""
        found = await threads.do(request, lambda: _said(answerer.schema, 503))
        return JSONResponse(schema_body(found))

    return routes


def page_routes() -> APIRouter:
    """The playground at ``/``, with or without a database: it says which."""
    routes = APIRouter()

    @routes.get("/", include_in_schema=False)
    @routes.get("/playground/{name}", include_in_schema=False)
    async def page(request: Request) -> Response:
        found = page_file(request.url.path, request.headers.get("if-none-match"))
        if found is None:
            raise RefusedError(404, "Got a page that there is not: see /.", "not_found")
        return Response(found.body, found.status, dict(found.headers))

    return routes


def _said(work: Callable[[], T], status: int) -> T:
    """``work``, its faults as refusals; those of the database with ``status``."""
    try:
        return work()
    except QueryRefused as fault:
        raise RefusedError(400, without_password(str(fault)), "query_refused", "sql") from fault
    except DatabaseError as fault:
        retry = 5 if status == 503 else None
        message = without_password(str(fault))
        raise RefusedError(status, message, "database_error", retry_s=retry) from fault
    except UserError as fault:
        raise RefusedError(400, without_password(str(fault))) from fault


def _outcome(answer: Answer) -> str:
    if answer.refused:
        return "refused"
    if answer.sql is None:
        return "nothing"
    return "rows" if answer.rows is not None else "error"


async def _shielded(done: asyncio.Future[T]) -> T:
    return await asyncio.shield(done)
