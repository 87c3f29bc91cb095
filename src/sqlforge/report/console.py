"""What the terminal shows of a finished comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sqlforge.core.records import Metric
from sqlforge.report.figures import interval, p_value, percent, points, source_label
from sqlforge.score.statistics import Difference, McNemar
from sqlforge.score.summary import Summary


def print_comparison(
    console: Console,
    summaries: Mapping[str, Mapping[str, Summary]],
    comparison: Mapping[str, Mapping[str, Any]],
) -> None:
    """Print one table a source, and how tuned compares to each other system.

    Args:
        console: where to print.
        summaries: source → system → summary, as the ``score`` stage returns them.
        comparison: what ``scores/comparison.json`` holds; may be empty.

    >>> from sqlforge.score.summary import summarise
    >>> print_comparison(Console(width=90), {"spider": {"tuned": summarise([])}}, {})
    Spider dev, n = 0...
    """
    for source, systems in summaries.items():
        if not systems:
            continue
        n = next(iter(systems.values())).n
        table = Table(
            title=f"{source_label(source)}, n = {n:,} (95 % intervals in brackets)",
            title_justify="left",
            title_style="bold",
        )
        suites = [summary.metrics.test_suite_accuracy for summary in systems.values()]
        names = ["System", "Execution accuracy", "Exact match", "Valid SQL"]
        for name in [*names, "Test-suite accuracy"] if any(suites) else names:
            table.add_column(name, no_wrap=name == "System")
        for (system, summary), suite in zip(systems.items(), suites, strict=True):
            metrics = [summary.execution_accuracy, summary.exact_match, summary.valid_sql]
            metrics += [suite] if suite else []
            table.add_row(system, *(_cell(metric) for metric in metrics))
        console.print(table)
        for system in systems:
            found = comparison.get(source, {}).get(system)
            if found is not None:
                console.print(_line(system, found), highlight=False, soft_wrap=True)
        differs = comparison.get(source, {}).get("merged_differs")
        if differs is not None:
            console.print(
                f"merged answers with other SQL than the adapter's: "
                f"{differs['count']:,} of {differs['n']:,}",
                highlight=False,
            )


def _cell(metric: Metric) -> str:
    # Round brackets: rich would read square ones as style.
    return f"{percent(metric.value)} ({interval(metric)})"


def _line(system: str, found: Mapping[str, Any]) -> str:
    gain, test = Difference(**found["difference"]), McNemar(**found["mcnemar"])
    return (
        f"tuned minus {system}: {points(gain.value)} points "
        f"({points(gain.low)} to {points(gain.high)}), {p_value(test)} "
        f"({test.only_tuned:,} won, {test.only_base:,} lost)"
    )
