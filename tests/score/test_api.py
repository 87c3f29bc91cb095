"""The scorer as a library."""

from __future__ import annotations

from pathlib import Path

import pytest

import sqlforge.score
from published import write_tiny_spider
from sqlforge.core.errors import DatabaseError, GoldError
from sqlforge.core.records import Database
from sqlforge.database.sandbox import Sandbox
from sqlforge.score import score_file, score_pair

GOLD = "SELECT name FROM shop WHERE city = 'Oslo'"


def test_a_database_may_be_a_path_a_text_or_a_record(shop: Database, sandbox: Sandbox) -> None:
    assert shop.path is not None
    for database in (shop, shop.path, str(shop.path)):
        verdict = score_pair(GOLD, "SELECT name FROM shop WHERE id <> 2", database, sandbox=sandbox)
        assert (verdict.execution, verdict.exact, verdict.parsed) == (True, False, False)
        assert verdict.kind == "easy"


def test_golds_beyond_the_official_language_need_the_strict_mode(
    shop: Database, sandbox: Sandbox
) -> None:
    gold = "SELECT name FROM shop AS s WHERE city IS NOT NULL"
    with pytest.raises(GoldError, match="cannot be read"):
        score_pair(gold, gold, shop, sandbox=sandbox)
    verdict = score_pair(gold, gold, shop, match="strict", sandbox=sandbox)
    assert verdict.execution and verdict.exact and verdict.kind is None


def test_a_gold_that_fails_and_a_file_that_is_gone_are_named(
    shop: Database, sandbox: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(GoldError, match="no such column"):
        score_pair("SELECT name FROM shop WHERE x = 1", GOLD, shop, match="strict", sandbox=sandbox)
    with pytest.raises(DatabaseError, match=r"gone\.sqlite"):
        score_pair(GOLD, GOLD, tmp_path / "gone.sqlite")


def test_a_slow_prediction_ends_and_the_next_is_judged(shop: Database) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT count(*) FROM c"
    with Sandbox() as own:
        assert score_pair(GOLD, endless, shop, seconds=0.2).error == "timeout"
        assert score_pair(GOLD, GOLD, shop, sandbox=own).execution


def test_a_file_is_scored_and_progress_is_told(tmp_path: Path) -> None:
    folder = write_tiny_spider(tmp_path / "spider")
    (tmp_path / "pred.sql").write_text("SELECT count(*) FROM client\nSELECT city FROM client\n")
    told: list[tuple[int, int]] = []
    scored = score_file(
        str(tmp_path / "pred.sql"),
        str(folder),
        progress=lambda _: lambda done, total: told.append((done, total)),
    )
    assert scored.summary.execution_accuracy.correct == scored.summary.n == 2
    assert told == [(1, 2), (2, 2)]


def test_the_package_names_what_it_offers() -> None:
    assert sqlforge.score.ScoredFile.__name__ == "ScoredFile"
    with pytest.raises(AttributeError, match="no attribute 'score_nothing'"):
        _ = sqlforge.score.score_nothing
