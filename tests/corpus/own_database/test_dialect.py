from __future__ import annotations

import pytest

from sqlforge.corpus.own_database.dialect import written

GROUPED = "SELECT T1.name, COUNT(*) FROM a AS T1 JOIN b AS T2 ON T1.id = T2.a_id GROUP BY T1.id"


@pytest.mark.parametrize(
    ("sql", "dialect", "expected"),
    [
        ("SELECT x FROM t WHERE y NOT IN (1)", "postgres", "SELECT x FROM t WHERE y NOT IN (1)"),
        ("SELECT x FROM t WHERE y IS NOT NULL", "mysql", "SELECT x FROM t WHERE y IS NOT NULL"),
        ('SELECT "aB" FROM t', "postgres", 'SELECT "aB" FROM t'),
        ("SELECT firstName FROM t", "postgres", 'SELECT "firstName" FROM t'),
        ('SELECT "group" FROM "order"', "mysql", "SELECT `group` FROM `order`"),
        ("SELECT x FROM t ORDER BY x DESC LIMIT 1", "postgres",
         "SELECT x FROM t ORDER BY x DESC LIMIT 1"),
        ("SELECT x FROM t ORDER BY x", "duckdb", "SELECT x FROM t ORDER BY x"),
        ("SELECT x FROM t WHERE strftime('%Y', d) = '2019' OR x = 1", "mysql",
         "SELECT x FROM t WHERE (d >= '2019-01-01' AND d < '2020-01-01') OR x = 1"),
        (GROUPED, "duckdb", GROUPED + ", T1.name"),
        (GROUPED, "sqlite", GROUPED),
    ],
)  # fmt: skip
def test_a_query_is_written_as_the_dialect_wants_it(sql: str, dialect: str, expected: str) -> None:
    assert written(sql, dialect).sql == expected


def test_two_queries_that_differ_in_values_have_one_shape() -> None:
    one, two = (written(f"SELECT a FROM t WHERE b = {v}", "sqlite") for v in ("1", "'x'"))
    assert one.shape == two.shape
    assert one.shape != written("SELECT a FROM t WHERE c = 1", "sqlite").shape


def test_a_join_for_nothing_but_its_own_column_is_seen() -> None:
    idle = "SELECT T1.x FROM a AS T1 JOIN b AS T2 ON T1.k = T2.k WHERE T2.k = 'v'"
    assert written(idle, "sqlite").joins_idly
    assert not written(idle.replace("T2.k = 'v'", "T2.z = 'v'"), "sqlite").joins_idly
    assert not written(GROUPED, "sqlite").joins_idly
