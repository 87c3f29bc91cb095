"""From verdicts to the figures that get printed and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlforge.core.records import Metric, Verdict
from sqlforge.score.statistics import wilson


@dataclass(frozen=True, slots=True)
class Metrics:
    """The proportions that are reported of any set of verdicts.

    ``with_rows`` is execution accuracy on those golds only whose result has rows.
    ``without_null_golds`` also leaves out those that give NULL only; it is ``None`` where the mode
    does not tell them apart.
    ``test_suite_accuracy`` is ``None`` where nothing was judged on a suite.
    """

    execution_accuracy: Metric
    with_rows: Metric
    exact_match: Metric
    valid_sql: Metric
    parse_rate: Metric
    without_null_golds: Metric | None = None
    test_suite_accuracy: Metric | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The metrics of all verdicts and of each query kind (``"unknown"`` where there is none).

    ``bad_golds`` counts the examples that were left out because their gold fails; ``n`` are the
    others.
    """

    n: int
    metrics: Metrics
    by_kind: Mapping[str, Metrics]
    bad_golds: int = 0

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


def summarise(verdicts: Sequence[Verdict]) -> Summary:
    """All metrics of ``verdicts`` with 95 % Wilson intervals, overall and by kind.

    Execution accuracy leaves out what could not be executed for want of rows; its ``n`` says so.

    >>> summarise([Verdict("1", "db", "easy", True, False, True, True)]).execution_accuracy.value
    1.0
    """
    judged = [verdict for verdict in verdicts if verdict.bad_gold is None]
    kinds = sorted({verdict.kind or "unknown" for verdict in judged})
    by_kind = {k: _metrics([v for v in judged if (v.kind or "unknown") == k]) for k in kinds}
    return Summary(len(judged), _metrics(judged), by_kind, len(verdicts) - len(judged))


def to_json(summary: Summary, benchmark: str, split: str) -> dict[str, object]:
    """The fixed JSON form of ``sqlforge score --json``; values are fractions.

    Spider's exact metric is the exact *set* match, WikiSQL's the equality of logical forms, the
    internal split's an exact match of canonical SQL, and the key says which.

    >>> list(to_json(summarise([]), "internal", "test")["metrics"])
    ['execution_accuracy', 'exact_match', 'valid_sql', 'parse_rate', 'execution_accuracy_with_rows']
    """
    exact = _EXACT.get(benchmark, ("exact_set_match",))
    return {
        "benchmark": benchmark,
        "split": split,
        "n": summary.n,
        **({"bad_golds": summary.bad_golds} if summary.bad_golds else {}),
        "metrics": _as_dict(summary.metrics, exact),
        "by_hardness": {kind: _as_dict(m, exact) for kind, m in summary.by_kind.items()},
    }


_EXACT = {
    "internal": ("exact_match",),
    "wikisql": ("logical_form_accuracy", "exact_set_match"),  # one figure: a set of conditions
}


def _metrics(verdicts: Sequence[Verdict]) -> Metrics:
    n = len(verdicts)
    executed = [v for v in verdicts if v.execution is not None]
    telling = [v for v in executed if not v.empty_gold]
    on_suite = [v.test_suite for v in verdicts if v.test_suite is not None]
    return Metrics(
        execution_accuracy=wilson(sum(map(_right, executed)), len(executed)),
        with_rows=wilson(sum(map(_right, telling)), len(telling)),
        exact_match=wilson(sum(v.exact for v in verdicts), n),
        valid_sql=wilson(sum(v.valid for v in verdicts), n),
        parse_rate=wilson(sum(v.parsed for v in verdicts), n),
        without_null_golds=_without_null_golds(verdicts),
        test_suite_accuracy=wilson(sum(on_suite), len(on_suite)) if on_suite else None,
    )


def _right(verdict: Verdict) -> bool:
    return verdict.execution is True


def _without_null_golds(verdicts: Sequence[Verdict]) -> Metric | None:
    told = [v for v in verdicts if v.gold_is_null is not None]
    kept = [v.execution for v in told if not v.gold_is_null and v.execution is not None]
    return wilson(sum(kept), len(kept)) if told else None


def _as_dict(metrics: Metrics, exact: tuple[str, ...]) -> dict[str, object]:
    without, suite = metrics.without_null_golds, metrics.test_suite_accuracy
    return {
        "execution_accuracy": asdict(metrics.execution_accuracy),
        **({"execution_accuracy_without_null_golds": asdict(without)} if without else {}),
        **({"test_suite_accuracy": asdict(suite)} if suite else {}),
        **{name: asdict(metrics.exact_match) for name in exact},
        "valid_sql": asdict(metrics.valid_sql),
        "parse_rate": asdict(metrics.parse_rate),
        "execution_accuracy_with_rows": asdict(metrics.with_rows),
    }
