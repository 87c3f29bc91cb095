"""Accuracies, gains and voting rules out of what a model wrote; see ``decode_gain.py``."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from claims import ClaimRow
from sqlforge.core.decoding import Decoding
from sqlforge.core.records import Dataset, Metric, Prediction, Verdict
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.decode.decide import chosen
from sqlforge.decode.vote import Candidate, Choice
from sqlforge.score.judge import judge
from sqlforge.score.paired import paired
from sqlforge.score.statistics import wilson
from sqlforge.score.summary import summarise

LIMITS = Limits()
WORKERS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Arm:
    """What a model wrote to each question in one way of decoding, in ``seconds``."""

    name: str
    decoding: Decoding
    candidates: tuple[tuple[Candidate, ...], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Judged:
    """An arm with its choices, which took ``seconds`` more, and their verdicts if there are golds.

    ``groups`` are the databases that the questions belong to.
    """

    arm: Arm
    choices: Sequence[Choice]
    seconds: float
    verdicts: Sequence[Verdict]
    groups: Sequence[str]

    @property
    def right(self) -> list[bool]:
        """Whether each answer is right by execution."""
        return [verdict.execution is True for verdict in self.verdicts]


def judged(arm: Arm, dataset: Dataset, *, known: bool = True) -> Judged:
    """Choose among an arm's candidates and, where golds are ``known``, judge what was chosen.

    Verdicts are counted as a run's are, and as ``real_data.json`` has them.
    """
    started = time.perf_counter()
    choices = chosen(dataset.examples, arm.candidates, dataset.databases, arm.decoding, LIMITS)
    seconds = time.perf_counter() - started
    verdicts = _verdicts(dataset, [c.candidate.sql for c in choices]) if known else []
    groups = [example.db_id for example in dataset.examples]
    return Judged(arm, choices, seconds, verdicts, groups)


def accuracy_rows(found: Judged) -> Iterator[ClaimRow]:
    """Execution accuracy, valid SQL and time of one arm."""
    summary, name = summarise(found.verdicts), found.arm.name
    bound = ">= 1" if found.arm.decoding.constrain == "schema" else None
    yield share(f"{name}_execution_accuracy", summary.execution_accuracy)
    yield share(f"{name}_valid_sql", summary.valid_sql, bound)
    yield ClaimRow(f"{name}_seconds", found.arm.seconds + found.seconds, "s")
    if found.arm.decoding.vote:
        yield ClaimRow(f"{name}_seconds_of_the_vote", found.seconds, "s")
        failed = sum(choice.failed for choice in found.choices)
        samples = sum(choice.samples for choice in found.choices)
        yield share(f"{name}_samples_that_fail", wilson(failed, samples))


def gain_rows(name: str, arms: Mapping[str, Judged]) -> Iterator[ClaimRow]:
    """Each way of decoding against the ones before it, with McNemar's exact p-value."""
    pairs = (
        ("unconstrained", "constrained"),
        ("constrained", "vote"),
        ("unconstrained", "vote"),
    )
    for before, after in pairs:
        first, second = (arms[f"{name}_{way}"].verdicts for way in (before, after))
        found = paired(first, second)
        row = f"{name}_{after}_over_{before}"
        gain, n = found.difference, len(first)
        yield ClaimRow(row, gain.value, "fraction", "> 0", gain.low, gain.high, n)
        yield ClaimRow(f"{row}_p", found.mcnemar.p_value, n=n)
        yield ClaimRow(f"{row}_won", found.mcnemar.only_tuned, n=n)
        yield ClaimRow(f"{row}_lost", found.mcnemar.only_base, n=n)


def rule_rows(name: str, vote: Judged, dataset: Dataset) -> Iterator[ClaimRow]:
    """What other rules would make of the same samples, and what the best choice would."""
    prefers = replace(vote.arm.decoding, prefer_non_empty=True)
    rules = {
        "vote_non_empty": replace(vote.arm, decoding=prefers),
        "vote_by_counts": _reweighed(vote.arm, lambda candidate, count: math.log(count)),
        "vote_by_probability_and_counts": _reweighed(
            vote.arm, lambda candidate, count: candidate.logprob + math.log(count)
        ),
    }
    for rule, arm in rules.items():
        found = judged(arm, dataset)
        yield share(
            f"{name}_{rule}_execution_accuracy", summarise(found.verdicts).execution_accuracy
        )
    best = [max(some, key=lambda c: c.logprob).sql for some in vote.arm.candidates]
    likeliest = summarise(_verdicts(dataset, best)).execution_accuracy
    yield share(f"{name}_most_probable_sample_execution_accuracy", likeliest)
    hits = [False] * len(dataset.examples)
    for place in range(len(vote.arm.candidates[0])):
        verdicts = _verdicts(dataset, [some[place].sql for some in vote.arm.candidates])
        hits = [hit or v.execution is True for hit, v in zip(hits, verdicts, strict=True)]
    yield share(f"{name}_any_sample_right", wilson(sum(hits), len(hits)))


def share(name: str, metric: Metric, bound: str | None = None) -> ClaimRow:
    """A proportion with its interval."""
    return ClaimRow(name, metric.value, "fraction", bound, metric.low, metric.high, metric.n)


def _reweighed(arm: Arm, weigh: Callable[[Candidate, int], float]) -> Arm:
    """The arm with other weights in the place of log-probabilities."""
    candidates = []
    for some in arm.candidates:
        counts = Counter(candidate.text for candidate in some)
        candidates.append(tuple(replace(c, logprob=weigh(c, counts[c.text])) for c in some))
    return replace(arm, candidates=tuple(candidates))


def _verdicts(dataset: Dataset, sqls: Sequence[str]) -> list[Verdict]:
    predictions = [
        Prediction(example.id, sql, sql)
        for example, sql in zip(dataset.examples, sqls, strict=True)
    ]
    with Sandbox(LIMITS, workers=WORKERS) as sandbox:
        return judge(dataset.examples, predictions, dataset.databases, sandbox, match="internal")
