"""A server that answers the playground's requests from a real SQLite file, with prepared queries.

The model is what is stood in for: a test says which query a question leads to. Everything else,
rows, schema, errors, is the database's.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlforge.serve.playground import page_file

MAX_ROWS = 1000


class StandIn:
    """What the server knows: a database, and per question what the model would have said."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.answers: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, Any]] = []  # bodies of /v1/sql
        self.key: str | None = None
        self.seconds = 0.0  # how long the model takes
        self.fail: Any = None  # (status, headers, body) of every answer
        self.url = ""

    def run(self, sql: str) -> dict[str, Any]:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(sql)
            rows = cursor.fetchmany(MAX_ROWS + 1)
            columns = [column[0] for column in cursor.description]
        cut = len(rows) > MAX_ROWS
        return {"columns": columns, "rows": rows[:MAX_ROWS], "truncated": cut, "seconds": 0.004}

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        time.sleep(self.seconds)
        empty = {"columns": None, "rows": None, "truncated": False, "error": None}
        made = {
            "sql": None, "dialect": "sqlite", "refused": False, "confidence": None, "linked": [],
            "candidates": [], "schema_text": "goods(id, title)", "tables": 3, "tables_shown": 3,
            "seconds": 0.42, **empty, **self.answers.get(body["question"], {}),
        }  # fmt: skip
        if made["sql"] and not made["error"]:
            ran = self.run(made["sql"])
            made |= {name: ran[name] for name in ("columns", "rows", "truncated")}
        return made

    def schema(self) -> dict[str, Any]:
        with closing(sqlite3.connect(self.file)) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
                )
            ]
            return {"dialect": "sqlite", "tables": [_table(connection, name) for name in names]}


def _table(connection: sqlite3.Connection, name: str) -> dict[str, Any]:
    quoted = '"' + name.replace('"', '""') + '"'
    keys = {
        row[3]: f"{row[2]}.{row[4]}"
        for row in connection.execute(f"PRAGMA foreign_key_list({quoted})")
    }
    columns = [
        {
            "name": row[1],
            "type": row[2],
            "primary_key": bool(row[5]),
            "references": keys.get(row[1]),
        }
        for row in connection.execute(f"PRAGMA table_info({quoted})")
    ]
    (rows,) = connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()
    return {"name": name, "rows": rows, "columns": columns, "comment": None}


@contextmanager
def serving(file: Path) -> Iterator[StandIn]:
    """A stand-in on a port of its own; ``url`` says where."""
    stand_in = StandIn(file)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            page = page_file(self.path, self.headers["If-None-Match"])
            if page:
                self.reply(page.status, page.body, dict(page.headers))
            elif self.path == "/v1/schema":
                self.guarded(stand_in.schema)
            elif self.path == "/v1/models":
                self.guarded(lambda: {"data": [{"id": "smollm2-135m"}]})
            else:
                self.reply(404, b"{}", {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/v1/sql":
                self.guarded(lambda: stand_in.answer(body))
            else:
                self.guarded(lambda: stand_in.run(body["sql"]))

        def guarded(self, work: Any) -> None:
            if stand_in.key and self.headers["Authorization"] != f"Bearer {stand_in.key}":
                return self.say(401, {"error": {"message": "This server asks for an API key."}})
            if stand_in.fail:
                return self.say(stand_in.fail[0], stand_in.fail[2], stand_in.fail[1])
            try:
                return self.say(200, work())
            except sqlite3.Error as fault:
                return self.say(400, {"error": {"message": f"The database says: {fault}."}})

        def say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            self.reply(
                status, json.dumps(body).encode(), {"Content-Type": "application/json"}, headers
            )

        def reply(
            self, status: int, body: bytes, headers: dict[str, str], more: Any = None
        ) -> None:
            try:
                self.send_response(status)
                for name, value in (headers | (more or {})).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the browser has cancelled

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
