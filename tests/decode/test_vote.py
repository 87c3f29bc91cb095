"""Execution-guided choice: data pairs in ``fixtures/vote/cases.json``, run in the real sandbox."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sqlforge.core.records import Database, QueryResult, Status
from sqlforge.core.schema import Schema
from sqlforge.database.introspect import schema_from_sqlite
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.decode.vote import Candidate, choose, vote

FIXTURE = json.loads((Path(__file__).parents[1] / "fixtures/vote/cases.json").read_text())
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Database:
    file = tmp_path_factory.mktemp("vote") / "shop.sqlite"
    with sqlite3.connect(file) as connection:
        for statement in FIXTURE["database"]:
            connection.execute(statement)
    connection.close()
    return Database("shop", schema_from_sqlite(file), file)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=0.3)) as opened:
        yield opened


def candidate(sql: str, probability: float) -> Candidate:
    return Candidate(sql, sql, math.log(probability), 1 + len(sql.split()))


@pytest.fixture(scope="module")
def patient() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=20)) as opened:
        yield opened


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlforge.decode.vote.FIRST_STEPS", 100_000)


LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) "
LONG += "SELECT count(*) FROM n"  # more than those few steps, less than the sandbox's time
QUICK = "SELECT 1"


@pytest.mark.parametrize(
    ("candidates", "taken", "failed"),
    [
        pytest.param([(QUICK, 0.4), (LONG, 0.1)], QUICK, 1, id="it could not win: not waited for"),
        pytest.param([(QUICK, 0.1), (LONG, 0.4)], LONG, 0, id="the most probable gets its time"),
        pytest.param(
            [(QUICK, 0.3), ("SELECT 50000", 0.2), (LONG, 0.2)],
            "SELECT 50000",
            0,
            id="it could decide between two others",
        ),
        pytest.param([(LONG, 0.4), ("SELECT no", 0.2)], LONG, 1, id="nothing else runs"),
    ],
)
def test_a_slow_sample_gets_its_time_where_it_could_change_the_choice(
    candidates: list[tuple[str, float]],
    taken: str,
    failed: int,
    shop: Database,
    patient: Sandbox,
    few_steps: None,
) -> None:
    some = [candidate(sql, p) for sql, p in candidates]
    found = next(vote([(shop, some)], patient))
    assert (found.candidate.sql, found.failed) == (taken, failed)


def test_a_slow_sample_with_rows_gets_its_time_where_others_have_none(
    shop: Database, patient: Sandbox, few_steps: None
) -> None:
    some = [candidate("SELECT 1 WHERE 0", 0.5), candidate(LONG, 0.1)]
    found = [next(vote([(shop, some)], patient, prefer_non_empty=n)) for n in (False, True)]
    assert [choice.candidate.sql for choice in found] == ["SELECT 1 WHERE 0", LONG]


@pytest.mark.parametrize("case", FIXTURE["cases"], ids=lambda case: case["claim"])
def test_choices(case: dict[str, Any], shop: Database, sandbox: Sandbox) -> None:
    candidates = [candidate(sql, p) for sql, p in case["candidates"]]
    prefer = case.get("prefer_non_empty", False)
    found = next(vote([(shop, candidates)], sandbox, prefer_non_empty=prefer))
    assert found.candidate.sql == case["taken"]
    assert (found.samples, found.votes, found.failed) == (
        len(candidates),
        case["votes"],
        case["failed"],
    )
    assert found.share == pytest.approx(case["share"], abs=5e-4)
    assert found.ran == case.get("ran", True)
    assert found.empty == case.get("empty", not found.ran)


def test_a_query_that_runs_out_of_time_is_dropped(shop: Database, sandbox: Sandbox) -> None:
    candidates = [candidate(ENDLESS, 0.9), candidate("SELECT 1", 0.1)]
    found = next(vote([(shop, candidates)], sandbox))
    assert (found.candidate.sql, found.failed) == ("SELECT 1", 1)


def test_identical_sql_is_executed_once(shop: Database) -> None:
    asked: list[str] = []

    class Watched(Sandbox):
        def run_many(self, items: Any, timing: Any = 0, **bounds: Any) -> Any:
            queries = list(items)
            asked.extend(sql for _, sql in queries)
            return super().run_many(queries, timing, **bounds)

    twice = [candidate("SELECT 1", 0.4), candidate("SELECT 2", 0.3), candidate("SELECT 1", 0.4)]
    with Watched() as watched:
        assert len(list(vote([(shop, twice), (shop, twice)], watched))) == 2
    assert asked == ["SELECT 1", "SELECT 2"] * 2


def test_a_text_and_the_same_sql_in_another_text_both_add_their_probability(
    shop: Database, sandbox: Sandbox
) -> None:
    one = Candidate("SELECT 1;", "SELECT 1", math.log(0.2), 4)
    two = Candidate("SELECT 1", "SELECT 1", math.log(0.2), 3)
    found = next(vote([(shop, [one, two, candidate("SELECT 2", 0.3)])], sandbox))
    assert found.candidate == one and found.mass == pytest.approx(math.log(0.4))


def test_a_database_without_rows_takes_the_most_probable_answer_and_says_so(
    sandbox: Sandbox,
) -> None:
    nowhere = Database("nowhere", Schema(()))
    found = next(
        vote([(nowhere, [candidate("SELECT 1", 0.2), candidate("SELECT 2", 0.3)])], sandbox)
    )
    assert found.candidate.sql == "SELECT 2" and not found.ran and found.votes == 0


def test_progress_tells_every_question(shop: Database, sandbox: Sandbox) -> None:
    told: list[tuple[int, int]] = []
    asked = [(shop, [candidate("SELECT 1", 0.5)])] * 3
    list(vote(asked, sandbox, progress=lambda done, total: told.append((done, total))))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_probabilities_too_small_for_floats_still_add_up() -> None:
    results = {sql: QueryResult(Status.OK, ("n",), ((sql,),)) for sql in ("a", "b")}
    results["c"] = results["b"]
    candidates = [Candidate(sql, sql, -2000.0 - n / 10, 900) for n, sql in enumerate("abc")]
    found = choose(candidates, results)
    assert found.candidate.sql == "b"
    assert found.share == pytest.approx(1 / (1 + 1 / (math.exp(-0.1) + math.exp(-0.2))))


def test_the_choice_does_not_depend_on_the_order_of_unequal_candidates() -> None:
    rng = Random(5)
    results = {f"q{n}": QueryResult(Status.OK, ("n",), ((n % 4,),)) for n in range(12)}
    candidates = [Candidate(sql, sql, math.log(rng.uniform(0.01, 0.2)), 3) for sql in results]
    first = choose(candidates, results)
    for _ in range(50):
        rng.shuffle(candidates)
        assert choose(candidates, results) == first


def test_summed_probability_finds_the_most_probable_result_more_often_than_counting() -> None:
    """Of eight draws from made-up models, each with forty texts over six results."""
    rng = Random(11)
    right = {"probability": 0, "counts": 0, "both": 0}
    models = 400
    for _ in range(models):
        weights = [rng.paretovariate(0.8) for _ in range(40)]
        probabilities = [w / sum(weights) for w in weights]
        group = [rng.randrange(6) for _ in weights]
        truth = _heaviest(group, probabilities)
        drawn = rng.choices(range(40), probabilities, k=8)
        results = {str(n): QueryResult(Status.OK, ("n",), ((group[n],),)) for n in drawn}
        found = choose([candidate(str(n), probabilities[n]) for n in drawn], results)
        right["probability"] += group[int(found.candidate.sql)] == truth
        right["counts"] += _heaviest([group[n] for n in drawn], [1.0] * 8) == truth
        right["both"] += (
            _heaviest([group[n] for n in drawn], [probabilities[n] for n in drawn]) == truth
        )
    assert right["probability"] >= max(right["counts"], right["both"])


def _heaviest(groups: list[int], weights: list[float]) -> int:
    totals = [
        math.fsum(w for g, w in zip(groups, weights, strict=True) if g == n) for n in range(6)
    ]
    return totals.index(max(totals))
