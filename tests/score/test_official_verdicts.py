"""The official mode held against the official evaluator's verdicts on 2,068 real predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.records import Dataset, Prediction, Verdict
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.benchmarks import load_benchmark
from sqlforge.score.judge import judge
from sqlforge.score.validity import check_validity

SYSTEMS = ("1b", "7b")
Row = dict[str, Any]


@pytest.fixture(scope="module")
def dataset(published_data: Path, session_cache: Path) -> Iterator[Dataset]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SQLFORGE_CACHE_DIR", str(session_cache))
        yield load_benchmark("spider", published_data)


@pytest.fixture(scope="module")
def rows(published_data: Path, dataset: Dataset) -> dict[str, list[Row]]:
    found = {}
    for system in SYSTEMS:
        path = published_data / "verdicts" / f"spider_dev_codes-{system}.jsonl"
        found[system] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert len(found[system]) == len(dataset.examples)
    return found


@pytest.fixture(scope="module")
def verdicts(rows: dict[str, list[Row]], dataset: Dataset) -> dict[str, list[Verdict]]:
    found = {}
    with Sandbox(workers=2) as sandbox:
        for system, some in rows.items():
            predictions = [
                Prediction(example.id, row["prediction"], row["prediction"])
                for example, row in zip(dataset.examples, some, strict=True)
            ]
            found[system] = judge(dataset.examples, predictions, dataset.databases, sandbox)
    return found


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_verdict_agrees_with_the_official_evaluator(
    rows: dict[str, list[Row]], verdicts: dict[str, list[Verdict]], system: str
) -> None:
    ours = [(v.execution, v.exact, v.parsed, v.kind) for v in verdicts[system]]
    theirs = [
        (bool(row["exec"]), bool(row["exact"]), row["parsed"], row["hardness"])
        for row in rows[system]
    ]
    differing = [
        (row["gold"], row["prediction"], mine, official)
        for row, mine, official in zip(rows[system], ours, theirs, strict=True)
        if mine != official
    ]
    assert differing == []


def test_every_gold_of_spider_is_valid_in_its_own_dialect(
    rows: dict[str, list[Row]], dataset: Dataset
) -> None:
    errors = {
        check_validity(
            row["gold"], dataset.databases[row["db_id"]].schema, quoted_literals=True
        ).error
        for row in rows["1b"]
    }
    assert errors == {None}


def test_a_prediction_that_executes_to_the_golds_rows_is_nearly_always_valid(
    verdicts: dict[str, list[Verdict]],
) -> None:
    invalid = [v.id for some in verdicts.values() for v in some if v.execution and not v.valid]
    assert len(invalid) <= 2, invalid
