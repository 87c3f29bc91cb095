"""What is wrong with a query: data pairs, and the share of real failures that no class names."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.records import Database, Example, Prediction
from sqlforge.corpus.spider import read_spider
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.judge import judge
from sqlforge.score.taxonomy import CLASSES, count_mistakes, mistakes

FIXTURES = Path(__file__).parents[1] / "fixtures"


def cases(name: str) -> list[Any]:
    rows = json.loads((FIXTURES / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=row["claim"]) for row in rows]


@pytest.mark.parametrize("case", cases("taxonomy/cases.json"))
def test_a_mistake_has_the_classes_of_the_parts_that_differ(
    case: dict[str, Any], shop: Database, sandbox: Sandbox
) -> None:
    example = Example("1", "?", case["gold"], "shop", "test", "CC0-1.0")
    answers = [Prediction("1", case["predicted"], "")]
    (verdict,) = judge([example], answers, {"shop": shop}, sandbox, match="strict")
    found = mistakes(case["gold"], case["predicted"], shop.schema, verdict.error)
    assert list(found) == case["classes"]
    assert found == mistakes(case["gold"], case["predicted"], shop.schema, verdict.error)


def test_every_class_has_a_case() -> None:
    rows = json.loads((FIXTURES / "taxonomy/cases.json").read_text(encoding="utf-8"))
    assert {name for row in rows for name in row["classes"]} == set(CLASSES) - {
        "not allowed",
        "refused",
    }
    error = "database error: load_extension is not allowed"
    assert mistakes("SELECT 1", "SELECT load_extension('x')", None, error) == ("not allowed",)
    assert mistakes("SELECT 1", "", None, "refused") == ("refused",)


def test_texts_without_schema_or_parse_still_get_a_class() -> None:
    assert mistakes("SELECT a FROM t", "SELECT a FROM (", None, None) == ("does not parse",)
    assert mistakes("SELECT a FROM (", "SELECT a FROM t", None, None) == ("other",)
    assert count_mistakes(Counter()) == ({}, {})


def test_few_failures_of_published_systems_are_of_no_class(published_data: Path) -> None:
    databases = read_spider(published_data, "dev").dataset.databases
    files = sorted((published_data / "verdicts").glob("spider_dev_*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    failed = [row for row in rows if not row["exec"]]
    found = Counter(
        mistakes(row["gold"], row["prediction"], databases[row["db_id"]].schema) for row in failed
    )
    primary, _ = count_mistakes(found)
    assert len(failed) > 300
    assert primary.get("other", 0) <= 0.02 * len(failed)
