"""From candidates to lines of a file: vote, confidence, refusal, and what is told of them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.decoding import GREEDY, Decoding
from sqlforge.core.errors import DataError, UserError
from sqlforge.core.records import Database, Example
from sqlforge.core.schema import Schema
from sqlforge.database import sandbox as sandbox_module
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Limits
from sqlforge.decode.abstain import Calibration, calibrate
from sqlforge.decode.calibration_file import read_calibration, write_calibration
from sqlforge.decode.decide import (
    answer_details,
    calibrated_on,
    check_constrainable,
    chosen,
    circumstances,
    counted,
    decide,
)
from sqlforge.decode.vote import Candidate, Choice, only

VOTE = Decoding(samples=3, vote=True)
SURE = Calibration(("logprob",), (0.0,), (1.0,), (1.0,), 1.0, 50, 20, 0.01, {"samples": 3})


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Database]:
    file = tmp_path_factory.mktemp("decide") / "shop.sqlite"
    with sqlite3.connect(file) as connection:
        connection.executescript("CREATE TABLE shop (n INT); INSERT INTO shop VALUES (1), (2);")
    connection.close()
    return {"shop": Database("shop", schema_from_sqlite(file), file)}


def examples(count: int, sql: str = "SELECT n FROM shop") -> list[Example]:
    return [Example(f"e{n}", "?", sql, "shop", "own", "CC0-1.0") for n in range(count)]


def candidate(sql: str, logprob: float) -> Candidate:
    return Candidate.of(sql, logprob, 5)


def test_without_a_vote_nothing_is_executed(
    databases: dict[str, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(sandbox_module._Process, "start", started)
    candidates = [[candidate("SELECT nonsense", -1.0)], [candidate("SELECT 1", -2.0)]]
    found = chosen(examples(2), candidates, databases, GREEDY, Limits())
    assert found == [only(some[0]) for some in candidates]


def test_a_vote_never_sees_the_gold(databases: dict[str, Database]) -> None:
    candidates = [[candidate("SELECT 1", -1.0), candidate("SELECT 2", -0.9)]]
    for gold in ("SELECT 1", "SELECT 2", "no SQL at all"):
        (found,) = chosen(examples(1, gold), candidates, databases, VOTE, Limits())
        assert found.candidate.sql == "SELECT 2"


def test_an_answer_less_likely_right_than_asked_has_no_sql_and_says_so() -> None:
    choices = [only(candidate("SELECT 1", -0.1)), only(candidate("```sql\nSELECT 2\n```", -9.0))]
    decided = list(decide(examples(2), choices, 0.5, SURE))
    told = [json.loads(json.dumps(row)) for row in answer_details(decided, GREEDY, details=False)]
    assert told == [
        {"id": "e0", "sql": "SELECT 1", "text": "SELECT 1"},
        {"id": "e1", "sql": "", "text": "```sql\nSELECT 2\n```", "refused": True},
    ]
    assert counted(decided) == {"refused": 1}


def test_details_tell_probability_votes_and_confidence(databases: dict[str, Database]) -> None:
    some = [candidate("SELECT 1", -1.0), candidate("SELECT 2", -2.0), candidate("SELECT x", -3.0)]
    choices = chosen(examples(1), [some], databases, VOTE, Limits())
    decided = list(decide(examples(1), choices, None, SURE))
    (row,) = answer_details(decided, VOTE, details=True)
    assert row["confidence"] == pytest.approx(0.5)
    assert (row["logprob"], row["tokens"]) == (-1.0, 5)
    assert (row["samples"], row["votes"], row["failed"], row["ran"]) == (3, 1, 1, True)
    (alone,) = answer_details(list(decide(examples(1), [only(some[0])])), GREEDY, details=True)
    assert sorted(alone) == ["id", "logprob", "sql", "text", "tokens"]
    assert counted(decided) == {"refused": 0, "nothing_ran": 0, "empty": 0}


def test_a_file_says_where_results_without_rows_came_last() -> None:
    decided = list(decide(examples(1), [only(candidate("SELECT 1", -0.1))]))
    (row,) = answer_details(decided, replace(VOTE, prefer_non_empty=True), details=False)
    assert row["prefer_non_empty"] is True


def test_what_could_not_be_executed_is_refused_at_any_threshold(
    databases: dict[str, Database],
) -> None:
    choices = chosen(examples(1), [[candidate("SELECT x", -0.01)] * 3], databases, VOTE, Limits())
    (answer,) = decide(examples(1), choices, 0.01, SURE)
    assert answer.prediction.refused and answer.confidence == 0.0
    assert counted([answer])["nothing_ran"] == 1


def test_answers_with_the_golds_rows_are_what_confidence_is_calibrated_on(
    databases: dict[str, Database],
) -> None:
    right = [only(candidate(f"SELECT n FROM shop WHERE n < {n + 9}", -0.5)) for n in range(30)]
    wrong = [only(candidate(f"SELECT {n}", -6.0)) for n in range(30)]
    asked = examples(60)
    found = calibrated_on(asked, [*right, *wrong], databases, Limits(), {"samples": 1})
    assert (found.n, found.right) == (60, 30)
    assert found.confidence(right[0]) > 0.9 and found.confidence(wrong[0]) < 0.1


def test_a_calibration_file_is_read_as_written_for_the_same_circumstances(tmp_path: Path) -> None:
    kept = circumstances(VOTE, "2")
    choices = [Choice(candidate("SELECT 1", -n / 9), 3, n % 3, 0, -n / 9, 0.5, False, True)
               for n in range(60)]  # fmt: skip
    made = calibrate(choices, [n % 4 < 2 for n in range(60)], [n % 7 for n in range(60)], kept)
    file = tmp_path / "new" / "calibration.json"
    write_calibration(file, made)
    assert read_calibration(file, kept) == made
    with pytest.raises(
        DataError, match=r"for samples 3, temperature 1.0, expected one for samples"
    ):
        read_calibration(file, circumstances(GREEDY, "2"))
    with pytest.raises(DataError, match=r"for prompt_version 2, expected one for prompt_version 3"):
        read_calibration(file, circumstances(VOTE, "3"))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"scores": ["guess"]}', '{"scores": ["mass"], "means": [1], "scales": [1], '
     '"weights": [], "bias": 0, "n": 1, "right": 0, "error": 0, "circumstances": {}}'],
    ids=["empty", "list", "no keys", "an unknown score", "too few weights"],
)  # fmt: skip
def test_a_file_that_is_no_calibration_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(text)
    with pytest.raises(DataError, match="which holds no calibration"):
        read_calibration(file, {})
    with pytest.raises(DataError, match="no file at"):
        read_calibration(tmp_path / "none.json", {})


def test_another_dialect_cannot_be_constrained_and_is_named_before_a_model_is_loaded() -> None:
    constrained = Decoding(constrain="schema")
    servers: dict[str, Any] = {"crm": Database("crm", Schema((), "postgres"))}
    with pytest.raises(UserError, match=r"'crm', a database of postgres, expected .* SQLite"):
        check_constrainable(constrained, servers)
    check_constrainable(GREEDY, servers)
    check_constrainable(constrained, {"shop": Database("shop", Schema(()))})
