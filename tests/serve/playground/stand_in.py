"""The server's application on a port, with an answerer whose model is stood in for.

A test says which query a question leads to. Everything else is real: routes, keys and limits are
the application's, rows, faults and schema those of a SQLite file.
"""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DatabaseError
from sqlforge.core.schema import Schema
from sqlforge.database.introspect import schema_from_url
from sqlforge.serve.answering import Answerer
from sqlforge.serve.answers import Answer, Rows
from sqlforge.serve.app import create_app
from sqlforge.serve.keys import Key
from sqlforge.serve.settings import ServeSettings

MAX_ROWS = 1000


class StandIn(Answerer):
    """What the server answers; ``answers`` are fields of an :class:`Answer` by question."""

    def __init__(self, file: Path) -> None:
        self.file, self.decoding = file, Decoding()
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []
        self.go_on = threading.Event()  # until it is set the model thinks
        self.go_on.set()
        self.url = ""
        self.key: str | None = None
        self._apps: dict[str | None, Any] = {None: self._app(())}

    def answer(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = (),
        samples: int | None = None,
        execute: bool = True,
    ) -> Answer:
        asked = {"question": question, "history": list(history), "samples": samples}
        self.asked.append({name: value for name, value in asked.items() if value})
        self.go_on.wait(20)
        made = {
            "question": question, "sql": None, "rows": None, "error": None, "refused": False,
            "confidence": None, "linked": (), "schema_text": "goods(id, title)", "tables": 3,
            "tables_shown": 3, "candidates": (), "dialect": "sqlite", "seconds": 0.42,
            **self.answers.get(question, {}),
        }  # fmt: skip
        if execute and made["sql"] and not made["error"]:
            made["rows"] = self.run(made["sql"])
        return Answer(**made)

    def run(self, sql: str) -> Rows:
        began = time.perf_counter()
        try:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
                cursor = connection.execute(sql)
                rows = cursor.fetchmany(MAX_ROWS + 1)
                columns = tuple(column[0] for column in cursor.description)
        except sqlite3.Error as fault:
            raise DatabaseError(f"'{fault}'", "a query that runs", "correct it") from fault
        seconds = time.perf_counter() - began
        return Rows(columns, tuple(rows[:MAX_ROWS]), len(rows) > MAX_ROWS, seconds)

    def schema(self) -> Schema:
        return schema_from_url(str(self.file))

    def close(self) -> None:
        pass

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application; with the key that is set by now."""
        if self.key not in self._apps:
            self._apps[self.key] = self._app((Key.of("someone", str(self.key)),))
        await self._apps[self.key](scope, receive, send)

    def _app(self, keys: tuple[Key, ...]) -> Any:
        return create_app(ServeSettings("smollm2-135m", keys=keys, running=4), None, self)


@contextmanager
def serving(file: Path) -> Iterator[StandIn]:
    """A stand-in on a port of its own; ``url`` says where."""
    stand_in = StandIn(file)
    with on_a_port(stand_in) as stand_in.url:
        try:
            yield stand_in
        finally:
            stand_in.go_on.set()


@contextmanager
def on_a_port(app: Any) -> Iterator[str]:
    """The address of an application that runs meanwhile."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
        running = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        running.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = server.force_exit = True
            running.join(10)
