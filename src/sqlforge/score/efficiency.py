"""How fast right predictions run: R-VES as BIRD defines it, and the same from medians.

R-VES (reward-based valid efficiency score, BIRD's evaluator of 2024) gives every question a
reward: 0 if the prediction is wrong, otherwise by the ratio of the gold's time to the
prediction's. The score is the mean of the rewards' square roots; published figures are this times
a hundred, at most 111.8.

``r_ves`` finds the ratio as BIRD does: prediction and gold run in turns, each ratio of the runs is
one observation, those not within three standard deviations of the mean are dropped, the rest is
averaged. Every run opens the database anew. A mean of ratios is drawn up by noise: on a busy
machine even a gold against itself gets more than 1. ``r_ves_medians`` is this project's own: the
median time of the gold over the median time of the prediction, from runs on an open connection
that take turns in coming first. Its rewards are the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import fmean, median, pstdev

from sqlforge.core.records import Database, Example, Prediction, QueryResult, Verdict
from sqlforge.database.sandbox import Sandbox
from sqlforge.database.sandbox_batch import Timing

RUNS = 100
"""Runs of each pair in BIRD's evaluator."""

_REWARDS = ((2.0, 1.25), (1.0, 1.0), (0.5, 0.75), (0.25, 0.5), (0.0, 0.25))
_RESAMPLES = 1_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Ratios:
    """How many times as long as the prediction the gold takes; 0 where the prediction is wrong.

    ``by_mean`` is BIRD's ratio, ``by_median`` ours.
    """

    id: str
    kind: str | None
    by_mean: float
    by_median: float


@dataclass(frozen=True, slots=True)
class Score:
    """The mean square root of the rewards, as a fraction, with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Both scores of a set of predictions, and of each kind of question."""

    runs: int
    r_ves: Score
    r_ves_medians: Score
    by_kind: Mapping[str, tuple[Score, Score]]


def reward(ratio: float) -> float:
    """BIRD's reward for a right prediction whose gold takes ``ratio`` times as long; 0 for 0.

    >>> [reward(ratio) for ratio in (3, 2, 1.5, 1, 0.7, 0.5, 0.3, 0.25, 0.1, 0)]
    [1.25, 1.25, 1.0, 1.0, 0.75, 0.75, 0.5, 0.5, 0.25, 0.0]
    """
    if ratio == 0:
        return 0.0
    return next(value for least, value in _REWARDS if ratio >= least)


def mean_ratio(ratios: Sequence[float]) -> float:
    """The mean of ``ratios`` without those three standard deviations away, as BIRD takes it.

    Ratios that are all alike have no deviation, and BIRD's strict bound would drop them all; here
    they keep their value.

    >>> mean_ratio([1.0] * 20 + [100.0]), mean_ratio([2.0, 2.0])
    (1.0, 2.0)
    """
    middle, spread = fmean(ratios), 3 * pstdev(ratios)
    kept = [ratio for ratio in ratios if middle - spread < ratio < middle + spread]
    return fmean(kept) if kept else middle


def measure(
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    verdicts: Sequence[Verdict],
    databases: Mapping[str, Database],
    sandbox: Sandbox,
    *,
    runs: int = RUNS,
    progress: Progress | None = None,
) -> list[Ratios]:
    """Time every right prediction against its gold, ``runs`` times each way.

    All arguments are in the order of ``examples``. Use a sandbox with one worker: queries that run
    at once slow each other down. A run that fails or times out ends the pair with a ratio of 0, as
    officially.

    >>> measure([], [], [], {}, Sandbox())
    []
    """
    found = []
    triples = zip(examples, predictions, verdicts, strict=True)
    for done, (example, prediction, verdict) in enumerate(triples, 1):
        ratios = (0.0, 0.0)
        if verdict.execution:
            database = databases[example.db_id]
            ratios = _ratios(database, example.sql, prediction.sql, sandbox, runs)
        found.append(Ratios(example.id, example.kind, *ratios))
        if progress is not None:
            progress(done, len(examples))
    return found


def efficiency(ratios: Sequence[Ratios], runs: int) -> Efficiency:
    """Both scores, overall and by kind (``"unknown"`` where there is none).

    >>> found = efficiency([Ratios("1", None, 2.5, 1.2), Ratios("2", None, 0, 0)], 100)
    >>> round(found.r_ves.value, 3), found.r_ves_medians.value
    (0.559, 0.5)
    """
    kinds = sorted({ratio.kind or "unknown" for ratio in ratios})
    by_kind = {k: _scores([r for r in ratios if (r.kind or "unknown") == k]) for k in kinds}
    return Efficiency(runs, *_scores(ratios), by_kind)


def efficiency_json(found: Efficiency) -> dict[str, object]:
    """The form in which ``sqlforge score --json`` gives it; values are fractions.

    >>> list(efficiency_json(efficiency([], 100)))
    ['runs', 'r_ves', 'r_ves_medians', 'by_hardness']
    """
    return {
        "runs": found.runs,
        "r_ves": asdict(found.r_ves),
        "r_ves_medians": asdict(found.r_ves_medians),
        "by_hardness": {
            kind: {"r_ves": asdict(official), "r_ves_medians": asdict(medians)}
            for kind, (official, medians) in found.by_kind.items()
        },
    }


def _ratios(
    database: Database, gold: str, predicted: str, sandbox: Sandbox, runs: int
) -> tuple[float, float]:
    cold = sandbox.run_many([(database, predicted), (database, gold)] * runs, timing=Timing.COLD)
    observed = []
    for mine, theirs in _pairs(cold):
        if not (mine.ok and theirs.ok):
            cold.close()
            return 0.0, 0.0
        observed.append(theirs.seconds / mine.seconds)
    turns = [(predicted, gold), (gold, predicted)] * ((runs + 1) // 2)
    items = [(database, sql) for turn in turns[:runs] for sql in turn]
    warm = sandbox.run_many(items, timing=Timing.WARM)
    mine_seconds, gold_seconds = [], []
    for i, (first, second) in enumerate(_pairs(warm)):
        if not (first.ok and second.ok):
            warm.close()
            return mean_ratio(observed), 0.0
        mine, theirs = (first, second) if i % 2 == 0 else (second, first)
        mine_seconds.append(mine.seconds)
        gold_seconds.append(theirs.seconds)
    return mean_ratio(observed), median(gold_seconds) / median(mine_seconds)


def _pairs(results: Iterator[QueryResult]) -> Iterator[tuple[QueryResult, QueryResult]]:
    while pair := tuple(islice(results, 2)):
        yield pair[0], pair[1]


def _scores(ratios: Sequence[Ratios]) -> tuple[Score, Score]:
    return _score([r.by_mean for r in ratios]), _score([r.by_median for r in ratios])


def _score(ratios: Sequence[float]) -> Score:
    roots = [reward(ratio) ** 0.5 for ratio in ratios]
    if not roots:
        return Score(0.0, 0.0, 0.0, 0)
    draw = random.Random(7)
    means = sorted(fmean(draw.choices(roots, k=len(roots))) for _ in range(_RESAMPLES))
    edge = round(0.025 * _RESAMPLES)
    return Score(fmean(roots), means[edge], means[-edge - 1], len(roots))
