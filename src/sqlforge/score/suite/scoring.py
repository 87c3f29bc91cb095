"""Test-suite accuracy: a prediction passes if it answers as its gold does on every instance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlforge.core.errors import GoldError
from sqlforge.core.records import Database, Example, Prediction, Verdict
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.rules import Match, Rules, rules_for
from sqlforge.score.suite.store import Suite

Progress = Callable[[int, int], None]


def judge_on_suite(
    verdicts: Sequence[Verdict],
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    databases: Mapping[str, Database],
    suite: Suite,
    sandbox: Sandbox,
    progress: Progress | None = None,
    *,
    match: Match = "official",
) -> list[Verdict]:
    """The verdicts with ``test_suite`` filled in, in their order.

    A prediction passes if it matched on the original database and matches on every instance on
    which its gold has one answer (Zhong, Yu and Klein 2020). Where the original could not be
    executed, ``test_suite`` stays ``None``; what failed there is not run again.

    Args:
        verdicts: of :func:`sqlforge.score.judge.judge` on the same examples by the same rules.
        examples: in the order of ``verdicts``.
        predictions: one for each example, in any order.
        databases: by ``db_id``.
        suite: built for these examples and rules.
        sandbox: where golds and predictions are run.
        progress: called with how many pairs of queries are done and how many there are.
        match: the rules by which results are compared.

    Raises:
        GoldError: a gold fails on an instance on which it ran when the suite was built.

    >>> judge_on_suite([], [], [], {}, Suite({}), Sandbox())
    []
    """
    answers = {prediction.id: prediction.sql for prediction in predictions}
    pairs: dict[_Pair, list[int]] = defaultdict(list)
    for number, (verdict, example) in enumerate(zip(verdicts, examples, strict=True)):
        if verdict.execution:
            rules = rules_for(example.source, match)
            pair = _Pair(example.db_id, example.sql, answers[example.id], rules)
            pairs[pair].append(number)
    runs = _runs(pairs, suite)
    results = sandbox.run_many(_queries(runs, databases))
    failed: set[int] = set()
    for done, (pair, _) in enumerate(runs, start=1):
        gold, predicted = next(results), next(results)
        if not gold.ok:
            raise GoldError(examples[pairs[pair][0]].id, pair.gold, gold.error or gold.status)
        if not pair.rules.same_result(gold, predicted, pair.gold):
            failed.update(pairs[pair])
        if progress is not None:
            progress(done, len(runs))
    return [
        verdict
        if verdict.execution is None
        else replace(verdict, test_suite=verdict.execution and number not in failed)
        for number, verdict in enumerate(verdicts)
    ]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A gold and a prediction on one database; examples that share both are run once."""

    db_id: str
    gold: str
    predicted: str
    rules: Rules


def _runs(pairs: Iterable[_Pair], suite: Suite) -> list[tuple[_Pair, Path]]:
    """Every pair on every instance that counts for its gold, instance by instance."""
    by_database: dict[str, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        by_database[pair.db_id].append(pair)
    return [
        (pair, kept.path)
        for db_id, asked in by_database.items()
        for kept in suite.instances.get(db_id, ())
        for pair in asked
        if pair.gold in kept.golds
    ]


def _queries(
    runs: Sequence[tuple[_Pair, Path]], databases: Mapping[str, Database]
) -> Iterator[tuple[Database, str]]:
    for pair, path in runs:
        instance = replace(databases[pair.db_id], path=path)
        yield instance, pair.rules.gold_text(pair.gold)
        yield instance, pair.rules.predicted_text(pair.predicted)
