"""Answers that a system refused to give: wrong, counted, and told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sqlforge.core.records import Database, Dataset, Example, Prediction
from sqlforge.core.schema import Schema
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.breakdown import explain
from sqlforge.score.judge import judge
from sqlforge.score.predictions_file import answer_rows, read_answers, read_predictions
from sqlforge.score.rules import Match
from sqlforge.score.summary import summarise, to_json, verdict_of, verdict_rows

REFUSED = Prediction("2", "", "SELECT name FROM shop", refused=True)


def examples(source: str, gold: str = "SELECT name FROM shop") -> list[Example]:
    return [Example(str(n), "?", gold, "shop", source, "CC0-1.0", "easy") for n in (1, 2, 3)]


def predictions(sql: str = "SELECT name FROM shop") -> list[Prediction]:
    return [Prediction("1", sql, sql), REFUSED, Prediction("3", "SELECT 1", "")]


@pytest.mark.parametrize(
    ("source", "match"),
    [("spider", "official"), ("wikisql", "official"), ("bird", "official"), ("spider", "strict"),
     ("own", "internal")],
)  # fmt: skip
def test_a_refused_answer_counts_as_wrong_in_every_mode(
    source: str, match: Match, shop: Database, sandbox: Sandbox
) -> None:
    found = judge(examples(source), predictions(), {"shop": shop}, sandbox, match=match)
    assert [v.refused for v in found] == [None, True, None]
    refused = found[1]
    assert (refused.execution, refused.exact, refused.valid, refused.parsed) == (False,) * 4
    assert refused.error == "refused"
    summary = summarise(found)
    assert summary.refused == 1 and summary.execution_accuracy.n == 3
    answered = summary.metrics.answered
    assert answered is not None and (answered.correct, answered.n) == (1, 2)


def test_no_answer_is_wrong_even_where_the_gold_gives_nothing(
    shop: Database, sandbox: Sandbox
) -> None:
    gold = "SELECT name FROM shop WHERE id = 99"
    found = judge(examples("spider", gold), predictions(), {"shop": shop}, sandbox)
    assert found[1].execution is False and found[1].empty_gold


def test_without_rows_nothing_is_executed_and_the_refusal_still_counts(sandbox: Sandbox) -> None:
    nowhere = Database("shop", Schema(()))
    found = judge(examples("own", "SELECT 1"), predictions(), {"shop": nowhere}, sandbox,
                  match="internal")  # fmt: skip
    assert found[1].execution is None and found[1].refused
    assert summarise(found).refused == 1


def test_the_json_tells_refusals_only_where_there_are_any(shop: Database, sandbox: Sandbox) -> None:
    found = judge(examples("spider"), predictions(), {"shop": shop}, sandbox)
    told = to_json(summarise(found), "spider", "dev")
    assert told["refused"] == 1
    metrics = told["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["execution_accuracy_answered"]["value"] == 0.5
    rows = list(verdict_rows(found))
    assert [row.get("refused") for row in rows] == [None, True, None]
    assert [verdict_of(row) for row in rows] == found
    without = to_json(summarise([found[0], found[2]]), "spider", "dev")
    assert "refused" not in json.dumps(without) and "answered" not in json.dumps(without)


def test_a_refusal_is_a_class_of_its_own(shop: Database, sandbox: Sandbox) -> None:
    asked, databases = examples("spider"), {"shop": shop}
    found = judge(asked, predictions(), databases, sandbox)
    explained = list(explain(asked, predictions(), found, databases))
    assert explained[1].mistakes == ("refused",)


@pytest.mark.parametrize("extract", [False, True])
@pytest.mark.parametrize("sql", [None, "", "SELECT name FROM shop"], ids=str)
def test_a_refused_line_is_read_whatever_its_sql(
    tmp_path: Path, sql: str | None, extract: bool
) -> None:
    file = tmp_path / "predictions.jsonl"
    rows = [
        {"id": "1", "sql": "SELECT 1", "text": "SELECT 1", "logprob": -0.5},
        {"id": "2", "sql": sql, "text": "SELECT name FROM shop", "refused": True},
        {"id": "3", "sql": "SELECT 1", "text": "SELECT 1", "refused": False},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = Dataset("demo", tuple(examples("spider")), {"shop": Database("shop", Schema(()))})
    found = read_predictions(file, dataset, extract=extract)
    assert [p.refused for p in found] == [False, True, False] and found[1] == REFUSED


def test_what_was_written_is_read_again_and_only_refusals_say_so(tmp_path: Path) -> None:
    file = tmp_path / "tuned.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in answer_rows(predictions())))
    assert list(read_answers(file).values()) == predictions()
    assert [sorted(json.loads(line)) for line in file.read_text().splitlines()] == [
        ["id", "sql", "text"],
        ["id", "refused", "sql", "text"],
        ["id", "sql", "text"],
    ]
