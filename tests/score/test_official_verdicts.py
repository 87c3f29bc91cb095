"""Execution match held against the official evaluator's verdicts on 2,068 real predictions."""

from __future__ import annotations

import json
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.records import Database
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.execution import gold_is_ordered, results_match
from sqlforge.score.validity import check_validity

DATA = Path(
    os.environ.get("SQLFORGE_DATA_DIR") or Path(__file__).parents[2] / ".." / "shared" / "data"
)
ARCHIVE = DATA / "spider" / "database.tar.xz"
FILES = sorted((DATA / "verdicts").glob("spider_dev_*.jsonl"))

pytestmark = pytest.mark.skipif(
    not (ARCHIVE.is_file() and FILES), reason=f"needs Spider and the verdicts in {DATA}"
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for file in FILES for line in file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def databases(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Database]:
    wanted = {row["db_id"] for row in rows}
    folder = tmp_path_factory.mktemp("spider")
    found = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            name = Path(member.name)
            if name.suffix == ".sqlite" and name.stem in wanted:
                archive.extract(member, folder, filter="data")
                path = folder / member.name
                found[name.stem] = Database(name.stem, schema_from_sqlite(path), path)
    return found


def official(sql: str, *, predicted: bool) -> str:
    """What the official evaluator does to a query before it runs it."""
    sql = re.sub(r"\bdistinct\b", "", sql, flags=re.IGNORECASE)
    return sql.replace("value", "1") if predicted else sql


def test_execution_match_agrees_with_every_official_verdict(
    rows: list[dict[str, Any]], databases: dict[str, Database]
) -> None:
    queries = (
        (databases[row["db_id"]], official(row[side], predicted=side == "prediction"))
        for row in rows
        for side in ("gold", "prediction")
    )
    wrong = []
    with Sandbox(workers=2) as sandbox:
        results = sandbox.run_many(queries)
        for row in rows:
            gold, predicted = next(results), next(results)
            assert gold.ok, (row["gold"], gold.error)
            matches = results_match(gold, predicted, ordered=gold_is_ordered(row["gold"]))
            if matches != bool(row["exec"]):
                wrong.append((row["gold"], row["prediction"], row["exec"]))
    assert wrong == []


def test_every_gold_of_spider_is_valid_in_its_own_dialect(
    rows: list[dict[str, Any]], databases: dict[str, Database]
) -> None:
    errors = {
        check_validity(row["gold"], databases[row["db_id"]].schema, quoted_literals=True).error
        for row in rows
    }
    assert errors == {None}


def test_a_prediction_that_executes_to_the_golds_rows_is_nearly_always_valid(
    rows: list[dict[str, Any]], databases: dict[str, Database]
) -> None:
    executed = [row for row in rows if row["exec"]]
    invalid = [
        row["prediction"]
        for row in executed
        if not check_validity(
            row["prediction"], databases[row["db_id"]].schema, quoted_literals=True
        ).valid
    ]
    assert len(invalid) <= 2, invalid
