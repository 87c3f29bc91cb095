"""What an answer is worth, and which golds it is measured by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from sqlforge.core.records import Database, Example, Reward
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.score.reward import Golds, Referee

SCHEMA = Schema((Table("t", (Column("a", "INT"), Column("b", "TEXT"))),))
SLOW = "SELECT count(*) FROM t x, t y, t z, t u, t v, t w, t q, t r, t s, t o, t p, t n, t m, t l"
GOLDS = (
    ("spider", "SELECT a FROM t"),
    ("spider", "SELECT nothing FROM t"),
    ("spider", "SELECT a FROM t WHERE a > 99"),
    ("sqlforge-synthetic", "SELECT max(a) FROM t WHERE a > 99"),
    ("sqlforge-synthetic", "SELECT DISTINCT b FROM t"),
)


@pytest.fixture(scope="module")
def referee(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Referee]:
    path = tmp_path_factory.mktemp("rows") / "t.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (a INT, b TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(n, "xy"[n % 2]) for n in range(9)])
    examples = [Example(str(n), "?", g, "t", s, "none") for n, (s, g) in enumerate(GOLDS)]
    database = {"t": Database("t", SCHEMA, path)}
    with Referee(examples, database, seconds=0.3, runs_reward=0.1) as found:
        assert found.check() == Golds(usable=(0, 4), failing=1, empty=2)
        yield found


@pytest.mark.parametrize(
    ("number", "sql", "expected"),
    [
        (0, "SELECT a FROM t ORDER BY a DESC", Reward(1.0, right=True, ran=True)),
        (0, "SELECT DISTINCT a FROM t", Reward(1.0, right=True, ran=True)),
        (0, "SELECT b FROM t", Reward(0.1, ran=True)),
        (0, "SELECT a FROM nowhere", Reward(0.0)),
        (0, "DROP TABLE t", Reward(0.0)),
        (0, SLOW, Reward(0.0, timed_out=True)),
        (4, "SELECT b FROM t GROUP BY b", Reward(1.0, right=True, ran=True)),
        (4, "SELECT b FROM t", Reward(0.1, ran=True)),
    ],
)
def test_an_answer_is_worth_what_its_result_says(
    number: int, sql: str, expected: Reward, referee: Referee
) -> None:
    assert referee.judge([(number, sql)]) == [expected]
