"""Slices of accuracy by clause and database, and the classes of mistakes beside them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.score.breakdown import break_down, breakdown_json, explain
from sqlforge.score.clauses import clauses_of


@pytest.mark.parametrize(
    ("sql", "clauses"),
    [
        ("SELECT a FROM t", "no join"),
        ("select a from t join u on x = y", "one join"),
        ("SELECT a FROM t, u, v", "two joins"),
        ("SELECT a FROM t, (SELECT b, c FROM u) WHERE d IN (1, 2)", "one join|WHERE|nested query"),
        ("SELECT 1 FROM a JOIN b JOIN c LEFT JOIN d JOIN e", "three or more joins"),
        ("SELECT a, b FROM t GROUP\n BY a, b", "no join|GROUP BY"),
        ("SELECT a FROM t ORDER  BY a, b LIMIT 3", "no join|ORDER BY|LIMIT"),
        ("SELECT count(*) FROM t GROUP BY a HAVING b > 1", "no join|GROUP BY|HAVING|aggregate"),
        ("SELECT count FROM t", "no join"),
        ("SELECT DISTINCT a FROM t", "no join|DISTINCT"),
        ("SELECT a FROM t WHERE b = 'x where y join (select'", "no join|WHERE"),
        ('SELECT "order by" FROM `limit` -- where', "no join"),
        ("SELECT a FROM t WHERE b > (SELECT avg(b))", "no join|WHERE|aggregate|nested query"),
        ("SELECT a FROM t UNION SELECT b FROM u", "no join|set operation"),
        ("", "no join"),
        ("SELECT a) FROM t, u", "one join"),
    ],
)  # fmt: skip
def test_clauses_are_told_by_words_outside_quotes_and_comments(sql: str, clauses: str) -> None:
    assert "|".join(clauses_of(sql)) == clauses


def _example(number: int, sql: str, db_id: str) -> Example:
    return Example(str(number), "?", sql, db_id, "test", "CC0-1.0", "easy")


EXAMPLES = [
    _example(1, "SELECT name FROM shop WHERE id = 1", "north"),
    _example(2, "SELECT name FROM shop", "north"),
    _example(3, "SELECT max(id) FROM shop WHERE id < 3", "south"),
    _example(4, "SELECT id FROM shop", "east"),
]
RIGHT = (True, False, False, None)
VERDICTS = [
    Verdict(e.id, e.db_id, e.kind, right, False, True, True, "wrong result")
    for e, right in zip(EXAMPLES, RIGHT, strict=True)
]


def test_an_example_counts_for_each_clause_of_its_gold() -> None:
    found = break_down(EXAMPLES, VERDICTS)
    counts = {name: (m.correct, m.n) for name, m in found.by_clause.items()}
    assert counts == {"no join": (1, 3), "WHERE": (1, 2), "aggregate": (0, 1)}
    assert {name: m.n for name, m in found.by_database.items()} == {"north": 2, "south": 1}
    assert found.mistakes is None
    assert list(breakdown_json(found)) == ["by_clause", "by_database"]


def test_failures_are_explained_and_counted(shop: Database) -> None:
    verdicts = [
        replace(v, error=None if v.execution else "wrong result", execution=v.execution is True)
        for v in VERDICTS[:3]
    ]
    examples = EXAMPLES[:3]
    texts = ["SELECT name FROM shop", "SELECT city FROM shop", "SELECT min(id) FROM shop"]
    answers = [Prediction(e.id, sql, sql) for e, sql in zip(examples, texts, strict=True)]
    databases = {e.db_id: shop for e in examples}
    explained = list(explain(examples, answers, verdicts, databases))
    assert [v.mistakes for v in explained] == [
        (),
        ("wrong columns",),
        ("wrong aggregate", "missing condition"),
    ]
    found = json.loads(json.dumps(breakdown_json(break_down(examples, explained))))
    assert found["mistakes"] == {
        "failures": 2,
        "primary": {"wrong aggregate": 1, "wrong columns": 1},
        "present": {"wrong aggregate": 1, "wrong columns": 1, "missing condition": 1},
    }


def test_what_was_not_executed_is_explained_if_it_is_invalid(shop: Database) -> None:
    invalid = Verdict("1", "north", None, None, False, False, True, "unknown column: nme")
    valid = Verdict("2", "north", None, None, False, True, True)
    answers = [Prediction("1", "SELECT nme FROM shop", ""), Prediction("2", "SELECT 1", "")]
    found = explain(EXAMPLES[:2], answers, [invalid, valid], {"north": shop})
    assert [v.mistakes for v in found] == [("unknown column",), ()]
