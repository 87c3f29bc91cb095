"""What meets a benchmark by which rule; pairs are in tests/fixtures/audit."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from audit_samples import JUDGED, disguised, judged_pairs
from sqlforge.core.records import Example
from sqlforge.core.schema import Schema
from sqlforge.corpus.audit import PAIRS, audit, report_facts
from sqlforge.corpus.benchmark_questions import spider_dev, wikisql
from sqlforge.corpus.fingerprints import THRESHOLD, Fingerprint, fingerprint
from sqlforge.corpus.leaks import LEAKS, Reference, Rule, find_leaks, is_leak
from sqlforge.corpus.training_data import open_training
from sqlforge.database.ddl import schema_from_ddl

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "audit"
OWN: list[dict[str, Any]] = json.loads((FIXTURES / "own_pairs.json").read_text(encoding="utf-8"))


def asked(
    question: str, sql: str, schema: Schema | None = None, *, name: str = "x", db_id: str = "d"
) -> Fingerprint:
    return fingerprint(Example(name, question, sql, db_id, "mine", "MIT"), schema)


def of_ddl(ddl: str | None) -> Schema | None:
    return schema_from_ddl(ddl) if ddl else None


def rules_met(rows: list[Fingerprint], reference: Reference) -> list[list[str]]:
    return [[f.rule.value for f in found] for _, found in find_leaks(rows, {"b": reference})]


@pytest.mark.parametrize("pair", OWN, ids=lambda pair: pair["claim"])
def test_a_pair_meets_by_exactly_the_rules_that_say_so(pair: dict[str, Any]) -> None:
    benchmark = Reference("B", (asked(*pair["benchmark"], of_ddl(pair["schema"])),))
    row = asked(*pair["train"], of_ddl(pair.get("train_schema")))
    assert sorted(rules_met([row], benchmark)[0]) == sorted(pair["rules"])


def test_every_disguised_copy_is_found() -> None:
    questions = [
        f"What's the no. of {thing} that {who} sold on {day} {month} 199{day % 10}, e.g. at £1.5?"
        for thing in ("boats", "naïve paintings", "co-op shares")
        for who in ("O'Neil & Sons", "Łódź Ltd.", "Größe AG")
        for day, month in ((3, "May"), (14, "June"), (27, "October"))
    ]
    benchmark = Reference("B", tuple(asked(q, "SELECT 1") for q in questions))
    rng = random.Random(7)
    rows = [asked(disguised(q, rng), "SELECT 2") for q in questions for _ in range(8)]
    assert all("question" in met for met in rules_met(rows, benchmark))


def test_places_of_columns_stand_for_names_where_there_are_none() -> None:
    schema = of_ddl("CREATE TABLE table_1_3_4 (home TEXT, away TEXT, venue TEXT, crowd REAL)")
    known = asked(
        "How big was the crowd for the match at Tynecastle?",
        "SELECT column_4 FROM table_1_77_2 WHERE column_3 = 'tynecastle'",
    )
    reference = Reference("W", (known,), names_known=False)
    words = "How big was the crowd in the match at Tynecastle?"
    rows = [
        asked(words, "SELECT crowd FROM table_1_3_4 WHERE venue = 'Tynecastle'", schema),
        asked(words, "SELECT crowd FROM table_1_3_4 WHERE home = 'Tynecastle'", schema),
        asked(words, "SELECT max(crowd) FROM table_1_3_4 WHERE venue = 'Tynecastle'", schema),
    ]
    assert rules_met(rows, reference) == [
        ["near_question"],
        ["similar_question"],
        ["similar_question"],
    ]


def test_a_schema_of_the_columns_in_use_says_nothing_about_places() -> None:
    known = asked(
        "How big was the crowd for the match at Tynecastle?",
        "SELECT column_4 FROM table_1_77_2 WHERE column_3 = 'tynecastle'",
    )
    row = asked(
        "How big was the crowd in the match at Tynecastle?",
        "SELECT crowd FROM table_name_5 WHERE venue = 'Tynecastle'",
        of_ddl("CREATE TABLE table_name_5 (crowd TEXT, venue TEXT)"),
    )
    reference = Reference("W", (known,), names_known=False)
    assert rules_met([row], reference) == [["near_question"]]


def test_an_empty_question_meets_nothing() -> None:
    benchmark = Reference("B", (asked("?", "SELECT 1 FROM a"),))
    assert rules_met([asked("!!", "SELECT 2 FROM b")], benchmark) == [[]]


def test_leaks_and_overlaps_are_told_apart() -> None:
    assert {rule.value for rule in LEAKS} == {"question", "near_question", "query"}


def test_a_report_counts_rows_and_the_examples_that_they_met() -> None:
    dev = Reference("Dev", tuple(asked(q, "SELECT a FROM t", name=q) for q in ("Who?", "What?")))
    rows = [asked("WHO", "SELECT b FROM t", name=f"row-{i}") for i in range(10)]
    rows.append(asked("How come?", "SELECT 1 +", name="broken"))
    leaks: list[str] = []
    clean: list[str] = []
    report = audit(
        rows,
        {"dev": dev},
        on_leak=lambda row, _: leaks.append(row.example.id),
        on_clean=lambda row: clean.append(row.example.id),
    )
    (found,) = report.benchmarks
    assert (report.rows, report.leaking, report.unparsed) == (11, 10, 1)
    assert (found.leaking, found.leaked, found.n) == (10, 1, 2)
    counts = {count.rule: (count.rows, count.met) for count in found.counts}
    assert counts[Rule.QUESTION] == (10, 1) and counts[Rule.NEAR_QUESTION] == (0, 0)
    assert len(found.pairs) == PAIRS
    assert leaks == [f"row-{i}" for i in range(10)] and clean == ["broken"]


def test_the_pairs_shown_do_not_hang_on_the_order_of_rows() -> None:
    dev = Reference("Dev", (asked("Who?", "SELECT a FROM t"),))
    rows = [asked("WHO", "SELECT b FROM t", name=f"row-{i}") for i in range(30)]
    one, other = (audit(some, {"dev": dev}).benchmarks[0].pairs for some in (rows, rows[::-1]))
    assert one == other


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [("MIT", True), ("CC-BY-SA-4.0", True), ("CC-BY-NC-4.0", False), ("LicenseRef-unknown", False)],
)
def test_what_must_not_be_passed_on_is_marked(licence: str, allowed: bool) -> None:
    row = fingerprint(Example("a", "Who?", "SELECT 1", "d", "mine", licence), None)
    dev = Reference("Dev", (asked("who", "SELECT 2"),))
    facts = report_facts(audit([row], {"dev": dev}), removed=False)
    assert facts["redistributable"] is allowed and facts["contaminated"] == ["dev"]
    facts = report_facts(audit([row], {"dev": dev}), removed=True)
    assert facts["contaminated"] == [] and facts["rows_left"] == 0


def test_judged_pairs_of_published_questions_are_told_apart(without_databases: Path) -> None:
    references = {
        "spider-dev": spider_dev(without_databases),
        "wikisql-dev": wikisql(without_databases, "dev"),
        "wikisql-test": wikisql(without_databases, "test"),
    }
    assert json.loads(JUDGED.read_text(encoding="utf-8"))["threshold"] == THRESHOLD
    found = judged_pairs(references, without_databases)
    assert len(found.different) > 1000 and len(found.same) > 100
    assert len(found.flagged & found.different) < 0.01 * len(found.different)
    assert len(found.flagged & found.different) < 0.01 * len(found.flagged)
    assert len(found.flagged & found.same) >= 0.5 * len(found.same)


@pytest.fixture(scope="module")
def without_databases(published_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published files but for Spider's databases: schemas come from ``tables.json``."""
    folder = tmp_path_factory.mktemp("published")
    for name in ("wikisql", "sql_create_context"):
        (folder / name).symlink_to(published_data / name)
    (folder / "spider").mkdir()
    for file in (published_data / "spider").glob("*.json*"):
        (folder / "spider" / file.name).symlink_to(file)
    return folder


def test_published_overlaps_are_found(without_databases: Path) -> None:
    dev = spider_dev(without_databases)

    def leaking(name: str) -> tuple[int, int]:
        rows = open_training(name, without_databases).rows()
        prints = [fingerprint(row.example, row.schema) for row in rows]
        found = [findings for _, findings in find_leaks(prints, {"dev": dev})]
        by_question = sum(any(f.rule == Rule.QUESTION for f in met) for met in found)
        return sum(map(is_leak, found)), by_question

    contaminated = without_databases / "sql_create_context" / "val.jsonl.xz"
    assert leaking(str(contaminated)) == (568, 568)
    assert leaking("sql-create-context")[1] == 3
    assert leaking("spider")[1] == 6
