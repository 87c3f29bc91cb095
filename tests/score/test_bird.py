"""BIRD as a benchmark: its verdicts, its prediction files, and how efficiency is counted."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from published_bird import QUESTIONS, write_tiny_bird
from sqlforge.cli import app
from sqlforge.core.errors import DataError
from sqlforge.core.records import (
    Database,
    Dataset,
    Example,
    Prediction,
    QueryResult,
    Status,
    Verdict,
)
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.benchmarks import load_benchmark
from sqlforge.score.efficiency import Ratios, efficiency, mean_ratio, measure, reward
from sqlforge.score.judge import judge
from sqlforge.score.predictions_file import read_predictions

SLOW = (
    "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 60000) "
    "SELECT 0 * count(*) FROM c)"
)


@pytest.fixture
def bird(tmp_path: Path) -> Dataset:
    write_tiny_bird(tmp_path / "bird")
    return load_benchmark("bird", tmp_path)


def verdicts_on(bird: Dataset, sandbox: Sandbox, *sqls: str) -> list[Verdict]:
    pairs = zip(bird.examples, sqls, strict=True)
    predictions = [Prediction(example.id, sql, sql) for example, sql in pairs]
    return judge(bird.examples, predictions, bird.databases, sandbox)


@pytest.mark.parametrize(
    ("predicted", "right"),
    [
        ("SELECT name, gt FROM ship", True),  # the order of rows does not count
        ("SELECT name, gt FROM ship UNION ALL SELECT name, gt FROM ship", True),  # nor how often
        ("SELECT gt, name FROM ship", False),  # that of columns does
        ("SELECT name, gt, 1 FROM ship", False),
        ("SELECT name, gt FROM ship WHERE gt > 700", False),
        ("SELECT name, gt + 0.0 FROM ship", True),
        ("SELECT name, gt FROM boat", False),
    ],
)
def test_execution_compares_sets_of_rows(
    bird: Dataset, sandbox: Sandbox, predicted: str, right: bool
) -> None:
    golds = [str(row["SQL"]) for row in QUESTIONS]
    verdicts = verdicts_on(bird, sandbox, golds[0], golds[1], predicted)
    assert [v.execution for v in verdicts] == [True, True, right]


def published(bird: Dataset, **changes: object) -> dict[str, object]:
    mark = "\t----- bird -----\t"
    found: dict[str, object] = {
        str(i): f"{example.sql}{mark}{example.db_id}" for i, example in enumerate(bird.examples)
    }
    return {**found, **{name.strip("_"): value for name, value in changes.items()}}


def test_predictions_are_read_as_bird_publishes_them(bird: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "predict_dev.json"
    path.write_text(json.dumps(published(bird, _1=0, _2="SELECT 1"), indent=4))
    found = [(p.id, p.sql) for p in read_predictions(path, bird)]
    assert found == [
        ("bird-dev-0000", QUESTIONS[0]["SQL"]),
        ("bird-dev-0001", ""),
        ("bird-dev-0002", "SELECT 1"),
    ]
    path.write_text(json.dumps(published(bird)))  # on one line it is the same object
    assert [p.sql for p in read_predictions(path, bird)] == [row["SQL"] for row in QUESTIONS]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"0": "SELECT 1"}', r"1 predictions in .* \(lacks 1, 2\)"),
        ('{"0": "", "1": "", "2": "", "7": ""}', r"4 predictions in .* \(has 7\)"),
        ('{"0": "a\\t----- bird -----\\tzoo", "1": "", "2": ""}', "the database 'zoo' at place 0"),
        ('{"0": "SELECT 1",', "which is no JSON"),
        ('{"0": ' * 100_000, "which is no JSON"),
        ('{"0": ' + "1" * 5_000, "which is no JSON"),
    ],
)
def test_a_published_file_that_does_not_fit_is_refused(
    bird: Dataset, tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "predict_dev.json"
    path.write_text(text)
    with pytest.raises(DataError, match=reason):
        read_predictions(path, bird)


def test_a_published_file_may_be_packed_or_begin_with_a_mark(bird: Dataset, tmp_path: Path) -> None:
    path, packed = tmp_path / "predict_dev.json", tmp_path / "predict_dev.json.gz"
    path.write_text(json.dumps(published(bird)), encoding="utf-8-sig")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        assert [p.sql for p in read_predictions(file, bird)] == [row["SQL"] for row in QUESTIONS]


def test_lines_and_rows_are_read_as_for_every_benchmark(bird: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "dev.sql"  # as BIRD publishes its golds
    path.write_text("".join(f"{row['SQL']}\t{row['db_id']}\n" for row in QUESTIONS))
    assert [p.sql for p in read_predictions(path, bird)] == [row["SQL"] for row in QUESTIONS]
    rows = [{"id": example.id, "sql": "SELECT 1"} for example in bird.examples]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert {p.sql for p in read_predictions(path, bird)} == {"SELECT 1"}


def test_ratios_far_from_the_rest_are_dropped_as_bird_drops_them() -> None:
    observed = [1.0, 1.2] * 10 + [60.0]
    assert mean_ratio(observed) == pytest.approx(1.1)
    assert mean_ratio([1.0, 2.0, 3.0]) == 2.0


@pytest.mark.parametrize(
    ("ratios", "value"),
    [
        ([2.0, 2.0], 1.25**0.5),
        ([1.0, 0.0], 0.5),
        ([0.99, 0.49, 0.24], (0.75**0.5 + 0.5**0.5 + 0.25**0.5) / 3),
    ],
)
def test_the_score_is_the_mean_root_of_the_rewards(ratios: list[float], value: float) -> None:
    rows = [Ratios(str(i), "simple", ratio, 0.0) for i, ratio in enumerate(ratios)]
    found = efficiency(rows, 100)
    assert found.r_ves.value == pytest.approx(value)
    assert found.r_ves.low <= found.r_ves.value <= found.r_ves.high
    assert found.r_ves_medians.value == 0.0
    assert found.by_kind["simple"][0] == found.r_ves


def example(sql: str) -> Example:
    return Example("1", "?", sql, "shop", "bird", "CC0-1.0", "simple")


@pytest.mark.parametrize(
    ("gold", "predicted", "rewards"),
    [
        (f"SELECT count(*) + {SLOW} FROM shop", "SELECT count(*) FROM shop", (1.25,)),
        ("SELECT count(*) FROM shop", f"SELECT count(*) + {SLOW} FROM shop", (0.25,)),
    ],
)
def test_a_prediction_is_rewarded_for_the_time_it_saves(
    shop: Database, gold: str, predicted: str, rewards: tuple[float, ...]
) -> None:
    prediction = Prediction("1", predicted, predicted)
    right = Verdict("1", "shop", "simple", True, False, True, True)
    done: list[tuple[int, int]] = []
    with Sandbox(Limits(seconds=5)) as sandbox:
        (found,) = measure(
            [example(gold)],
            [prediction],
            [right],
            {"shop": shop},
            sandbox,
            runs=5,
            progress=lambda *counts: done.append(counts),
        )
    assert reward(found.by_mean) in rewards
    assert reward(found.by_median) in rewards
    assert done == [(1, 1)]


def test_a_wrong_prediction_is_not_timed(shop: Database) -> None:
    wrong = Verdict("1", "shop", "simple", False, False, True, True)
    sandbox = Sandbox()
    prediction = Prediction("1", "SELECT 1", "")
    (found,) = measure([example("SELECT 2")], [prediction], [wrong], {"shop": shop}, sandbox)
    assert (found.by_mean, found.by_median) == (0.0, 0.0)
    assert sandbox._workers[0]._process is None


class Failing(Sandbox):
    """A sandbox in which queries time out after some runs: real ones do so only by chance."""

    def __init__(self, good: int) -> None:
        super().__init__()
        self.good = good

    def run_many(self, items: Any, timing: Any = None) -> Any:
        for _ in items:
            self.good -= 1
            yield QueryResult(Status.OK if self.good >= 0 else Status.TIMEOUT, seconds=1.0)


@pytest.mark.parametrize(("good", "ratios"), [(3, (0.0, 0.0)), (4, (1.0, 0.0)), (9, (1.0, 1.0))])
def test_a_run_that_fails_ends_the_pair_without_reward(
    shop: Database, good: int, ratios: tuple[float, float]
) -> None:
    right = Verdict("1", "shop", "simple", True, False, True, True)
    prediction = Prediction("1", "SELECT 1", "")
    sandbox = Failing(good)
    (found,) = measure(
        [example("SELECT 1")], [prediction], [right], {"shop": shop}, sandbox, runs=2
    )
    assert (found.by_mean, found.by_median) == ratios


def test_the_command_line_scores_bird_with_its_efficiency(tmp_path: Path) -> None:
    write_tiny_bird(tmp_path / "bird")
    predictions = tmp_path / "dev.sql"
    predictions.write_text("".join(f"{row['SQL']}\n" for row in QUESTIONS))
    out = tmp_path / "scores.json"
    options = ["--benchmark", "bird", "--data-dir", str(tmp_path), "--efficiency", "3"]
    options += ["--predictions", str(predictions), "--json", str(out)]
    assert CliRunner().invoke(app, ["score", *options]).exit_code == 0
    found = json.loads(out.read_text())
    assert found["metrics"]["execution_accuracy"]["value"] == 1.0
    assert list(found["by_hardness"]) == ["challenging", "moderate", "simple"]
    assert found["efficiency"]["runs"] == 3
    assert 0.25**0.5 <= found["efficiency"]["r_ves"]["value"] <= 1.25**0.5
    assert found["efficiency"]["r_ves_medians"]["n"] == 3
    assert set(found["efficiency"]["by_hardness"]) == {"challenging", "moderate", "simple"}
