"""From predictions to verdicts, one an example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlforge.core.errors import DataError, GoldError
from sqlforge.core.records import Database, Example, Prediction, QueryResult, Status, Verdict
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.rules import Exact, Match, rules_for
from sqlforge.score.validity import Validity, check_validity

Progress = Callable[[int, int], None]


def judge(
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    databases: Mapping[str, Database],
    sandbox: Sandbox,
    progress: Progress | None = None,
    *,
    match: Match = "official",
) -> list[Verdict]:
    """A verdict for each example, in the order of ``examples``.

    ``progress`` is called with how many are done and how many there are. ``match`` chooses the
    rules (:mod:`sqlforge.score.rules`). If a gold is valid only because a double-quoted word counts
    as a string, predictions may do the same.

    Raises :class:`DataError` if predictions are missing, doubled or unknown or a database is
    missing, and :class:`GoldError` if a gold query fails: that is a fault of the benchmark.

    >>> judge([], [], {}, Sandbox())
    []
    """
    return list(judge_each(examples, predictions, databases, sandbox, progress, match=match))


def judge_each(
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    databases: Mapping[str, Database],
    sandbox: Sandbox,
    progress: Progress | None = None,
    *,
    match: Match = "official",
    start: int = 0,
    skip_bad_gold: bool = False,
) -> Iterator[Verdict]:
    """As :func:`judge`, one verdict after the other as they come.

    The examples before ``start`` are checked with the others, but not judged again. What does not
    fit together is raised at once, failing golds when they are reached; with ``skip_bad_gold``
    their verdicts say so instead, and a gold whose database has no file is one of them.
    """
    answers = _in_order(examples, predictions)
    _check_databases(examples, databases)
    quoted_literals = _golds_quote_literals(examples, databases)
    todo = range(start, len(examples))
    results = sandbox.run_many(_queries(examples, answers, todo, databases, match))
    bench = _Bench(databases, match, quoted_literals, skip_bad_gold)
    return _verdicts(examples, answers, todo, bench, results, progress)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What all examples are judged by; ``comparers`` fills up, one a database."""

    databases: Mapping[str, Database]
    match: Match
    quoted_literals: bool
    skip_bad_gold: bool
    comparers: dict[tuple[str, str], Callable[[str, str], Exact]] = field(default_factory=dict)


def _verdicts(
    examples: Sequence[Example],
    answers: Sequence[Prediction],
    todo: range,
    bench: _Bench,
    results: Iterator[QueryResult],
    progress: Progress | None,
) -> Iterator[Verdict]:
    for i in todo:
        example = examples[i]
        executed = bench.databases[example.db_id].path is not None
        pair = (next(results), next(results)) if executed else None
        try:
            verdict = _verdict(example, answers[i].sql, pair, bench)
            if answers[i].refused:
                verdict = _refused(verdict)
        except GoldError as fault:
            if not bench.skip_bad_gold:
                raise
            verdict = Verdict(
                example.id,
                example.db_id,
                example.kind,
                execution=None,
                exact=False,
                valid=False,
                parsed=False,
                bad_gold=fault.reason,
            )
        if progress is not None:
            progress(i + 1, len(examples))
        yield verdict


def _verdict(
    example: Example, sql: str, pair: tuple[QueryResult, QueryResult] | None, bench: _Bench
) -> Verdict:
    """Judge one prediction; ``pair`` are the results of gold and prediction, if executed.

    Raises :class:`GoldError` if the gold fails.
    """
    database = bench.databases[example.db_id]
    rules = rules_for(example.source, bench.match)
    key = example.source, example.db_id
    if (compare := bench.comparers.get(key)) is None:
        compare = bench.comparers[key] = rules.comparer(database)
    gold, predicted = pair or (None, None)
    if gold is None and bench.skip_bad_gold:
        raise GoldError(example.id, example.sql, "no database file")
    if gold is not None and not gold.ok:
        raise GoldError(example.id, example.sql, gold.error or gold.status)
    try:
        exact = compare(example.sql, sql)
    except ValueError as fault:
        raise GoldError(example.id, example.sql, f"it cannot be read: {fault}") from fault
    matches = None
    if gold is not None and predicted is not None:
        matches = rules.same_result(gold, predicted, example.sql)
    validity = check_validity(sql, database.schema, quoted_literals=bench.quoted_literals)
    return Verdict(
        id=example.id,
        db_id=example.db_id,
        kind=example.kind,
        execution=matches,
        exact=exact.matches,
        valid=validity.valid,
        parsed=validity.parsed if exact.parsed is None else exact.parsed,
        error=None if matches else _what_went_wrong(validity, predicted),
        empty_gold=gold is not None and not gold.rows,
        exact_error=exact.reason,
        gold_is_null=_is_null(gold) if gold is not None and rules.null_golds else None,
    )


def _refused(verdict: Verdict) -> Verdict:
    """No answer is a wrong answer, whatever the gold's result is."""
    matches = None if verdict.execution is None else False
    return replace(
        verdict,
        execution=matches,
        exact=False,
        valid=False,
        parsed=False,
        error="refused",
        exact_error=None,
        refused=True,
    )


def _is_null(gold: QueryResult) -> bool:
    return all(value is None for row in gold.rows for value in row)


def _what_went_wrong(validity: Validity, predicted: QueryResult | None) -> str | None:
    if validity.error is not None or predicted is None:
        return validity.error
    if predicted.status is Status.TIMEOUT:
        return "timeout"
    if not predicted.ok:
        return f"database error: {predicted.error}"
    return "wrong result"


def _queries(
    examples: Sequence[Example],
    answers: Sequence[Prediction],
    todo: range,
    databases: Mapping[str, Database],
    match: Match,
) -> Iterator[tuple[Database, str]]:
    for i in todo:
        example = examples[i]
        database = databases[example.db_id]
        if database.path is not None:
            rules = rules_for(example.source, match)
            yield rules.as_executed(rules.gold_text(example.sql), database)
            yield rules.as_executed(rules.predicted_text(answers[i].sql), database)


def _in_order(
    examples: Sequence[Example], predictions: Sequence[Prediction]
) -> Sequence[Prediction]:
    """The predictions in the order of the examples, of which each has one."""
    if len(examples) == len(predictions) and all(
        example.id == prediction.id
        for example, prediction in zip(examples, predictions, strict=True)
    ):
        return predictions
    answers = {prediction.id: prediction for prediction in predictions}
    wanted = {example.id for example in examples}
    counts = Counter(prediction.id for prediction in predictions)
    faults = {
        "without a prediction": [e.id for e in examples if e.id not in answers],
        "with a prediction but no example": [i for i in answers if i not in wanted],
        "predicted more than once": [i for i, n in counts.items() if n > 1],
    }
    for what, ids in faults.items():
        if ids:
            more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
            raise DataError(
                f"{len(ids)} ids {what} ({', '.join(ids[:5])}{more})",
                f"one prediction for each of the {len(examples)} examples",
                "check that predictions and examples belong together",
            )
    return [answers[example.id] for example in examples]


def _check_databases(examples: Sequence[Example], databases: Mapping[str, Database]) -> None:
    missing = sorted({e.db_id for e in examples if e.db_id not in databases})
    if missing:
        raise DataError(
            f"examples that ask the missing databases {', '.join(missing[:5])}",
            "a database for every example",
            "add them, or leave the examples out",
        )


def _golds_quote_literals(examples: Sequence[Example], databases: Mapping[str, Database]) -> bool:
    for example in examples:
        if '"' in example.sql:
            schema = databases[example.db_id].schema
            lenient = check_validity(example.sql, schema, quoted_literals=True)
            if lenient.valid and not check_validity(example.sql, schema).valid:
                return True
    return False
