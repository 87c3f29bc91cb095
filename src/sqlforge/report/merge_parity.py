"""How far merged models are from the adapter on the weights that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from sqlforge.core.records import Metric
from sqlforge.report.figures import interval, percent


@dataclass(frozen=True, slots=True)
class Parity:
    """One system on the fixed set, held against the first.

    ``differ`` counts answers with other SQL. ``gap`` is the mean, over the first system's answers,
    of how much the log-probability of one differs, in nats a token.
    """

    system: str
    execution_accuracy: Metric
    differ: int
    gap: float


def print_parity(console: Console, found: Sequence[Parity]) -> None:
    """Print one line a system.

    >>> one = Parity("4-bit + adapter", Metric(0.5, 0.4, 0.6, 100, 200), 0, 0.0)
    >>> print_parity(Console(width=100), [one])
    Merging, n = 200...
    """
    n = found[0].execution_accuracy.n if found else 0
    table = Table(title=f"Merging, n = {n:,}", title_justify="left", title_style="bold")
    for name in ("System", "Execution accuracy", "Answers that differ", "Gap (nats a token)"):
        table.add_column(name, no_wrap=name == "System")
    for one in found:
        metric = one.execution_accuracy
        accuracy = f"{percent(metric.value)} ({interval(metric)})"
        table.add_row(one.system, accuracy, f"{one.differ:,}", f"{one.gap:.4f}")
    console.print(table)
