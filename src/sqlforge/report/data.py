"""Everything that the report page shows, as plain frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlforge.score.breakdown import Breakdown
from sqlforge.score.statistics import Difference, McNemar
from sqlforge.score.summary import Summary


@dataclass(frozen=True, slots=True)
class Comparison:
    """The tuned model against one other system on the same examples."""

    mcnemar: McNemar
    difference: Difference
    bootstrap: Difference | None = None
    bootstrap_databases: Difference | None = None


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The results on the test examples of one source.

    ``summaries`` and ``breakdowns`` are keyed by system, ``comparisons`` by the system that tuned
    is compared to. ``unseen`` means that no test database occurs in training. ``official`` and
    ``strict`` are the summaries as the benchmark's own evaluator and as the strict mode counts,
    where they are at hand.
    """

    source: str
    unseen: bool
    summaries: Mapping[str, Summary]
    comparisons: Mapping[str, Comparison]
    breakdowns: Mapping[str, Breakdown] = field(default_factory=dict)
    official: Mapping[str, Summary] = field(default_factory=dict)
    strict: Mapping[str, Summary] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One test example with what the systems answered; no ``question`` where it is held back.

    ``error`` and ``mistakes``, the classes of what is wrong, are the tuned model's.
    """

    id: str
    source: str
    kind: str | None
    db_id: str
    question: str | None
    schema: str
    gold: str
    tuned: str
    base: str | None
    error: str | None
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergedDifference:
    """A question that adapter and merged model answer differently."""

    id: str
    question: str | None
    tuned: str
    merged: str
    tuned_right: bool
    merged_right: bool


@dataclass(frozen=True, slots=True)
class MergedCheck:
    """How many of ``n`` merged answers differ from the adapter's; the first of them.

    ``into`` is what the adapter was added to, ``None`` where the run does not say.
    """

    n: int
    ids: tuple[str, ...]
    shown: tuple[MergedDifference, ...]
    into: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """How the base model did with one prompt on validation examples."""

    style: str
    correct: int
    valid: int
    n: int


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the training log; ``learning_rate`` may be unknown, few steps are validated."""

    step: int
    loss: float
    learning_rate: float | None
    validation_loss: float | None = None


@dataclass(frozen=True, slots=True)
class DataShare:
    """How many examples of one source each split holds, and under which licence."""

    source: str
    licence: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True, slots=True)
class ReportData:
    """One run, ready to be shown.

    ``failures`` are drawn from ``failure_count`` of the tuned model, ``successes`` from those
    questions that it answers and the base model does not. ``training`` holds the facts that the
    training stage noted in the manifest; ``recipe`` is YAML and ``manifest`` JSON. Where there was
    no training, ``answered_by`` says whose failures are shown.
    """

    name: str
    model: str
    method: str
    started: str | None
    sources: tuple[SourceResult, ...]
    failures: tuple[Case, ...]
    failure_count: int
    successes: tuple[Case, ...]
    merged: MergedCheck | None
    trials: tuple[Trial, ...]
    steps: tuple[Step, ...]
    training: Mapping[str, float]
    data: tuple[DataShare, ...]
    recipe: str
    manifest: str
    answered_by: str = "tuned"
    rewards: tuple[tuple[float, float], ...] = ()
    reinforcement: Mapping[str, float] = field(default_factory=dict)
