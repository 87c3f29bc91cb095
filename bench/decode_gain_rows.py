"""Accuracies, gains and voting rules out of what a model wrote; see ``decode_gain.py``."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from claims import ClaimRow
from sqlforge.core.decoding import Decoding
from sqlforge.core.environment import usable_cores
from sqlforge.core.records import Dataset, Metric, Prediction, QueryResult, Verdict
from sqlforge.database.sandbox import Limits, Sandbox
from sqlforge.decode.vote import Candidate, Choice, choose, executed, only, vote
from sqlforge.score.judge import judge
from sqlforge.score.paired import paired
from sqlforge.score.statistics import wilson
from sqlforge.score.summary import summarise

LIMITS = Limits()
WORKERS = min(16, usable_cores())


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


@dataclass(slots=True)
class Book:
    """The verdicts on all SQL that was written to a benchmark's questions, each judged once.

    Verdicts are counted as a run's are, and as ``real_data.json`` has them.
    """

    dataset: Dataset
    _known: dict[tuple[int, str], Verdict] = field(default_factory=dict)

    def learn(self, arms: Iterable[Arm]) -> None:
        """Judge what the arms wrote and is not known yet."""
        examples = self.dataset.examples
        new = dict.fromkeys(
            (place, candidate.sql)
            for arm in arms
            for place, some in enumerate(arm.candidates)
            for candidate in some
            if (place, candidate.sql) not in self._known
        )
        asked = [replace(examples[place], id=f"{n}") for n, (place, _) in enumerate(new)]
        predictions = [Prediction(f"{n}", sql, sql) for n, (_, sql) in enumerate(new)]
        with Sandbox(LIMITS, workers=WORKERS) as sandbox:
            verdicts = judge(asked, predictions, self.dataset.databases, sandbox, match="internal")
        for (place, sql), verdict in zip(new, verdicts, strict=True):
            self._known[place, sql] = replace(verdict, id=examples[place].id)

    def verdicts(self, sqls: Sequence[str]) -> list[Verdict]:
        """Of one SQL to each question."""
        return [self._known[place, sql] for place, sql in enumerate(sqls)]


@dataclass(frozen=True, slots=True)
class Rule:
    """A way to choose among candidates that were executed."""

    weigh: Callable[[Candidate, int], float] | None = None  # of a candidate that came so often
    prefer_non_empty: bool = False

    def choice(self, candidates: Sequence[Candidate], results: Mapping[str, QueryResult]) -> Choice:
        """See :func:`sqlforge.decode.vote.choose`."""
        if self.weigh is not None:
            counts = Counter(candidate.text for candidate in candidates)
            candidates = [replace(c, logprob=self.weigh(c, counts[c.text])) for c in candidates]
        return choose(candidates, results, prefer_non_empty=self.prefer_non_empty)


RULES = {
    "vote": Rule(),
    "vote_non_empty": Rule(prefer_non_empty=True),
    "vote_by_counts": Rule(lambda candidate, count: math.log(count)),
    "vote_by_probability_and_counts": Rule(
        lambda candidate, count: candidate.logprob + math.log(count)
    ),
}


def judged(arm: Arm, dataset: Dataset, book: Book | None) -> dict[str, Judged]:
    """By each rule, where the arm votes; else by the arm's name alone.

    Choices are judged where there is a book with golds.
    """
    chosen: dict[str, list[Choice]] = {"": [only(some[0]) for some in arm.candidates]}
    seconds = 0.0
    if arm.decoding.vote:
        chosen, seconds = _voted(arm, dataset)
    groups = [example.db_id for example in dataset.examples]
    found = {}
    for rule, choices in chosen.items():
        verdicts = book.verdicts([c.candidate.sql for c in choices]) if book else []
        found[rule] = Judged(arm, choices, seconds, verdicts, groups)
    return found


def _voted(arm: Arm, dataset: Dataset) -> tuple[dict[str, list[Choice]], float]:
    """Choices by all rules, and the seconds of the vote as ``predict`` takes it."""
    asked = [
        (dataset.databases[example.db_id], some)
        for example, some in zip(dataset.examples, arm.candidates, strict=True)
    ]
    started = time.perf_counter()
    with Sandbox(LIMITS, workers=WORKERS) as sandbox:
        chosen = {"vote": list(vote(asked, sandbox))}
    seconds = time.perf_counter() - started
    others = [name for name in RULES if name != "vote"]
    chosen |= {name: [] for name in others}
    with Sandbox(LIMITS, workers=WORKERS) as sandbox:  # other weights, so others may be too slow
        for (_, some), results in zip(asked, executed(asked, sandbox), strict=True):
            for name in others:
                chosen[name].append(RULES[name].choice(some, results))
    return chosen, seconds


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


def rule_rows(name: str, votes: Mapping[str, Judged], book: Book) -> Iterator[ClaimRow]:
    """What other rules make of the same samples, and what the best choice would."""
    for rule, found in votes.items():
        if rule != "vote":
            accuracy = summarise(found.verdicts).execution_accuracy
            yield share(f"{name}_{rule}_execution_accuracy", accuracy)
    written = votes["vote"].arm.candidates
    best = [max(some, key=lambda c: c.logprob).sql for some in written]
    likeliest = summarise(book.verdicts(best)).execution_accuracy
    yield share(f"{name}_most_probable_sample_execution_accuracy", likeliest)
    hits = [False] * len(written)
    for place in range(len(written[0])):
        verdicts = book.verdicts([some[place].sql for some in written])
        hits = [hit or v.execution is True for hit, v in zip(hits, verdicts, strict=True)]
    yield share(f"{name}_any_sample_right", wilson(sum(hits), len(hits)))


def share(name: str, metric: Metric, bound: str | None = None) -> ClaimRow:
    """A proportion with its interval."""
    return ClaimRow(name, metric.value, "fraction", bound, metric.low, metric.high, metric.n)
