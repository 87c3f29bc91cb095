"""The internal split: canonical SQL, validity from DDL alone, execution where rows exist."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.database.ddl import schema_from_ddl
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.judge import judge

DDL = """
CREATE TABLE head ("Born state" TEXT, age INTEGER, department_id INTEGER);
CREATE TABLE department (id INTEGER PRIMARY KEY, name TEXT, budget REAL);
INSERT INTO department VALUES (1, 'ignored', 2.0);
"""
GOLD = "SELECT name FROM department WHERE budget > 5 AND id = 3"


def one(sql: str, database: Database, sandbox: Sandbox, gold: str = GOLD) -> Verdict:
    example = Example("1", "?", gold, database.db_id, "spider", "CC0-1.0")
    databases: Mapping[str, Database] = {database.db_id: database}
    prediction = Prediction("1", sql, sql)
    return judge([example], [prediction], databases, sandbox, match="internal")[0]


@pytest.fixture(scope="module")
def ddl_only() -> Database:
    return Database("ddl", schema_from_ddl(DDL))


@pytest.mark.parametrize(
    ("sql", "valid", "error"),
    [
        ("SELECT name FROM department", True, None),
        ('SELECT "Born state" FROM head', True, None),
        ("SELECT T1.age FROM head T1 JOIN department T2 ON T1.department_id = T2.id", True, None),
        ("WITH d AS (SELECT id AS key FROM department) SELECT key FROM d", True, None),
        ("SELECT max(age) FROM head WHERE age IN (SELECT id FROM department)", True, None),
        ('SELECT "nonsense" FROM department', False, "unknown column: nonsense"),
        ("SELECT name FROM department WHERE \"citty\" = 'x'", False, "unknown column: citty"),
        ('SELECT name FROM department ORDER BY "nam"', False, "unknown column: nam"),
        ('SELECT name FROM department GROUP BY "x"', False, "unknown column: x"),
        ("SELECT T9.name FROM department T1", False, "unknown column: T9.name"),
        ('SELECT name FROM "departments"', False, "unknown table: departments"),
        ("SELECT id FROM head", False, "unknown column: id"),
        ("SELECT name FROM department UNION SELECT age, 1 FROM head", False, "database error"),
        ("SELECT name FROM", False, "does not parse"),
    ],
)
def test_validity_is_decided_from_ddl_alone(
    ddl_only: Database, sandbox: Sandbox, sql: str, valid: bool, error: str | None
) -> None:
    verdict = one(sql, ddl_only, sandbox)
    assert verdict.valid is valid
    assert verdict.execution is None
    assert (verdict.error or "").startswith(error or "")
    assert (verdict.error is None) is valid


@pytest.mark.parametrize(
    ("sql", "exact"),
    [
        (GOLD, True),
        ("select T1.name from Department as T1 where (T1.budget > 5) and id = 3;", True),
        ("SELECT name FROM department WHERE id = 3 AND budget > 5", False),
        ("SELECT name FROM department WHERE budget > 5.0 AND id = 3", False),
    ],
)
def test_exact_match_is_equality_of_canonical_sql_whatever_the_source(
    ddl_only: Database, sandbox: Sandbox, sql: str, exact: bool
) -> None:
    assert one(sql, ddl_only, sandbox).exact is exact


def test_rows_are_executed_where_they_exist(shop: Database, sandbox: Sandbox) -> None:
    gold = "SELECT DISTINCT city FROM shop"
    assert one("SELECT city FROM shop GROUP BY city", shop, sandbox, gold).execution is True
    assert one("SELECT city FROM shop", shop, sandbox, gold).execution is False
