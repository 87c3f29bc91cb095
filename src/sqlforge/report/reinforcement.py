"""What reinforcement did, on the page: the reward's curve and what it took."""

from __future__ import annotations

from sqlforge.report.charts import Line, line_chart, smoothed, thinned
from sqlforge.report.data import ReportData
from sqlforge.report.figures import duration, gibibytes
from sqlforge.report.markup import Html, join, table


def part(data: ReportData) -> Html | None:
    """The mean reward of each step and a table; ``None`` where nothing was reinforced."""
    facts = data.reinforcement
    if not facts:
        return None
    parts: list[Html | None] = []
    if len(data.rewards) > 1:
        smooth = smoothed(data.rewards)
        says = f"goes from {smooth[0][1]:.3f} to {smooth[-1][1]:.3f}"
        lines = [Line("raw", thinned(data.rewards)), Line("smooth", thinned(smooth))]
        parts.append(line_chart("Mean reward of training questions", says, lines))
    n = f"{facts['trial']:,.0f}"
    rows = [
        ["Steps", f"{facts['steps']:,.0f}"],
        ["Answers drawn", f"{facts['samples']:,.0f}"],
        ["Answers a second, updates included", f"{facts['samples_per_second']:,.1f}"],
        ["Groups whose rewards differ", f"{facts['signal']:.0%}"],
        ["Training questions tried, right before", f"{facts['right_before']:,.0f} of {n}"],
        ["Training questions tried, right after", f"{facts['right_after']:,.0f} of {n}"],
        ["Wall time", duration(facts["seconds"])],
        ["Peak memory", gibibytes(facts["peak_memory_bytes"])],
    ]
    parts.append(table("What reinforcement took", ["Quantity", "Value"], rows))
    return join(parts)
