from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqlforge.core.records import Database, Status
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.database.sandbox import BATCH, Limits, Sandbox

# A second each, so that on a busy machine too an attack on size meets the limit on size first.
LIMITS = Limits(seconds=1.0, grace=1.0, rows=2_000, bytes=2**20, memory=400 * 2**20)
COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "
DOUBLING = "WITH c0(a) AS (SELECT 1)" + "".join(
    f", c{i}(a) AS (SELECT x.a FROM c{i - 1} x JOIN c{i - 1} y)" for i in range(1, 30)
)

ATTACKS: dict[str, tuple[str, set[Status]]] = {
    "infinite recursion": (COUNT + "SELECT count(*) FROM c", {Status.TIMEOUT}),
    "infinite rows": (COUNT + "SELECT x FROM c", {Status.TOO_LARGE}),
    "ten-way cross join": (
        "SELECT count(*) FROM " + ", ".join(f"sale s{i}" for i in range(10)),
        {Status.TIMEOUT},
    ),
    "sorting a cross join": (
        "SELECT a.id FROM sale a, sale b, sale c, sale d ORDER BY random()",
        {Status.TIMEOUT, Status.TOO_LARGE},
    ),
    "two gigabytes of zeroes": ("SELECT zeroblob(2000000000)", {Status.TOO_LARGE}),
    "two gigabytes of padding": (
        "SELECT printf('%.*c', 2000000000, 'x')",
        {Status.TIMEOUT, Status.TOO_LARGE},
    ),
    "many large cells": (
        "SELECT hex(zeroblob(500000)), hex(zeroblob(500000)) FROM sale",
        {Status.TOO_LARGE},
    ),
    "large aggregate": (
        "SELECT group_concat(hex(zeroblob(100000))) FROM sale",
        {Status.TOO_LARGE},
    ),
    "memory by sorting": (
        "SELECT a.id, hex(randomblob(200000)) AS h FROM sale a, sale b ORDER BY h",
        {Status.TOO_LARGE, Status.TIMEOUT},
    ),
    "deep parentheses": ("SELECT " + "(" * 50_000 + "1" + ")" * 50_000, {Status.ERROR}),
    "deep expression": ("SELECT 1" + " + 1" * 100_000, {Status.ERROR}),
    "deep subqueries": ("SELECT * FROM (" * 3000 + "SELECT 1" + ")" * 3000, {Status.ERROR}),
    "a billion copies": (DOUBLING + " SELECT a FROM c29", {Status.TIMEOUT, Status.TOO_LARGE}),
    "five megabytes": ("SELECT '" + "x" * 5_000_000 + "'", {Status.ERROR}),
    "a NUL byte": ("SELECT 'a\0b'", {Status.ERROR}),
    "a lone surrogate": ("SELECT '\ud800'", {Status.ERROR}),
    "nothing": ("", {Status.ERROR}),
    "a comment": ("-- nothing", {Status.ERROR}),
    "two statements": ("SELECT 1; DROP TABLE shop", {Status.ERROR}),
    "a parameter": ("SELECT ?", {Status.ERROR}),
    "drop": ("DROP TABLE shop", {Status.DENIED}),
    "delete": ("DELETE FROM shop", {Status.DENIED}),
    "delete behind WITH": ("WITH c AS (SELECT 1) DELETE FROM shop", {Status.DENIED}),
    "insert": ("INSERT INTO shop VALUES (99, 'x', 'y')", {Status.DENIED}),
    "update": ("UPDATE shop SET name = 'x'", {Status.DENIED}),
    "create": ("CREATE TABLE mine (a)", {Status.DENIED}),
    "create in memory": ("CREATE TEMP TABLE mine AS SELECT * FROM secret", {Status.DENIED}),
    "attach": ("ATTACH '{folder}/new.sqlite' AS x", {Status.DENIED}),
    "vacuum into": ("VACUUM INTO '{folder}/copy.sqlite'", {Status.DENIED}),
    "begin": ("BEGIN EXCLUSIVE", {Status.DENIED}),
    "pragma": ("PRAGMA writable_schema = 1", {Status.DENIED}),
    "pragma as a table": ("SELECT * FROM pragma_database_list", {Status.DENIED}),
    "database pages": ("SELECT * FROM sqlite_dbpage", {Status.ERROR, Status.DENIED}),
    "the schema table": ("SELECT sql FROM sqlite_master", {Status.DENIED}),
    "rows of the schema table": ("SELECT count(*) FROM sqlite_schema", {Status.DENIED}),
    "another database's table": ("SELECT word FROM secret", {Status.DENIED}),
    "its row count": ("SELECT count(*) FROM main.secret", {Status.DENIED}),
    "it in a subquery": ("SELECT (SELECT max(word) FROM secret)", {Status.DENIED}),
    "it behind a view": ("SELECT * FROM leak", {Status.DENIED}),
    "it behind a view's name": (
        "WITH big_sale AS (SELECT word FROM secret) SELECT * FROM big_sale",
        {Status.DENIED},
    ),
    "reading a file": ("SELECT readfile('/etc/passwd')", {Status.ERROR, Status.DENIED}),
    "writing a file": ("SELECT writefile('{folder}/x', 'x')", {Status.ERROR, Status.DENIED}),
    "an extension": ("SELECT load_extension('evil')", {Status.ERROR, Status.DENIED}),
    "a tokenizer": ("SELECT fts3_tokenizer('simple')", {Status.ERROR, Status.DENIED}),
    "a long pattern": (f"SELECT 'a' LIKE '{'%a' * 5000}'", {Status.ERROR}),
    "wide compound": (" UNION ALL ".join(["SELECT 1"] * 5000), {Status.ERROR}),
    "overflow": ("SELECT abs(-9223372036854775808)", {Status.ERROR}),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as sandbox:
        yield sandbox


def state_of(path: Path) -> tuple[str, list[str]]:
    names = sorted(p.name for p in path.parent.iterdir())
    return hashlib.sha256(path.read_bytes()).hexdigest(), names


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


def test_an_abandoned_iteration_leaves_the_sandbox_usable(sandbox: Sandbox, shop: Database) -> None:
    results = sandbox.run_many((shop, f"SELECT {i}") for i in range(1000))
    assert next(results).rows == ((0,),)
    results.close()  # type: ignore[attr-defined]
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


PIECES = st.sampled_from(
    """SELECT FROM WHERE shop sale secret id name amount * , ( ) ' " ; -- /* */ = 1 0 NULL
    UNION JOIN ON WITH c AS DELETE UPDATE SET PRAGMA ATTACH DROP TABLE ORDER BY LIMIT IN
    sqlite_master count(*) max( x'00' ` [ ] % LIKE EXISTS CASE WHEN THEN END""".split()
)


TEXTS = st.one_of(st.lists(PIECES, max_size=25).map(" ".join), st.text(max_size=60))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_no_text_harms_the_database(
    sandbox: Sandbox, shop: Database, shop_file: Path, sql: str
) -> None:
    _harmless(sandbox, shop, shop_file, sql)


@pytest.mark.soak
@settings(max_examples=12_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS)
def test_twelve_thousand_texts_leave_the_database_as_it_was(
    sandbox: Sandbox, shop: Database, shop_file: Path, sql: str
) -> None:
    _harmless(sandbox, shop, shop_file, sql)


def _harmless(sandbox: Sandbox, shop: Database, shop_file: Path, sql: str) -> None:
    before = state_of(shop_file)
    result = sandbox.run(shop, sql)
    assert result.ok or result.error
    assert "hidden" not in repr(result.rows)
    assert state_of(shop_file) == before
