"""Hostile predictions on their way through the whole scorer, not through the sandbox alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.attacks import ATTACKS, state_of
from database.made_up_sql import SENTENCES, TEXTS
from sqlforge.core.records import Database, Example, Prediction
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.extract import extract_sql
from sqlforge.score.judge import judge
from sqlforge.score.rules import Match

GOLD = "SELECT name FROM shop WHERE id = 2"
OUTSIDE = 10.0  # seconds beside the executions: far above what it takes, far below a hang
LIMITS = Limits(seconds=0.5, grace=0.3, rows=2_000, bytes=2**20, memory=400 * 2**20)


@pytest.mark.parametrize("match", ["official", "strict"])
def test_after_every_attack_the_next_prediction_is_scored(shop: Database, match: Match) -> None:
    assert shop.path is not None
    folder = str(shop.path.parent)
    attacks = [sql.replace("{folder}", folder) for sql, _ in ATTACKS.values()]
    answers = [sql for attack in attacks for sql in (attack, GOLD)]
    examples = [
        Example(str(i), "?", GOLD, "shop", "spider", "CC0-1.0") for i in range(len(answers))
    ]
    predictions = [Prediction(str(i), sql, sql) for i, sql in enumerate(answers)]
    before, slowest, last = state_of(shop.path), 0.0, time.perf_counter()

    def progress(done: int, total: int) -> None:
        nonlocal slowest, last
        now = time.perf_counter()
        slowest, last = max(slowest, now - last), now

    with Sandbox(LIMITS, workers=2) as sandbox:
        verdicts = judge(examples, predictions, {"shop": shop}, sandbox, progress, match=match)
    assert [v.execution for v in verdicts[1::2]] == [True] * len(attacks)
    for name, verdict in zip(ATTACKS, verdicts[::2], strict=True):
        assert verdict.execution is False, name
        assert verdict.error, name
        assert not verdict.exact, name
    assert slowest < 4 * (LIMITS.seconds + LIMITS.grace) + OUTSIDE
    assert state_of(Path(shop.path)) == before


def test_extraction_ends_at_once_on_every_attack() -> None:
    for name, (sql, _) in ATTACKS.items():
        started = time.perf_counter()
        extract_sql(f"```sql\n{sql}\n```")
        assert time.perf_counter() - started < OUTSIDE, name


def scored(sql: str, shop: Database, sandbox: Sandbox) -> None:
    prediction, example = Prediction("1", sql, sql), Example("1", "?", GOLD, "shop", "spider", "-")
    for match in ("official", "strict"):
        (verdict,) = judge([example], [prediction], {"shop": shop}, sandbox, match=match)
        assert verdict.execution in (True, False)
        assert (verdict.error is None) is verdict.execution
        assert not (verdict.valid and not verdict.parsed and match == "strict")


@pytest.fixture(scope="module")
def quick() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=0.3, grace=2.0, rows=2_000, bytes=2**20)) as sandbox:
        yield sandbox


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=st.one_of(SENTENCES, TEXTS))
def test_any_statement_gets_a_verdict(shop: Database, quick: Sandbox, sql: str) -> None:
    scored(sql, shop, quick)


@pytest.mark.soak
@settings(max_examples=5_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(sql=st.one_of(SENTENCES, TEXTS))
def test_five_thousand_statements_get_their_verdicts(
    shop: Database, quick: Sandbox, sql: str
) -> None:
    scored(sql, shop, quick)
