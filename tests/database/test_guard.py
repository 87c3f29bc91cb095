from __future__ import annotations

import json
from pathlib import Path

import pytest

from sqlforge.database.guard import refusal

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "guard"
CASES = json.loads((FIXTURES / "statements.json").read_text("utf-8"))


@pytest.mark.parametrize(("dialect", "sql"), CASES["reading"])
def test_a_query_that_reads_is_let_through(dialect: str, sql: str) -> None:
    assert refusal(sql, dialect) is None


@pytest.mark.parametrize(("dialect", "sql"), CASES["refused"])
def test_whatever_is_not_one_query_that_reads_is_refused(dialect: str, sql: str) -> None:
    assert refusal(sql, dialect) is not None
