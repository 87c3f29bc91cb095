from __future__ import annotations

import json

import pytest

from sqlforge.core.errors import DataError, GoldError
from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.core.schema import Schema
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.judge import judge
from sqlforge.score.statistics import McNemar, mcnemar, paired_difference, wilson
from sqlforge.score.summary import summarise, to_json

GOLD = "SELECT name FROM shop WHERE city = 'Oslo'"


def example(number: int, sql: str = GOLD, db_id: str = "shop") -> Example:
    return Example(str(number), "?", sql, db_id, "test", "CC0-1.0", "easy")


def one(predicted: str, shop: Database, sandbox: Sandbox, gold: str = GOLD) -> Verdict:
    prediction = Prediction("1", predicted, predicted)
    return judge([example(1, gold)], [prediction], {"shop": shop}, sandbox)[0]


@pytest.mark.parametrize(
    ("predicted", "error"),
    [
        ("SELECT name FROM shop WHERE id IN (1, 3)", None),
        ("SELECT name FROM shop", "wrong result"),
        ("SELECT name FROM", "does not parse"),
        ("DROP TABLE shop", "does not parse"),
        ("SELECT name FROM shops", "unknown table: shops"),
        ("SELECT nam FROM shop", "unknown column: nam"),
        ("SELECT id FROM shop, sale", "database error: ambiguous column name: id"),
        ("SELECT abs(-9223372036854775807 - id) FROM shop", "database error: integer overflow"),
        (
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT 1 FROM c) SELECT max(x) FROM c",
            "timeout",
        ),
    ],
)
def test_the_first_thing_that_went_wrong_is_named(
    shop: Database, sandbox: Sandbox, predicted: str, error: str | None
) -> None:
    verdict = one(predicted, shop, sandbox)
    assert verdict.error == error
    assert verdict.execution is (error is None)
    assert not verdict.exact
    assert (verdict.id, verdict.db_id, verdict.kind) == ("1", "shop", "easy")


def test_the_gold_in_another_spelling_is_right_in_every_way(
    shop: Database, sandbox: Sandbox
) -> None:
    verdict = one("select T1.NAME from shop as T1 where T1.city = 'Oslo'", shop, sandbox)
    assert verdict.execution
    assert verdict.exact
    assert verdict.valid
    assert verdict.parsed


def test_a_string_in_double_quotes_may_execute_and_yet_be_invalid(
    shop: Database, sandbox: Sandbox
) -> None:
    verdict = one('SELECT name FROM shop WHERE city = "Oslo"', shop, sandbox)
    assert verdict.execution
    assert verdict.parsed
    assert not verdict.valid
    assert verdict.error is None


def test_where_golds_quote_strings_doubly_predictions_may(shop: Database, sandbox: Sandbox) -> None:
    sql = 'SELECT name FROM shop WHERE city = "Oslo"'
    assert one(sql, shop, sandbox, gold=sql).valid
    assert one(GOLD, shop, sandbox, gold='SELECT "name" FROM shop').valid


def test_a_failing_gold_stops_and_is_named(shop: Database, sandbox: Sandbox) -> None:
    with pytest.raises(GoldError, match=r"gold SQL of 1 fails \(no such column: nam\)"):
        one("SELECT 1", shop, sandbox, gold="SELECT nam FROM shop")
    assert one(GOLD, shop, sandbox).execution


def test_without_rows_nothing_is_executed_and_the_rest_is_judged(
    shop: Database, sandbox: Sandbox
) -> None:
    empty = Database("shop", shop.schema)
    right, wrong = one(GOLD, empty, sandbox), one("SELECT nam FROM shop", empty, sandbox)
    assert (right.execution, right.exact, right.valid, right.error) == (None, True, True, None)
    assert (wrong.execution, wrong.valid, wrong.error) == (None, False, "unknown column: nam")
    summary = summarise([right, wrong, one(GOLD, shop, sandbox)])
    assert (summary.execution_accuracy.correct, summary.execution_accuracy.n) == (1, 1)
    assert summary.valid_sql.n == 3


def test_verdicts_come_in_order_with_progress(shop: Database, sandbox: Sandbox) -> None:
    examples = [example(i) for i in range(5)]
    predictions = [Prediction(str(i), GOLD if i % 2 else "x", "") for i in reversed(range(5))]
    seen: list[tuple[int, int]] = []
    verdicts = judge(
        examples, predictions, {"shop": shop}, sandbox, lambda done, n: seen.append((done, n))
    )
    assert [(v.id, v.execution) for v in verdicts] == [(str(i), bool(i % 2)) for i in range(5)]
    assert seen == [(i, 5) for i in range(1, 6)]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, 2], "1 ids without a prediction (3)"),
        ([1, 2, 3, 8, 9], "2 ids with a prediction but no example (8, 9)"),
        ([1, 2, 3, 2, 2], "1 ids predicted more than once (2)"),
        ([1, 2, 3, *range(10, 20)], "(10, 11, 12, 13, 14 and 5 more)"),
    ],
)
def test_predictions_that_do_not_belong_are_named(
    shop: Database, sandbox: Sandbox, ids: list[int], message: str
) -> None:
    predictions = [Prediction(str(i), GOLD, "") for i in ids]
    with pytest.raises(DataError) as caught:
        judge([example(i) for i in (1, 2, 3)], predictions, {"shop": shop}, sandbox)
    assert message in str(caught.value)


def test_a_missing_database_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(DataError, match="missing databases zoo"):
        judge([example(1, db_id="zoo")], [Prediction("1", "", "")], {}, sandbox)


def test_the_wilson_interval_is_the_published_one() -> None:
    metric = wilson(81, 263)  # the example of Newcombe (1998), Table I, method 3
    assert (round(metric.low, 4), round(metric.high, 4)) == (0.2553, 0.3662)
    assert (metric.correct, metric.n) == (81, 263)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)
    assert wilson(0, 10).low == 0.0


def test_mcnemar_counts_only_where_the_two_differ() -> None:
    base = [True] * 20 + [False] * 12 + [True] * 2
    tuned = [True] * 20 + [True] * 12 + [False] * 2
    found = mcnemar(base, tuned)
    assert (found.only_base, found.only_tuned) == (2, 12)
    assert found.p_value == pytest.approx(2 * (1 + 14 + 91) / 2**14)
    assert mcnemar(base, base) == McNemar(0, 0, 1.0)
    with pytest.raises(ValueError, match="shorter"):
        mcnemar(base, base[1:])


def test_the_paired_interval_is_the_published_one() -> None:
    # Newcombe (1998), improved confidence intervals for paired data, Table III, method 10.
    def pairs(a: int, b: int, c: int, d: int) -> tuple[list[bool], list[bool]]:
        first = [True] * (a + b) + [False] * (c + d)
        second = [True] * a + [False] * b + [True] * c + [False] * d
        return second, first

    found = paired_difference(*pairs(36, 12, 2, 0))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (
        pytest.approx(0.0569, abs=1e-4),
        pytest.approx(0.3404, abs=1e-4),
    )
    assert paired_difference([], []).value == 0.0
    found = paired_difference(*pairs(20, 5, 5, 20))
    assert found.low == pytest.approx(-found.high)


def test_the_summary_counts_each_kind() -> None:
    verdicts = [
        Verdict("1", "d", "easy", True, True, True, True),
        Verdict("2", "d", "easy", False, False, True, True, "wrong result"),
        Verdict("3", "d", None, False, False, False, False, "does not parse"),
    ]
    summary = summarise(verdicts)
    assert summary.execution_accuracy.correct == 1
    assert summary.exact_match.value == pytest.approx(1 / 3)
    assert (summary.valid_sql.correct, summary.parse_rate.correct) == (2, 2)
    assert list(summary.by_kind) == ["easy", "unknown"]
    assert summary.by_kind["easy"].valid_sql.n == 2


def test_golds_without_rows_are_counted_with_and_without(shop: Database, sandbox: Sandbox) -> None:
    empty = "SELECT name FROM shop WHERE id = 9"
    examples = [example(1), example(2, empty), example(3, empty)]
    answers = [GOLD, "SELECT note FROM sale WHERE id = 9", GOLD]
    predictions = [Prediction(str(i), sql, sql) for i, sql in enumerate(answers, start=1)]
    verdicts = judge(examples, predictions, {"shop": shop}, sandbox)
    assert [v.empty_gold for v in verdicts] == [False, True, True]
    metrics = summarise(verdicts).metrics
    assert (metrics.execution_accuracy.correct, metrics.execution_accuracy.n) == (2, 3)
    assert (metrics.with_rows.correct, metrics.with_rows.n) == (1, 1)


def test_the_json_has_its_fixed_form() -> None:
    summary = summarise([Verdict("1", "d", "easy", True, True, True, True)])
    for benchmark, exact in (("internal", "exact_match"), ("spider", "exact_set_match")):
        found = json.loads(json.dumps(to_json(summary, benchmark, "dev")))
        assert list(found) == ["benchmark", "split", "n", "metrics", "by_hardness"]
        assert list(found["metrics"]) == [
            *("execution_accuracy", exact, "valid_sql", "parse_rate"),
            "execution_accuracy_with_rows",
        ]
        assert list(found["metrics"][exact]) == ["value", "low", "high", "correct", "n"]
        assert found["by_hardness"]["easy"]["execution_accuracy"]["value"] == 1.0


def test_nothing_to_judge_is_no_error(sandbox: Sandbox) -> None:
    assert judge([], [], {}, sandbox) == []
    assert summarise([]).n == 0
    assert Schema(()).tables == ()
