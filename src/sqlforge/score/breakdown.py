"""Accuracy by what the gold uses, by database and trait, and the classes of what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from sqlforge.core.records import Database, Example, Metric, Prediction, Verdict
from sqlforge.score.clauses import CLAUSES, clauses_of
from sqlforge.score.statistics import wilson
from sqlforge.score.traits import TRAITS, traits_of

Slot = tuple[str, bool]
MOST_DATABASES = 200


@dataclass(frozen=True, slots=True)
class Mistakes:
    """How often each class of mistake is the primary one and how often it is there at all.

    Both in the order of :data:`sqlforge.score.taxonomy.CLASSES`; ``failures`` is how many
    predictions they are of.
    """

    failures: int
    primary: Mapping[str, int]
    present: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Execution accuracy by clause, database and trait (:mod:`sqlforge.score.traits`).

    ``mistakes`` are there where they were looked into, traits where the schemas were at hand.
    """

    by_clause: Mapping[str, Metric]
    by_database: Mapping[str, Metric]
    mistakes: Mistakes | None = None
    by_trait: Mapping[str, Metric] = field(default_factory=dict)


def break_down(
    examples: Iterable[Example],
    verdicts: Iterable[Verdict],
    databases: Mapping[str, Database] | None = None,
) -> Breakdown:
    """Execution accuracy of ``verdicts``, with Wilson intervals, by their examples' golds.

    An example counts for every clause and trait that it has, so that the slices overlap. What was
    not executed is left out. Both belong together in their order.

    >>> break_down([], []).by_clause
    {}
    """
    clauses, by_database, traits = Counter[Slot](), Counter[Slot](), Counter[Slot]()
    mistakes = Counter[tuple[str, ...]]()
    was_explained = False
    for example, verdict in zip(examples, verdicts, strict=True):
        if verdict.mistakes is not None:
            was_explained = True
            mistakes[verdict.mistakes] += 1
        if verdict.execution is None:
            continue
        by_database[example.db_id, verdict.execution] += 1
        clauses.update((clause, verdict.execution) for clause in clauses_of(example.sql))
        if databases is not None:
            has = traits_of(example.question, example.sql, databases[example.db_id].schema)
            traits.update((trait, verdict.execution) for trait in has)
    return Breakdown(
        _metrics(clauses, CLAUSES),
        _metrics(by_database, sorted({db_id for db_id, _ in by_database})),
        _mistakes(mistakes) if was_explained else None,
        _metrics(traits, TRAITS),
    )


def explain(
    examples: Iterable[Example],
    predictions: Iterable[Prediction],
    verdicts: Iterable[Verdict],
    databases: Mapping[str, Database],
) -> Iterator[Verdict]:
    """``verdicts`` with the classes of mistakes of those that fail.

    All three belong together in their order. Loads a SQL parser, which judging by
    Spider's official rules does not.
    """
    from sqlforge.score.taxonomy import mistakes

    for example, prediction, verdict in zip(examples, predictions, verdicts, strict=True):
        if verdict.execution is False or (verdict.execution is None and verdict.error):
            schema = databases[example.db_id].schema
            classes = mistakes(example.sql, prediction.sql, schema, verdict.error)
            yield replace(verdict, mistakes=classes)
        else:
            yield replace(verdict, mistakes=())


def breakdown_json(breakdown: Breakdown) -> dict[str, object]:
    """The keys that a breakdown adds to the JSON of ``sqlforge score --json``.

    Databases are left out where there are more than ``MOST_DATABASES``: WikiSQL has thousands.

    >>> list(breakdown_json(break_down([], [])))
    ['by_clause', 'by_database']
    """
    found: dict[str, object] = {
        "by_clause": {name: asdict(metric) for name, metric in breakdown.by_clause.items()},
    }
    if len(breakdown.by_database) <= MOST_DATABASES:
        by_database = breakdown.by_database.items()
        found["by_database"] = {name: asdict(metric) for name, metric in by_database}
    if breakdown.by_trait:
        found["by_trait"] = {name: asdict(metric) for name, metric in breakdown.by_trait.items()}
    if breakdown.mistakes is not None:
        found["mistakes"] = asdict(breakdown.mistakes)
    return found


def _metrics(counts: Counter[Slot], names: Iterable[str]) -> dict[str, Metric]:
    sums = {name: (counts[name, True], counts[name, True] + counts[name, False]) for name in names}
    return {name: wilson(correct, n) for name, (correct, n) in sums.items() if n}


def _mistakes(counts: Counter[tuple[str, ...]]) -> Mistakes:
    from sqlforge.score.taxonomy import count_mistakes

    failures = Counter({classes: n for classes, n in counts.items() if classes})
    return Mistakes(failures.total(), *count_mistakes(failures))
