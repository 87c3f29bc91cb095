from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from database.attacks import ATTACKS, COUNT, state_of
from sqlforge.core.records import Database, Status
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.database.sandbox import BATCH, HELD_BYTES, Limits, Sandbox
from sqlforge.database.sandbox_batch import Timing

# A second each, so that on a busy machine too an attack on size meets the limit on size first.
LIMITS = Limits(seconds=1.0, grace=1.0, rows=2_000, bytes=2**20, memory=400 * 2**20)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as sandbox:
        yield sandbox


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_as_a_verdict_and_the_next_query_runs(
    name: str, sandbox: Sandbox, shop: Database, shop_file: Path
) -> None:
    sql, expected = ATTACKS[name]
    before, started = state_of(shop_file), time.perf_counter()
    result = sandbox.run(shop, sql.replace("{folder}", str(shop_file.parent)))
    assert result.status in expected, result
    assert result.rows == ()
    assert result.error
    assert time.perf_counter() - started < 4 * (LIMITS.seconds + LIMITS.grace)
    assert sandbox.run(shop, "SELECT count(*) FROM shop").rows == ((30,),)
    assert state_of(shop_file) == before


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) FROM shop;", ((30,),)),
        ("SELECT name FROM shop WHERE id = 3 -- the third;\n;", (("Shop 3",),)),
        ("WITH s AS (SELECT id FROM shop) SELECT count(*) FROM s", ((30,),)),
        ("SELECT count(*) FROM (SELECT 1 UNION SELECT 2) AS secret_free", ((2,),)),
        ("VALUES (1, NULL, 2.5, x'00')", ((1, None, 2.5, b"\0"),)),
        ("SELECT max(amount) FROM big_sale", ((49.5,),)),
        ("SELECT note FROM sale WHERE id = 7", (("AB",),)),
        ("SELECT value FROM json_each('[1, 2]')", ((1,), (2,))),
        ("SELECT group_concat(x) FROM (SELECT 'a;b' AS x)", (("a;b",),)),
        ("SELECT row_number() OVER (ORDER BY id DESC) FROM shop LIMIT 1", ((1,),)),
        ("SELECT 'é', '\U0001f600'", (("é", "\U0001f600"),)),
        ("SELECT 1 WHERE 0", ()),
    ],
)
def test_an_honest_query_gets_its_rows(
    sandbox: Sandbox, shop: Database, sql: str, rows: tuple[tuple[object, ...], ...]
) -> None:
    result = sandbox.run(shop, sql)
    assert (result.status, result.rows, result.error) == (Status.OK, rows, None)


def test_columns_and_time_are_told(sandbox: Sandbox, shop: Database) -> None:
    result = sandbox.run(shop, "SELECT id AS a, name FROM shop LIMIT 1")
    assert result.columns == ("a", "name")
    assert 0 < result.seconds < LIMITS.seconds


@pytest.mark.parametrize("timing", [Timing.WARM, Timing.COLD])
def test_a_timed_run_tells_seconds_and_no_rows(
    sandbox: Sandbox, shop: Database, timing: Timing
) -> None:
    slow = COUNT + "SELECT count(*) FROM (SELECT x FROM c LIMIT 100000)"
    items = [(shop, "SELECT name FROM shop"), (shop, slow), (shop, "SELECT nope"), (shop, "")]
    quick, long, wrong, empty = sandbox.run_many(items, timing=timing)
    assert (quick.status, quick.columns, quick.rows) == (Status.OK, ("name",), ())
    assert 0 < quick.seconds < long.seconds
    assert (wrong.status, empty.status) == (Status.ERROR, Status.ERROR)
    assert sandbox.run(shop, "SELECT 1").rows == ((1,),)


def test_a_timed_run_ends_at_its_deadline(sandbox: Sandbox, shop: Database) -> None:
    (result,) = sandbox.run_many([(shop, COUNT + "SELECT count(*) FROM c")], timing=Timing.COLD)
    assert result.status is Status.TIMEOUT


def test_a_wrong_name_is_an_error_not_a_denial(sandbox: Sandbox, shop: Database) -> None:
    result = sandbox.run(shop, "SELECT nope FROM shop")
    assert (result.status, result.error) == (Status.ERROR, "no such column: nope")


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(shop: Database, workers: int) -> None:
    slow = COUNT + "SELECT count(*) FROM (SELECT x FROM c LIMIT 40000)"
    n = 5 * BATCH + 7
    items = [(shop, slow if i % 50 == 0 else f"SELECT {i}") for i in range(n)]
    with Sandbox(LIMITS, workers=workers) as sandbox:
        rows = [result.rows[0][0] for result in sandbox.run_many(items)]
    assert rows == [40000 if i % 50 == 0 else i for i in range(n)]


def test_a_killed_query_does_not_take_its_batch_with_it(shop: Database) -> None:
    hang, _ = ATTACKS["two gigabytes of padding"]
    items = [(shop, hang if i == 2 else f"SELECT {i}") for i in range(6)]
    limits = Limits(seconds=0.2, grace=0.1, bytes=2**31 - 2, memory=4 * 2**30)
    with Sandbox(limits) as sandbox:
        results = list(sandbox.run_many(items))
    assert [r.ok for r in results] == [True, True, False, True, True, True]
    assert results[2].status in (Status.TIMEOUT, Status.TOO_LARGE)


def test_a_worker_that_dies_is_replaced(shop: Database) -> None:
    with Sandbox(LIMITS, workers=2) as sandbox:
        assert sandbox.run(shop, "SELECT 1").ok
        process = sandbox._workers[0]._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        statuses = [r.status for r in sandbox.run_many([(shop, "SELECT 1")] * 3)]
        assert statuses == [Status.CRASHED, Status.OK, Status.OK]


def test_a_query_whose_worker_dies_is_crashed(shop: Database) -> None:
    with Sandbox(Limits(seconds=10)) as sandbox:
        results = sandbox.run_many(
            [(shop, "SELECT 1")] * BATCH + [(shop, COUNT + "SELECT count(*) FROM c")]
        )
        for _ in range(BATCH):
            next(results)
        process = sandbox._workers[0]._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        assert next(results).status is Status.CRASHED


def test_large_results_wait_in_their_workers_not_here(shop: Database) -> None:
    slow = COUNT + "SELECT count(*) FROM (SELECT x FROM c LIMIT 3000000)"
    large = "SELECT hex(zeroblob(100000)) FROM shop"  # 6 MB
    fed: list[str] = []

    def items() -> Iterator[tuple[Database, str]]:
        for sql in [slow, *["SELECT 1"] * (BATCH - 1), *[large] * (3 * BATCH)]:
            fed.append(sql)
            yield shop, sql

    with Sandbox(Limits(bytes=2**24), workers=2) as sandbox:
        results = sandbox.run_many(items())
        assert next(results).ok
        batch = sandbox._workers[1].batch
        assert batch is not None
        assert batch.held < HELD_BYTES + 2**24
        assert len(fed) <= 3 * BATCH  # the second worker waits in the middle of its first batch
        assert sum(result.ok for result in results) == 4 * BATCH - 1


def test_an_abandoned_iteration_leaves_the_sandbox_usable(sandbox: Sandbox, shop: Database) -> None:
    results = sandbox.run_many((shop, f"SELECT {i}") for i in range(1000))
    assert next(results).rows == ((0,),)
    results.close()
    assert sandbox.run(shop, "SELECT 2").rows == ((2,),)


def test_two_iterations_do_not_mix(sandbox: Sandbox, shop: Database) -> None:
    first = sandbox.run_many((shop, f"SELECT {i}") for i in range(3 * BATCH))
    next(first)
    with pytest.raises(RuntimeError, match="still busy"):
        sandbox.run(shop, "SELECT 1")
    done = sandbox.run_many([(shop, "SELECT 1")])
    list(first)
    next(done)
    assert sandbox.run(shop, "SELECT 5").ok
    with pytest.raises(RuntimeError, match="taken"):
        next(done)


def test_items_without_rows_or_too_long_need_no_worker() -> None:
    sandbox = Sandbox()
    empty = Database("none", Schema(()))
    assert sandbox.run(empty, "SELECT 1").error == "no rows here"
    assert sandbox._workers[0]._process is None
    assert list(sandbox.run_many([])) == []


def test_missing_and_foreign_files_are_errors(sandbox: Sandbox, tmp_path: Path) -> None:
    gone = Database("gone", Schema(()), tmp_path / "gone.sqlite")
    assert sandbox.run(gone, "SELECT 1").status is Status.ERROR
    (tmp_path / "bad.sqlite").write_bytes(b"something else" * 100)
    bad = Database("bad", Schema(()), tmp_path / "bad.sqlite")
    assert sandbox.run(bad, "SELECT 1").error == "file is not a database"
    assert [p.name for p in tmp_path.iterdir()] == ["bad.sqlite"]


def test_a_changed_file_is_read_anew(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    database = Database("t", Schema((Table("t", (Column("a", ""),)),)), path)
    for value in (1, 2):
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        connection.executescript(f"CREATE TABLE t (a); INSERT INTO t VALUES ({value})")
        connection.close()
        assert sandbox.run(database, "SELECT a FROM t").rows == ((value,),)


def test_more_databases_than_cached_connections(sandbox: Sandbox, tmp_path: Path) -> None:
    items = []
    for i in range(40):
        path = tmp_path / f"{i}.sqlite"
        connection = sqlite3.connect(path)
        connection.executescript(f"CREATE TABLE t{i} (a); INSERT INTO t{i} VALUES ({i})")
        connection.close()
        schema = Schema((Table(f"T{i}", (Column("a", ""),)),))
        items.append((Database(str(i), schema, path), f"SELECT a FROM t{i}"))
    results = sandbox.run_many(items * 2)
    assert [r.rows[0][0] for r in results] == [*range(40), *range(40)]
