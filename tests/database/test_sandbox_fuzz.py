"""Statements made up by the thousand: none crashes a worker, hangs it or changes the file.

See :mod:`database.made_up_sql` for how they are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from database.attacks import state_of
from database.made_up_sql import SENTENCES, TEXTS
from sqlforge.core.records import Database, Status
from sqlforge.database.sandbox import Limits, Sandbox

LIMITS = Limits(seconds=0.3, grace=2.0, rows=2_000, bytes=2**20, memory=400 * 2**20)
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=12_000)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as sandbox:
        yield sandbox


def harmless(sandbox: Sandbox, shop: Database, shop_file: Path, sql: str) -> None:
    before = state_of(shop_file)
    result = sandbox.run(shop, sql)
    assert result.ok or result.error
    assert result.status is not Status.CRASHED, sql
    assert not (result.error or "").startswith("killed"), sql
    assert "hidden" not in repr(result.rows)
    assert sandbox.run(shop, "SELECT count(*) FROM shop").rows == ((30,),)
    assert state_of(shop_file) == before


@QUICK
@given(sql=TEXTS | SENTENCES)
def test_no_statement_harms_the_database(
    sandbox: Sandbox, shop: Database, shop_file: Path, sql: str
) -> None:
    harmless(sandbox, shop, shop_file, sql)


@pytest.mark.soak
@LONG
@given(sql=TEXTS | SENTENCES)
def test_twelve_thousand_statements_leave_the_database_as_it_was(
    sandbox: Sandbox, shop: Database, shop_file: Path, sql: str
) -> None:
    harmless(sandbox, shop, shop_file, sql)
