"""What sampled answers are worth in reinforcement: whether they give the gold's result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from sqlforge.core.records import Database, Example, QueryResult, Reward, Status
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.score.rules import Rules, rules_for

Progress = Callable[[int, int], None]
MOST_ROWS = 20_000
"""Of a gold's result: they are kept in memory while the training goes on."""
MOST_STEPS = 20_000_000
"""Of SQLite's machine in one query, so that a busy computer hardly changes rewards."""
_TOGETHER = 4  # queries that a worker gets at a time: samples may be slow, golds rarely are


@dataclass(frozen=True, slots=True)
class Golds:
    """How golds did: those that can be learnt from by number, and how many cannot.

    ``failing`` golds do not run within the limits. ``empty`` ones give no row, or NULL only: any
    query that finds nothing would be right.
    """

    usable: tuple[int, ...]
    failing: int
    empty: int


class Referee:
    """Judges answers to examples by the benchmark's official match; use it as a context manager.

    Golds are executed once, by :meth:`check`, and their results kept. From one thread at a time.

    Args:
        examples: with their golds.
        databases: by ``db_id``; those of the examples have rows.
        seconds: what one query may take beside ``MOST_STEPS``; longer ones are worth 0.
        runs_reward: what an answer is worth that runs and gives another result.
        workers: processes that execute.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        databases: Mapping[str, Database],
        *,
        seconds: float,
        runs_reward: float = 0.0,
        workers: int = 1,
    ) -> None:
        self._examples, self._databases = examples, databases
        self._runs_reward = runs_reward
        self._golds: dict[int, QueryResult] = {}
        limits = Limits(seconds=seconds, rows=MOST_ROWS)
        self._sandbox = Sandbox(limits, workers=workers)

    def __enter__(self) -> Referee:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._sandbox.close()

    def check(self, progress: Progress | None = None) -> Golds:
        """Execute all golds."""
        asked = (self._as_executed(i, None) for i in range(len(self._examples)))
        failing = empty = 0
        for i, result in enumerate(self._sandbox.run_many(asked, steps=MOST_STEPS)):
            if not result.ok:
                failing += 1
            elif all(value is None for row in result.rows for value in row):
                empty += 1
            else:
                self._golds[i] = result
            if progress is not None:
                progress(i + 1, len(self._examples))
        return Golds(tuple(sorted(self._golds)), failing, empty)

    def judge(self, answers: Sequence[tuple[int, str]]) -> list[Reward]:
        """Rewards of ``answers``, each the number of an example with a usable gold and a text."""
        asked = (self._as_executed(number, sql) for number, sql in answers)
        results = self._sandbox.run_many(asked, steps=MOST_STEPS, together=_TOGETHER)
        return [self._reward(n, r) for (n, _), r in zip(answers, results, strict=True)]

    def _as_executed(self, number: int, sql: str | None) -> tuple[Database, str]:
        """The example's gold where ``sql`` is ``None``."""
        example, rules = self._examples[number], self._rules(number)
        text = rules.gold_text(example.sql) if sql is None else rules.predicted_text(sql)
        return rules.as_executed(text, self._databases[example.db_id])

    def _rules(self, number: int) -> Rules:
        return rules_for(self._examples[number].source, "official")

    def _reward(self, number: int, result: QueryResult) -> Reward:
        if not result.ok:
            return Reward(0.0, timed_out=result.status is Status.TIMEOUT)
        gold = self._golds[number]
        if self._rules(number).same_result(gold, result, self._examples[number].sql):
            return Reward(1.0, right=True, ran=True)
        return Reward(self._runs_reward, ran=True)
