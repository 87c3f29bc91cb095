"""From verdicts to the figures that get printed and compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlforge.core.records import Metric, Verdict
from sqlforge.score.statistics import wilson


@dataclass(frozen=True, slots=True)
class Metrics:
    """The proportions that are reported of any set of verdicts.

    ``with_rows`` is execution accuracy on those golds only whose result has rows.
    ``without_null_golds`` also leaves out those that give NULL only; it is ``None`` where the mode
    does not tell them apart.
    ``test_suite_accuracy`` is ``None`` where nothing was judged on a suite. ``answered`` is
    execution accuracy among what was not refused, and ``None`` where nothing was.
    """

    execution_accuracy: Metric
    with_rows: Metric
    exact_match: Metric
    valid_sql: Metric
    parse_rate: Metric
    without_null_golds: Metric | None = None
    test_suite_accuracy: Metric | None = None
    answered: Metric | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The metrics of all verdicts and of each query kind (``"unknown"`` where there is none).

    ``bad_golds`` counts the examples that were left out because their gold fails; ``n`` are the
    others. ``refused`` counts those without an answer on purpose; they count as wrong.
    """

    n: int
    metrics: Metrics
    by_kind: Mapping[str, Metrics]
    bad_golds: int = 0
    refused: int = 0

    @property
    def execution_accuracy(self) -> Metric:
        """Share of the executed predictions whose result equals the gold's."""
        return self.metrics.execution_accuracy

    @property
    def exact_match(self) -> Metric:
        """Share of predictions with the gold's canonical SQL."""
        return self.metrics.exact_match

    @property
    def valid_sql(self) -> Metric:
        """Share of predictions that parse and name only what exists."""
        return self.metrics.valid_sql

    @property
    def parse_rate(self) -> Metric:
        """Share of predictions that are one SQL query."""
        return self.metrics.parse_rate


def summarise(verdicts: Iterable[Verdict]) -> Summary:
    """All metrics of ``verdicts`` with 95 % Wilson intervals, overall and by kind.

    Execution accuracy leaves out what could not be executed for want of rows; its ``n`` says so.

    >>> summarise([Verdict("1", "db", "easy", True, False, True, True)]).execution_accuracy.value
    1.0
    """
    total, bad_golds = _Tally(), 0
    kinds: dict[str, _Tally] = defaultdict(_Tally)
    for verdict in verdicts:
        if verdict.bad_gold is not None:
            bad_golds += 1
            continue
        total.add(verdict)
        kinds[verdict.kind or "unknown"].add(verdict)
    by_kind = {kind: kinds[kind].metrics() for kind in sorted(kinds)}
    return Summary(total.exact.n, total.metrics(), by_kind, bad_golds, total.refused)


def to_json(summary: Summary, benchmark: str, split: str) -> dict[str, object]:
    """The fixed JSON form of ``sqlforge score --json``; values are fractions.

    Spider's exact metric is the exact *set* match, WikiSQL's in its official mode the equality of
    logical forms, the internal split's an exact match of canonical SQL, and the key says which.

    >>> list(to_json(summarise([]), "internal", "test")["metrics"])
    ['execution_accuracy', 'exact_match', 'valid_sql', 'parse_rate', 'execution_accuracy_with_rows']
    """
    exact: tuple[str, ...] = ("exact_match" if benchmark == "internal" else "exact_set_match",)
    if benchmark == "wikisql" and summary.metrics.without_null_golds is not None:
        exact = ("logical_form_accuracy", *exact)  # one figure: a set of conditions
    return {
        "benchmark": benchmark,
        "split": split,
        "n": summary.n,
        **({"bad_golds": summary.bad_golds} if summary.bad_golds else {}),
        **({"refused": summary.refused} if summary.refused else {}),
        "metrics": _as_dict(summary.metrics, exact),
        "by_hardness": {kind: _as_dict(m, exact) for kind, m in summary.by_kind.items()},
    }


def verdict_rows(verdicts: Iterable[Verdict]) -> Iterator[dict[str, object]]:
    """Verdicts in the form of ``--verdicts``: the keys that others rely on come first."""
    for verdict in verdicts:
        row: dict[str, object] = {
            "id": verdict.id,
            "db_id": verdict.db_id,
            "hardness": verdict.kind,
            "execution": verdict.execution,
            "exact_set": verdict.exact,
            "valid": verdict.valid,
            "parsed": verdict.parsed,
            "error": verdict.error,
            "empty_gold": verdict.empty_gold,
        }
        for name in _WHERE_TOLD:
            if getattr(verdict, name) is not None:
                row[name] = getattr(verdict, name)
        yield row


def verdict_of(row: Mapping[str, Any]) -> Verdict:
    """The verdict that a row of :func:`verdict_rows` holds; keys of later versions may lack.

    >>> verdict = Verdict("1", "shop", "easy", True, False, True, True, mistakes=())
    >>> verdict_of(next(verdict_rows([verdict]))) == verdict
    True
    """
    mistakes = row.get("mistakes")
    return Verdict(
        id=row["id"],
        db_id=row["db_id"],
        kind=row["hardness"],
        execution=row["execution"],
        exact=row["exact_set"],
        valid=row["valid"],
        parsed=row["parsed"],
        error=row["error"],
        empty_gold=row.get("empty_gold", False),
        mistakes=None if mistakes is None else tuple(mistakes),
        **{name: row.get(name) for name in _WHERE_TOLD if name != "mistakes"},
    )


_WHERE_TOLD = ("exact_error", "gold_is_null", "test_suite", "bad_gold", "mistakes", "refused")


@dataclass(slots=True)
class _Count:
    correct: int = 0
    n: int = 0

    def add(self, right: bool) -> None:
        self.correct += right
        self.n += 1

    def metric(self) -> Metric:
        return wilson(self.correct, self.n)


@dataclass(slots=True)
class _Tally:
    """What is counted of verdicts, one after the other."""

    execution: _Count = field(default_factory=_Count)
    with_rows: _Count = field(default_factory=_Count)
    without_null: _Count = field(default_factory=_Count)
    on_suite: _Count = field(default_factory=_Count)
    exact: _Count = field(default_factory=_Count)
    valid: _Count = field(default_factory=_Count)
    parsed: _Count = field(default_factory=_Count)
    answered: _Count = field(default_factory=_Count)
    refused: int = 0
    tells_null: bool = False

    def add(self, verdict: Verdict) -> None:
        self.exact.add(verdict.exact)
        self.valid.add(verdict.valid)
        self.parsed.add(verdict.parsed)
        self.tells_null = self.tells_null or verdict.gold_is_null is not None
        self.refused += verdict.refused is True
        if verdict.test_suite is not None:
            self.on_suite.add(verdict.test_suite)
        if verdict.execution is not None:
            self.execution.add(verdict.execution)
            if not verdict.refused:
                self.answered.add(verdict.execution)
            if not verdict.empty_gold:
                self.with_rows.add(verdict.execution)
            if verdict.gold_is_null is False:
                self.without_null.add(verdict.execution)

    def metrics(self) -> Metrics:
        return Metrics(
            execution_accuracy=self.execution.metric(),
            with_rows=self.with_rows.metric(),
            exact_match=self.exact.metric(),
            valid_sql=self.valid.metric(),
            parse_rate=self.parsed.metric(),
            without_null_golds=self.without_null.metric() if self.tells_null else None,
            test_suite_accuracy=self.on_suite.metric() if self.on_suite.n else None,
            answered=self.answered.metric() if self.refused else None,
        )


def _as_dict(metrics: Metrics, exact: tuple[str, ...]) -> dict[str, object]:
    without, suite = metrics.without_null_golds, metrics.test_suite_accuracy
    answered = metrics.answered
    return {
        "execution_accuracy": asdict(metrics.execution_accuracy),
        **({"execution_accuracy_without_null_golds": asdict(without)} if without else {}),
        **({"execution_accuracy_answered": asdict(answered)} if answered else {}),
        **({"test_suite_accuracy": asdict(suite)} if suite else {}),
        **{name: asdict(metrics.exact_match) for name in exact},
        "valid_sql": asdict(metrics.valid_sql),
        "parse_rate": asdict(metrics.parse_rate),
        "execution_accuracy_with_rows": asdict(metrics.with_rows),
    }
