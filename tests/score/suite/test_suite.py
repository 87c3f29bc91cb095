"""The whole way: a suite is built, and predictions are judged on it."""

from __future__ import annotations

import pytest

from score.suite.conftest import pairs
from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.judge import judge
from sqlforge.score.suite import Suite, build_suite, judge_on_suite

EQUAL, DIFFERENT = pairs("equal.json"), pairs("different.json")


def examples(golds: list[str]) -> list[Example]:
    return [
        Example(str(i), "?", gold, "library", "test", "CC0-1.0", "easy")
        for i, gold in enumerate(golds)
    ]


def judged(
    cases: list[tuple[str, str]], library: Database, suite: Suite, sandbox: Sandbox
) -> list[Verdict]:
    asked = examples([gold for gold, _ in cases])
    answers = [Prediction(str(i), sql, sql) for i, (_, sql) in enumerate(cases)]
    databases = {"library": library}
    verdicts = judge(asked, answers, databases, sandbox)
    return judge_on_suite(verdicts, asked, answers, databases, suite, sandbox)


@pytest.fixture(scope="module")
def suite(library: Database, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    golds = [gold for gold, _ in (*EQUAL, *DIFFERENT)]
    folder = tmp_path_factory.mktemp("suites")
    return build_suite(examples(golds), {"library": library}, folder=folder)


def test_an_equivalent_prediction_never_fails(
    library: Database, suite: Suite, sandbox: Sandbox
) -> None:
    verdicts = judged(EQUAL, library, suite, sandbox)
    wrong = [pair for pair, v in zip(EQUAL, verdicts, strict=True) if not v.test_suite]
    assert wrong == []


def test_a_prediction_that_is_right_by_luck_fails(
    library: Database, suite: Suite, sandbox: Sandbox
) -> None:
    verdicts = judged(DIFFERENT, library, suite, sandbox)
    assert [p for p, v in zip(DIFFERENT, verdicts, strict=True) if not v.execution] == []
    assert [p for p, v in zip(DIFFERENT, verdicts, strict=True) if v.test_suite] == []
