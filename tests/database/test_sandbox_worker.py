"""The worker's code in this process: what the sandbox's tests see only through a pipe."""

from __future__ import annotations

import marshal
import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlforge.database.sandbox_worker import Worker, serve

TABLES = frozenset({"shop", "sale", "big_sale"})
FOREVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT "


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(seconds=0.2, rows=100, size=100_000)
    yield worker
    for opened in worker.opened.values():
        opened.connection.close()


@pytest.mark.parametrize(
    ("sql", "status", "error"),
    [
        ("SELECT 1", "ok", None),
        ("SELECT count(*) FROM big_sale", "ok", None),
        (FOREVER + "count(*) FROM c", "timeout", "stopped after 0.2 s"),
        (FOREVER + "x FROM c", "too_large", "more than 100 rows"),
        ("SELECT hex(zeroblob(40000)) FROM shop LIMIT 2", "too_large", "more than 100000 bytes"),
        ("SELECT zeroblob(1000000)", "too_large", "string or blob too big"),
        ("SELECT word FROM secret", "denied", "reading table secret is not allowed"),
        ("SELECT count(*) FROM sqlite_master", "denied", "reading table sqlite_master is not"),
        ("SELECT load_extension('x')", "denied", "calling function load_extension is not"),
        ("PRAGMA user_version", "denied", "anything but reading is not allowed"),
        ("SELECT", "error", "incomplete input"),
        ("", "error", "not a query"),
        ("SELECT 'a\0'", "error", "null character"),
    ],
)
def test_each_outcome_has_its_status(
    worker: Worker, shop_file: Path, sql: str, status: str, error: str | None
) -> None:
    reply = worker.run(str(shop_file), TABLES, sql)
    assert reply[0] == status
    assert error is None or error in str(reply[3])


def test_steps_end_a_statement_long_before_its_deadline_and_not_the_next_one(
    worker: Worker, shop_file: Path
) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {}) "
    many += "SELECT count(*) FROM n"
    steps = 100_000
    status, _, _, error, seconds = worker.run(
        str(shop_file), TABLES, many.format(10**9), steps=steps
    )
    assert (status, error) == ("timeout", "stopped after 100,000 steps")
    assert seconds < worker.seconds
    assert worker.run(str(shop_file), TABLES, many.format(1_000), steps=steps)[0] == "ok"
    assert worker.run(str(shop_file), TABLES, many.format(100_000))[0] == "ok"


def test_connections_are_reused_reopened_and_dropped(worker: Worker, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.sqlite" for i in range(18)]
    for path in paths:
        sqlite3.connect(path).execute("CREATE VIEW broken AS SELECT * FROM gone").connection.close()
        assert worker.run(str(path), frozenset(), "SELECT 1")[0] == "ok"
        assert worker.run(str(path), frozenset(), "SELECT 2")[0] == "ok"
    assert str(paths[0]) not in worker.opened
    os.utime(paths[-1], (1, 1))
    before = worker.opened[str(paths[-1])]
    worker.run(str(paths[-1]), frozenset(), "SELECT 1")
    assert worker.opened[str(paths[-1])] is not before


def test_a_batch_is_answered_frame_by_frame(worker: Worker, shop_file: Path) -> None:
    ask, answer = os.pipe(), os.pipe()
    body = marshal.dumps(
        (0, 0, None, [(str(shop_file), TABLES, ["SELECT id FROM shop LIMIT 2", "nonsense"])])
    )
    os.write(ask[1], struct.pack("<I", len(body)) + body)
    os.close(ask[1])
    serve(worker, ask[0], answer[1])
    os.close(answer[1])
    data = b""
    while part := os.read(answer[0], 65536):
        data += part
    size = struct.unpack_from("<I", data)[0]
    status, columns, chunks, error, _ = marshal.loads(data[4 : 4 + size])
    assert (status, columns, error) == ("ok", ("id",), None)
    assert [row for chunk in chunks for row in marshal.loads(chunk)] == [(0,), (1,)]
    assert marshal.loads(data[8 + size :])[0] == "error"
    os.close(ask[0])
    os.close(answer[0])
