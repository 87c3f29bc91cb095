"""A small library database with every kind of constraint, and a sandbox."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.judge import judge
from sqlforge.score.rules import Match
from sqlforge.score.suite import Suite, judge_on_suite

FIXTURES = Path(__file__).parents[2] / "fixtures" / "suite"


def pairs(name: str) -> list[tuple[str, str]]:
    """Gold and prediction of each case."""
    return [tuple(pair) for pair in json.loads((FIXTURES / name).read_text("utf-8"))]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("library") / "library.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((FIXTURES / "library.sql").read_text("utf-8"))
    connection.close()
    return Database("library", schema_from_sqlite(path), path)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def judged(
    cases: Sequence[tuple[Example, str]],
    databases: Mapping[str, Database],
    suite: Suite,
    sandbox: Sandbox,
    match: Match = "official",
) -> list[Verdict]:
    """Verdicts of predictions, each with the example that it answers."""
    asked = [replace(example, id=str(i)) for i, (example, _) in enumerate(cases)]
    answers = [Prediction(str(i), sql, sql) for i, (_, sql) in enumerate(cases)]
    verdicts = judge(asked, answers, databases, sandbox, match=match)
    return judge_on_suite(verdicts, asked, answers, databases, suite, sandbox, match=match)
