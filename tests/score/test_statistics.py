"""The standard library's intervals and tests against SciPy's, and the bootstrap against theory."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from sqlforge.core.records import Example, Verdict
from sqlforge.score.paired import paired, paired_json
from sqlforge.score.statistics import (
    bootstrap_by_group,
    bootstrap_difference,
    mcnemar,
    paired_difference,
    wilson,
)

RIGHT = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("correct", "n"), [(0, 1), (1, 1), (0, 10), (10, 10), (3, 7), (813, 1034), (99_999, 100_000)]
)
def test_wilsons_interval_is_scipys(correct: int, n: int) -> None:
    found = wilson(correct, n)
    expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0


@pytest.mark.parametrize(("correct", "n"), [(2, 1), (-1, 3), (1, 0)])
def test_more_right_than_asked_is_refused(correct: int, n: int) -> None:
    with pytest.raises(ValueError, match="correct of"):
        wilson(correct, n)


@pytest.mark.parametrize(
    ("lost", "won"), [(0, 1), (1, 1), (2, 12), (30, 30), (31, 30), (170, 90), (0, 2000)]
)
def test_mcnemars_p_value_is_that_of_scipys_binomial_test(lost: int, won: int) -> None:
    found = mcnemar([True] * lost + [False] * won, [False] * lost + [True] * won)
    assert (found.only_base, found.only_tuned) == (lost, won)
    assert found.p_value == pytest.approx(binomtest(won, lost + won).pvalue, rel=1e-9, abs=1e-300)


def _drawn(n: int, seed: int) -> tuple[list[bool], list[bool]]:
    rng = random.Random(seed)
    base = [rng.random() < 0.7 for _ in range(n)]
    return base, [b if rng.random() < 0.6 else rng.random() < 0.9 for b in base]


def test_the_bootstrap_gives_the_interval_of_drawing_examples_one_by_one() -> None:
    base, tuned = _drawn(300, 1)
    gains = [int(t) - int(b) for b, t in zip(base, tuned, strict=True)]
    rng = random.Random(2)
    plain = sorted(sum(rng.choices(gains, k=300)) / 300 for _ in range(4_000))
    found = bootstrap_difference(base, tuned)
    assert found.value == pytest.approx(sum(gains) / 300)
    assert found.low == pytest.approx(plain[100], abs=0.008)
    assert found.high == pytest.approx(plain[-101], abs=0.008)


def test_bootstrap_and_newcombe_agree_on_many_examples() -> None:
    base, tuned = _drawn(10_000, 3)
    drawn, formula = bootstrap_difference(base, tuned), paired_difference(base, tuned)
    assert drawn.value == pytest.approx(formula.value)
    assert drawn.low == pytest.approx(formula.low, abs=1e-3)
    assert drawn.high == pytest.approx(formula.high, abs=1e-3)


def test_ten_thousand_examples_are_drawn_in_a_moment() -> None:
    base, tuned = _drawn(10_000, 4)
    started = time.perf_counter()
    bootstrap_difference(base, tuned)
    assert time.perf_counter() - started < 20  # seconds; one by one it takes minutes


@settings(max_examples=60, deadline=None)
@given(RIGHT, st.integers(0, 3))
def test_a_seed_fixes_the_interval_and_it_holds_the_value(
    pairs: list[tuple[bool, bool]], seed: int
) -> None:
    base, tuned = [b for b, _ in pairs], [t for _, t in pairs]
    found = bootstrap_difference(base, tuned, seed=seed, resamples=400)
    assert found == bootstrap_difference(base, tuned, seed=seed, resamples=400)
    assert -1.0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1.0


@settings(max_examples=60, deadline=None)
@given(RIGHT)
def test_swapping_the_systems_turns_the_sign(pairs: list[tuple[bool, bool]]) -> None:
    base, tuned = [b for b, _ in pairs], [t for _, t in pairs]
    there, back = paired_difference(base, tuned), paired_difference(tuned, base)
    assert there.value == pytest.approx(-back.value)
    assert (there.low, there.high) == (pytest.approx(-back.high), pytest.approx(-back.low))
    assert mcnemar(base, tuned).p_value == mcnemar(tuned, base).p_value


def test_where_nothing_differs_the_interval_is_a_point() -> None:
    for right in ([], [True] * 5, [True, False]):
        found = bootstrap_difference(right, right)
        assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_systems_that_differ_on_one_database_only_get_a_wide_interval() -> None:
    base, tuned = [False] * 100, [i < 20 for i in range(100)]
    databases = [i // 10 for i in range(100)]
    alone, together = bootstrap_difference(base, tuned), bootstrap_by_group(base, tuned, databases)
    assert alone.value == together.value == 0.2
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert bootstrap_by_group([], [], []).value == 0.0
    with pytest.raises(ValueError, match="shorter"):
        bootstrap_by_group(base, tuned, databases[1:])


def test_pairs_leave_out_what_one_of_the_two_could_not_execute() -> None:
    first = [_verdict(i, right) for i, right in enumerate((True, False, None, False))]
    second = [_verdict(i, right) for i, right in enumerate((True, True, True, None))]
    found = paired(first, second)
    assert (found.mcnemar.only_base, found.mcnemar.only_tuned) == (0, 1)
    assert found.difference.value == 0.5
    golds = ["SELECT a FROM t", "SELECT a FROM t WHERE b = 1", "SELECT a FROM t", "SELECT a FROM t"]
    examples = [Example(str(i), "?", sql, "shop", "spider", "MIT") for i, sql in enumerate(golds)]
    as_json = paired_json(examples, first, second)
    assert as_json["n"] == 2
    sizes = {
        name: {key: row["n"] for key, row in as_json[name].items()}
        for name in ("by_hardness", "by_clause", "by_database")
    }
    assert sizes == {
        "by_hardness": {"easy": 1, "hard": 1},
        "by_clause": {"no join": 2, "WHERE": 1},
        "by_database": {"db0": 1, "db1": 1},
    }
    where = as_json["by_clause"]["WHERE"]
    assert (where["mcnemar"]["only_tuned"], where["difference"]["value"]) == (1, 1.0)
    assert "bootstrap_databases" not in where
    with pytest.raises(ValueError, match="shorter"):
        paired(first, second[1:])


def _verdict(number: int, right: bool | None) -> Verdict:
    kind = "hard" if number % 2 else "easy"
    return Verdict(str(number), f"db{number}", kind, right, False, True, True)
