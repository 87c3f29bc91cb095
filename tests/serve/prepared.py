"""An answerer whose model is stood in for: a question leads to a prepared query.

Rows, faults and schema are those of a real SQLite file.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlforge.core.decoding import Decoding
from sqlforge.core.errors import DatabaseError
from sqlforge.core.schema import Schema
from sqlforge.database.introspect import schema_from_url
from sqlforge.serve.answering import Answerer, QueryRefused
from sqlforge.serve.answers import Answer, Link, Rows, Tried


class Prepared(Answerer):
    """Answers from ``answers``; anything else is one that nothing was written to."""

    def __init__(self, file: Path) -> None:
        self.file, self.decoding = file, Decoding()
        self.answers: dict[str, str] = {}
        self.asked: list[tuple[str, tuple[tuple[str, str], ...], int | None]] = []
        self.fault: Exception | None = None
        self.go_on = threading.Event()
        self.go_on.set()

    def answer(
        self,
        question: str,
        *,
        history: Sequence[tuple[str, str]] = (),
        samples: int | None = None,
        execute: bool = True,
    ) -> Answer:
        self.asked.append((question, tuple(history), samples))
        self.go_on.wait(10)
        if self.fault is not None:
            raise self.fault
        sql = self.answers.get(question)
        return Answer(
            question=question,
            sql=sql,
            rows=self.run(sql) if sql and execute else None,
            error=None if sql else "Nothing was written.",
            refused=False,
            confidence=0.75,
            linked=(Link("goods", "title", "Lamp", "lamp"),),
            schema_text="goods(id, title)",
            tables=1,
            tables_shown=1,
            candidates=(Tried(sql or "", 0.5, 1, None),),
            dialect="sqlite",
            seconds=0.1,
        )

    def run(self, sql: str) -> Rows:
        if not sql.upper().startswith("SELECT"):
            raise QueryRefused("a query that writes", "one that reads", "write a SELECT")
        began = time.perf_counter()
        try:
            with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
                cursor = connection.execute(sql)
                rows = tuple(cursor.fetchall())
        except sqlite3.Error as fault:
            raise DatabaseError(f"'{fault}' of the database", "a query that runs", "fix") from fault
        columns = tuple(column[0] for column in cursor.description)
        return Rows(columns, rows, False, time.perf_counter() - began)

    def schema(self) -> Schema:
        return schema_from_url(str(self.file))

    def close(self) -> None:
        pass
