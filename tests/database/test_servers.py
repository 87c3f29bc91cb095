"""Real servers, and a DuckDB file: queries that only read, and questions made about them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import servers
from own_shop import SECRET, fill
from sqlforge.core.errors import DatabaseError
from sqlforge.core.records import Status
from sqlforge.core.schema import ForeignKey
from sqlforge.corpus.store import read_databases, read_examples
from sqlforge.database.place import place_of
from sqlforge.database.remote import RemoteDatabase, RemoteLimits
from sqlforge.database.sandbox import Sandbox
from sqlforge.stages.synth import synth_database

pytestmark = pytest.mark.xdist_group("servers")
LIMITS = RemoteLimits(seconds=1.0, rows=1000, bytes=200_000)


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Server]:
    psycopg = pytest.importorskip("psycopg", reason="the extra 'databases' is not installed")
    with servers.postgres() as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            fill("postgres", "%s", connection.execute, connection.cursor().executemany)
            connection.execute("CREATE SEQUENCE counter")
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[servers.Server]:
    pytest.importorskip("pymysql", reason="the extra 'databases' is not installed")
    with servers.mariadb() as server:
        with mysql_connection(server) as connection:
            cursor = connection.cursor()
            fill("mysql", "%s", cursor.execute, cursor.executemany)
        yield server


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> servers.Server:
    found: servers.Server = request.getfixturevalue(request.param)
    return found


def mysql_connection(server: servers.Server) -> Any:
    import pymysql

    return pymysql.connect(
        host=server.host, port=server.port, user="tester", password=servers.PASSWORD,
        database="shop", autocommit=True,
    )  # fmt: skip


def everything(server: servers.Server) -> list[tuple[Any, ...]]:
    """All rows of all tables, read with the server's own driver."""
    tables = ("cust", "staff", "order_line", "prod", "empty_one")
    if server.url.startswith("mysql"):
        with mysql_connection(server) as connection:
            cursor = connection.cursor()
            cursor.execute("SHOW TABLES")
            found = list(cursor.fetchall())
            for table in tables:
                cursor.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
                found += cursor.fetchall()
            return found
    import psycopg

    with psycopg.connect(server.url) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        ).fetchall()
        for table in tables:
            found += connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        return found


def test_a_query_gives_rows_of_plain_values(server: servers.Server) -> None:
    with RemoteDatabase(place_of(server.url), LIMITS) as database:
        result = database.run("SELECT credit_lmt, cust_nm FROM cust WHERE cust_nm LIKE 'A%r'")
        assert result.ok and result.columns == ("credit_lmt", "cust_nm")
        assert result.rows and all(isinstance(row[0], float | int) for row in result.rows)
        (placed,) = database.run("SELECT MIN(placed_at) FROM " + name("order", server)).rows
        assert isinstance(placed[0], str) and placed[0][:3] == "202"


def name(table: str, server: servers.Server) -> str:
    return f"`{table}`" if server.url.startswith("mysql") else f'"{table}"'


def test_what_goes_wrong_is_a_value_and_the_connection_lives_on(server: servers.Server) -> None:
    slow = "SELECT COUNT(*) FROM cust a, cust b, cust c, cust d, cust e, cust f"
    with RemoteDatabase(place_of(server.url), LIMITS) as database:
        for sql, status in (
            ("SELECT nothing FROM cust", Status.ERROR),
            ("SELECT * FROM nowhere", Status.ERROR),
            (slow, Status.TIMEOUT),
            ("SELECT a.* FROM cust a, cust b", Status.TOO_LARGE),
            ("SELECT REPEAT('x', 300000)", Status.TOO_LARGE),
            ("DELETE FROM cust", Status.DENIED),
        ):
            result = database.run(sql)
            assert (result.status, result.rows) == (status, ()), (sql, result.error)
            assert result.error and servers.PASSWORD not in result.error
            assert result.seconds < 5
        assert database.run("SELECT COUNT(*) FROM cust").rows == ((60,),)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM cust",
        "UPDATE cust SET city = 'x'",
        "CREATE TABLE more (a INTEGER)",
        "DROP TABLE empty_one",
        "SELECT 1; COMMIT; DELETE FROM cust",
        "SELECT nextval('counter')",
        "SELECT setval('counter', 99)",
        "COMMIT",
    ],
)
def test_behind_the_guard_the_server_itself_refuses_to_write(
    sql: str, server: servers.Server
) -> None:
    before = everything(server)
    with RemoteDatabase(place_of(server.url), LIMITS) as database:
        link = database._link  # the guard is left out on purpose
        try:
            with link.rows(sql, 1.0) as (_, chunks):
                list(chunks)
        except link.faults:
            pass
        assert database.run("SELECT COUNT(*) FROM cust").rows == ((60,),)
    assert everything(server) == before


def test_the_schema_has_keys_references_and_views(server: servers.Server) -> None:
    with RemoteDatabase(place_of(server.url), LIMITS) as database:
        schema = database.schema()
    line, order = schema.table("order_line"), schema.table("order")
    assert line is not None and order is not None
    assert [c.name for c in line.columns if c.primary_key] == ["order_id", "line_no"]
    assert ForeignKey(("cust_id",), "cust", ("cust_id",)) in order.foreign_keys
    assert schema.table("big_spenders") is not None


def test_questions_about_a_server_are_executed_there_and_change_nothing(
    server: servers.Server, tmp_path: Path
) -> None:
    before = everything(server)
    facts = synth_database(server.url, tmp_path / "out", n=250, seed=3)
    assert everything(server) == before
    assert facts["executed_on"] == {"database": 250, "sample": 0}
    covered: Any = facts["covered"]
    assert covered["tables"] == {"asked": 6, "of": 6}
    assert covered["columns"]["asked"] == covered["columns"]["of"]
    parts = [tmp_path / "out" / f"{part}.jsonl" for part in ("train", "validation", "test")]
    golds = [example.sql for part in parts for example in read_examples(part)]
    with RemoteDatabase(place_of(server.url), LIMITS) as database:
        assert all(database.run(sql).ok for sql in golds)
    (record,) = read_databases(tmp_path / "out" / "databases.jsonl").values()
    assert record.path is not None and record.schema.dialect in ("postgres", "mysql")
    with Sandbox() as sandbox:  # its sample of rows can be asked in the server's own words
        assert all(result.ok for result in sandbox.run_many((record, sql) for sql in golds))
    written = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    for secret in (SECRET, servers.PASSWORD, "s3cr3t"):
        assert secret.encode() not in written + json.dumps(facts).encode()


def test_a_server_that_is_not_there_ends_in_one_sentence_without_the_password() -> None:
    pytest.importorskip("psycopg", reason="the extra 'databases' is not installed")
    pytest.importorskip("pymysql", reason="the extra 'databases' is not installed")
    for backend in ("postgresql", "mysql"):
        place = place_of(f"{backend}://ann:pa55w0rd@127.0.0.1:1/shop")
        with pytest.raises(DatabaseError, match="can be reached") as caught:
            RemoteDatabase(place)
        assert "pa55w0rd" not in str(caught.value)


def test_a_wrong_password_is_not_repeated(server: servers.Server) -> None:
    wrong = server.url.replace("s3cr3t", "wr0ng")
    with pytest.raises(DatabaseError) as caught:
        RemoteDatabase(place_of(wrong))
    assert "wr0ng" not in str(caught.value)


def test_duckdb_reads_its_own_file_and_nothing_else(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the extra 'databases' is not installed")
    file, text = tmp_path / "shop.duckdb", tmp_path / "secret.csv"
    text.write_text("a,b\n1,2\n", "utf-8")
    connection = duckdb.connect(str(file))
    fill("duckdb", "?", connection.execute, connection.executemany)
    connection.close()
    before = file.read_bytes()
    with RemoteDatabase(place_of(str(file)), LIMITS) as database:
        assert database.run("SELECT COUNT(*) FROM cust").rows == ((60,),)
        for sql, status in (
            (f"SELECT * FROM '{text}'", Status.ERROR),
            (f"SELECT * FROM read_csv('{text}')", Status.DENIED),
            ("SELECT COUNT(*) FROM range(100000000000) a", Status.TIMEOUT),
            ("SELECT * FROM range(100000)", Status.TOO_LARGE),
            ("DROP TABLE cust", Status.DENIED),
        ):
            assert database.run(sql).status is status, sql
        with pytest.raises(database._link.faults), database._link.rows("DROP TABLE cust", 1.0):
            pass
        assert database.run("SELECT COUNT(*) FROM cust").rows == ((60,),)
    assert file.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret.csv", "shop.duckdb"]


def test_a_large_table_of_a_server_is_sampled(postgres: servers.Server, tmp_path: Path) -> None:
    import psycopg

    name = "hits"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE {name} AS SELECT md5(i::text) AS page_code, i % 7 AS floor,"
            " i % 900 AS seconds FROM generate_series(1, 250000) AS g(i)"
        )
        connection.execute(f"ANALYZE {name}")
        connection.execute("CREATE TABLE more_hits (id INTEGER PRIMARY KEY, seconds INTEGER)")
        connection.execute(
            "INSERT INTO more_hits SELECT i, i % 90 FROM generate_series(1, 250000) g(i)"
        )
    try:
        facts = synth_database(postgres.url, tmp_path / "out", n=80, seed=3)
    finally:
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute(f"DROP TABLE {name}")
            connection.execute("DROP TABLE more_hits")
    executed: Any = facts["executed_on"]
    assert executed["sample"] > 0 and executed["database"] > 0
    (record,) = read_databases(tmp_path / "out" / "databases.jsonl").values()
    with sqlite3.connect(str(record.path)) as copy:
        for table, column in (("hits", "page_code"), ("more_hits", "id")):
            (rows,) = copy.execute(f"SELECT COUNT(DISTINCT {column}) FROM {table}").fetchone()
            assert 1000 < rows <= 4000
        assert copy.execute("SELECT MAX(id) FROM more_hits").fetchone()[0] > 200_000


def test_a_large_duckdb_table_is_sampled(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="the extra 'databases' is not installed")
    file = tmp_path / "large.duckdb"
    connection = duckdb.connect(str(file))
    connection.execute(
        "CREATE TABLE visit AS SELECT 'page ' || (i % 40) AS page, i % 900 AS seconds,"
        " DATE '2020-01-01' + (i % 700)::INTEGER AS seen_on FROM range(250000) t(i)"
    )
    connection.close()
    facts = synth_database(str(file), tmp_path / "out", n=100, seed=3)
    assert facts["executed_on"] == {"database": 0, "sample": 100}
    again = synth_database(str(file), tmp_path / "again", n=100, seed=3)
    assert again["kinds"] == facts["kinds"]
