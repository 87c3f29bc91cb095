"""WikiSQL's official mode: the mapping from free SQL, and verdicts held against its own rules."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqlforge.core.errors import DataError
from sqlforge.core.records import Database, Dataset, Example, Prediction, Verdict
from sqlforge.core.schema import Column, Schema, Table
from sqlforge.corpus.wikisql_rows import AGGREGATES, OPERATORS, convert_query
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.benchmarks import load_benchmark
from sqlforge.score.judge import judge
from sqlforge.score.logical_form import LogicalForm, logical_form
from sqlforge.score.official.wikisql import form_mismatch
from sqlforge.score.predictions_file import read_predictions
from sqlforge.score.summary import summarise, to_json

SHIPS = Table("table_7", (Column("Ship", "TEXT"), Column("Flag", "TEXT"), Column("Crew", "REAL")))
PUBLISHED: dict[str, Any] = {
    "id": "7-42-1",
    "header": ["Ship", "Flag", "Crew (max)", "Built"],
    "types": ["text", "text", "real", "real"],
    "rows": [
        ["Ånderk", "NO", "1,200", "1999"],
        ["Öland", "SE", "80", "-5.5"],
        ["Mary's Hope", "No", "", "2001"],
        ["anker", "no", "80", "1999"],
        ["öland", "DK", "about 7", "1999"],
    ],
}
CASES = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "wikisql" / "logical_forms.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_free_sql_has_the_golds_form_or_a_named_difference(case: dict[str, Any]) -> None:
    database = Database("7", Schema((SHIPS,)))
    gold = "SELECT Ship FROM table_7 WHERE Flag = 'No'"
    assert form_mismatch(gold, case["sql"], database) == case["difference"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Crew = 1200", (2, 0, 1200)),
        ("Crew = 1200.0", (2, 0, 1200)),
        ("Crew > '1,200'", (2, 1, 1200)),
        ("Crew < -5.5", (2, 2, -5.5)),
        ("5 < Crew", (2, 1, 5)),
        ("Crew = +3", (2, 0, 3)),
        ("Crew = 'about 12 men'", (2, 0, 12)),
        ("Crew = 'Unknown'", (2, 0, "unknown")),
        ("Flag = 12", (1, 0, "12")),
        ("Flag = 'O''Neal'", (1, 0, "o'neal")),
        ('Flag = "Say ""Hi"""', (1, 0, 'say "hi"')),
    ],
)
def test_values_are_numbers_in_real_columns_and_lower_case_text_elsewhere(
    condition: str, expected: tuple[int, int, object]
) -> None:
    form = logical_form(f"SELECT COUNT(Ship) FROM table_7 WHERE {condition}", SHIPS)
    assert form == LogicalForm(0, 3, (expected,))


@pytest.fixture
def ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Every way to ask about the published table with at most two conditions, by chance."""
    monkeypatch.setenv("SQLFORGE_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "wikisql"
    folder.mkdir()
    rows = [{"table_id": "7-42-1", "question": "?", "sql": form} for form in _forms(400)]
    (folder / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "dev.tables.jsonl").write_text(json.dumps(PUBLISHED) + "\n")
    return load_benchmark("wikisql", folder, "dev")


def _forms(count: int) -> Iterator[dict[str, Any]]:
    choose = random.Random(7)
    texts = [*(row[0] for row in PUBLISHED["rows"]), "no", "SE", "ÅNDERK", "ÖLAND", "x"]
    numbers = ["80", "1,200", "1999", "-5.5", "about 7", "81.5"]
    for _ in range(count):
        conditions = []
        for _ in range(choose.choice([0, 1, 1, 2])):
            column = choose.randrange(4)
            value = choose.choice(texts if column < 2 else numbers)
            conditions.append([column, choose.randrange(3), value])
        yield {"sel": choose.randrange(4), "agg": choose.randrange(6), "conds": conditions}


class Official:
    """The published evaluator's rules, written down once more: bound values, lower-case tables."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        kinds = PUBLISHED["types"]
        declared = ", ".join(f"col{i} {kind}" for i, kind in enumerate(kinds))
        self.connection.execute(f"CREATE TABLE t ({declared})")
        for row in PUBLISHED["rows"]:
            cells = [self._cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
            self.connection.execute("INSERT INTO t VALUES (?, ?, ?, ?)", cells)

    def _cell(self, cell: str, kind: str) -> str | float:
        plain = cell.replace(",", "")
        return float(plain) if kind == "real" and _is_number(plain) else cell.lower()

    def execute(self, form: dict[str, Any]) -> list[Any]:
        bound, parts = {}, []
        for column, operator, value in form["conds"]:
            parts.append(f"col{column} {OPERATORS[operator]} :col{column}")
            bound[f"col{column}"] = value.lower()
            if PUBLISHED["types"][column] == "real":
                plain = value.replace(",", "")
                found = plain if _is_number(plain) else re.findall(r"\d+", value)[0]
                bound[f"col{column}"] = float(found)
        column = f"col{form['sel']}"
        selected = f"{AGGREGATES[form['agg']]}({column})" if form["agg"] else column
        where = f" WHERE {' AND '.join(parts)}" if parts else ""
        sql = f"SELECT {selected} FROM t{where}"
        return [row[0] for row in self.connection.execute(sql, bound)]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(\.\d+)?", text) is not None


def _key(form: dict[str, Any]) -> tuple[Any, ...]:
    query = convert_query({"table_id": "t", "question": "?", "sql": form})
    return query.selected, query.aggregate, {(c, o, str(v).lower()) for c, o, v in query.conditions}


def test_verdicts_on_structured_predictions_are_the_official_ones(
    ships: Dataset, sandbox: Sandbox
) -> None:
    official, forms = Official(), list(_forms(400))
    assert len(ships.examples) == len(forms)
    partners = list(range(len(forms)))
    random.Random(3).shuffle(partners)
    agreeing = {"execution": 0, "exact": 0}
    verdicts = _judge(ships, [ships.examples[i].sql for i in partners], sandbox)
    for number, (i, verdict) in enumerate(zip(partners, verdicts, strict=True)):
        gold, predicted = forms[number], forms[i]
        expected = official.execute(gold) == official.execute(predicted)
        assert verdict.execution is expected, (gold, predicted)
        assert verdict.exact is (_key(gold) == _key(predicted)), (gold, predicted)
        agreeing["execution"] += expected
        agreeing["exact"] += verdict.exact
    assert agreeing["execution"] > 20
    assert 400 - agreeing["execution"] > 100


def _judge(dataset: Dataset, sqls: list[str], sandbox: Sandbox) -> list[Verdict]:
    pairs = zip(dataset.examples, sqls, strict=True)
    predictions = [Prediction(example.id, sql, sql) for example, sql in pairs]
    return judge(dataset.examples, predictions, dataset.databases, sandbox)


def test_every_gold_is_right_against_itself(ships: Dataset, sandbox: Sandbox) -> None:
    verdicts = _judge(ships, [example.sql for example in ships.examples], sandbox)
    assert {(v.execution, v.exact, v.exact_error) for v in verdicts} == {(True, True, None)}


def test_structured_predictions_are_judged_as_the_evaluator_would(
    ships: Dataset, sandbox: Sandbox, tmp_path: Path
) -> None:
    official, forms = Official(), list(_forms(400))
    rows: list[dict[str, Any]] = [{"query": form} for form in [*forms[1:], forms[0]]]
    rows[3] = {"error": "no idea"}
    rows[4] = {"query": {"sel": 9, "agg": 0, "conds": []}}
    rows[5] = {"query": {"sel": 0, "agg": 7, "conds": []}}
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    predictions = read_predictions(path, ships)
    verdicts = judge(ships.examples, predictions, ships.databases, sandbox)
    for number, (row, verdict) in enumerate(zip(rows, verdicts, strict=True)):
        if number in (3, 4, 5):
            assert (verdict.execution, verdict.exact) == (False, False)
            continue
        expected = official.execute(forms[number]) == official.execute(row["query"])
        assert verdict.execution is expected
        assert verdict.exact is (_key(forms[number]) == _key(row["query"]))
    path.write_text(json.dumps(rows[0]) + "\n")
    with pytest.raises(DataError, match=r"1 predictions in .* \(none from wikisql-dev-00001 on"):
        read_predictions(path, ships)
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0]]))
    with pytest.raises(DataError, match=r"400 or more predictions in .* \(more than examples"):
        read_predictions(path, ships)


def one(ships: Dataset, gold: str, predicted: str, sandbox: Sandbox) -> Verdict:
    example = Example("1", "?", gold, "7-42-1", "wikisql", "BSD-3-Clause")
    prediction = Prediction("1", predicted, predicted)
    return judge([example], [prediction], ships.databases, sandbox)[0]


@pytest.mark.parametrize(
    ("predicted", "execution", "reason"),
    [
        ("SELECT Ship FROM table_7_42_1 WHERE Flag = 'SE' LIMIT 1", True, "no logical form: LIMIT"),
        (
            "SELECT Ship FROM table_7_42_1 WHERE Flag LIKE 's%'",
            True,
            "no logical form: LIKE in a condition",
        ),
        (
            "SELECT Ship, Flag FROM table_7_42_1 WHERE Flag = 'SE'",
            False,
            "no logical form: more than one column selected",
        ),
        (
            "SELECT Ship FROM table_7_42_1 WHERE Boat = 'SE'",
            False,
            "no logical form: unknown column: Boat",
        ),
        ("", False, "no logical form: not one statement"),
    ],
)
def test_what_has_no_form_is_executed_as_it_is_written(
    ships: Dataset, sandbox: Sandbox, predicted: str, execution: bool, reason: str
) -> None:
    gold = "SELECT Ship FROM table_7_42_1 WHERE Flag = 'SE'"
    verdict = one(ships, gold, predicted, sandbox)
    assert (verdict.execution, verdict.exact) == (execution, False)
    assert verdict.exact_error == reason


def test_of_two_conditions_on_one_column_the_last_value_counts_as_officially(
    ships: Dataset, sandbox: Sandbox
) -> None:
    gold = 'SELECT Ship FROM table_7_42_1 WHERE "Crew (max)" > 100'
    twice = 'SELECT Ship FROM table_7_42_1 WHERE "Crew (max)" > 10 AND "Crew (max)" > 100'
    other = 'SELECT Ship FROM table_7_42_1 WHERE "Crew (max)" > 100 AND "Crew (max)" > 10'
    assert one(ships, gold, twice, sandbox).execution is True
    assert one(ships, gold, other, sandbox).execution is False  # officially > 10 and > 10


def test_in_the_strict_mode_no_figure_is_called_logical_form(
    ships: Dataset, sandbox: Sandbox
) -> None:
    predictions = [Prediction(example.id, example.sql, "") for example in ships.examples]
    verdicts = judge(ships.examples, predictions, ships.databases, sandbox, match="strict")
    metrics: Any = to_json(summarise(verdicts), "wikisql", "dev")["metrics"]
    assert "logical_form_accuracy" not in metrics
    assert metrics["exact_set_match"]["value"] == 1.0


def test_golds_that_give_nothing_are_counted_with_and_without(
    ships: Dataset, sandbox: Sandbox
) -> None:
    table = "table_7_42_1"
    golds = [
        f"SELECT Ship FROM {table} WHERE Flag = 'SE'",
        f"SELECT Ship FROM {table} WHERE Flag = 'FI'",
        f"SELECT MAX(Built) FROM {table} WHERE Flag = 'FI'",
    ]
    verdicts = [one(ships, golds[0], golds[1], sandbox)]
    verdicts += [one(ships, gold, gold, sandbox) for gold in golds]
    assert [v.gold_is_null for v in verdicts] == [False, False, True, True]
    metrics: Any = to_json(summarise(verdicts), "wikisql", "dev")["metrics"]
    assert metrics["execution_accuracy"]["value"] == 3 / 4
    assert metrics["execution_accuracy_without_null_golds"]["value"] == 1 / 2
    assert metrics["logical_form_accuracy"]["value"] == 3 / 4


@pytest.mark.usefixtures("own_cache")
def test_every_gold_of_the_held_out_tables_is_right_against_itself(
    published_data: Path, sandbox: Sandbox
) -> None:
    dataset = load_benchmark("wikisql", published_data)
    verdicts = _judge(dataset, [example.sql for example in dataset.examples], sandbox)
    assert {(v.execution, v.exact, v.valid) for v in verdicts} == {(True, True, True)}
