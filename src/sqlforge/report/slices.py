"""The parts of the page that take accuracy apart: kinds, clauses, databases, mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlforge.core.records import Metric
from sqlforge.report.charts import Bar, bar_chart
from sqlforge.report.data import ReportData, SourceResult
from sqlforge.report.figures import interval, source_label
from sqlforge.report.markup import Html, el, folded, join, table
from sqlforge.score.breakdown import Breakdown
from sqlforge.score.taxonomy import CLASSES

SHOWN = ("base", "template", "tuned", "reinforced", "official", "strict")
_MOST_DATABASES, _UNFOLDED = 40, 12

Metrics = Mapping[str, Mapping[str, Metric]]
"""By system, then by the name of the slice."""


def by_kind(data: ReportData) -> Html | None:
    """Small bar charts, one a query kind; nothing where no example has a kind."""
    blocks = [
        (result, _charts(_hardest_first(metrics), metrics))
        for result in data.sources
        if (metrics := _kinds(result))
    ]
    words = "Execution accuracy with 95 % intervals, the kinds that are hardest first."
    return _section(words, data, ((r, el("div", *charts, class_="grid")) for r, charts in blocks))


def by_clause(data: ReportData) -> Html | None:
    """Small bar charts, one a clause that golds use."""
    words = (
        "Execution accuracy by what the gold query uses, with 95 % intervals. A question counts "
        "for every clause of its gold, so that the groups overlap."
    )
    return _overlapping(words, data, lambda breakdown: breakdown.by_clause)


def by_trait(data: ReportData) -> Html | None:
    """Small bar charts, one a trait of questions that makes them hard."""
    words = (
        "Execution accuracy by how many tables the gold query uses, by the columns of the whole "
        "schema, and by whether the question spells the gold's columns (all words of their names, "
        "those that only join tables aside), with 95 % intervals."
    )
    return _overlapping(words, data, lambda breakdown: breakdown.by_trait)


def by_database(data: ReportData) -> Html | None:
    """A table of databases, the hardest first; nothing where there is only one."""
    blocks = []
    for result in data.sources:
        metrics = {s: b.by_database for s, b in result.breakdowns.items() if s in SHOWN}
        if len(_any(metrics)) > 1:
            blocks.append((result, _databases(result, metrics)))
    words = "Execution accuracy by database, the hardest first, in percent with 95 % intervals."
    return _section(words, data, blocks)


def mistakes(data: ReportData) -> Html | None:
    """How often each class of mistake was made: as a plot, and as a table of counts."""
    words = (
        "Each wrong answer by the class of what is wrong with it first, as counts and shares of "
        "the wrong answers. The table also counts how often a class is there at all: an answer "
        "may have several."
    )
    blocks = [
        (result, join([_mistake_charts(result), _mistake_table(result)]))
        for result in data.sources
        if any(b.mistakes and b.mistakes.primary for b in result.breakdowns.values())
    ]
    return _section(words, data, blocks)


def _overlapping(
    words: str, data: ReportData, slices: Callable[[Breakdown], Mapping[str, Metric]]
) -> Html | None:
    blocks = []
    for result in data.sources:
        metrics = {s: slices(b) for s, b in result.breakdowns.items() if s in SHOWN}
        names = list(_any(metrics))
        if names:
            blocks.append((result, el("div", *_charts(names, metrics), class_="grid")))
    return _section(words, data, blocks)


def _section(
    words: str, data: ReportData, blocks: Iterable[tuple[SourceResult, Html]]
) -> Html | None:
    parts: list[str | None] = []
    for result, block in blocks:
        parts += [el("h3", source_label(result.source)) if len(data.sources) > 1 else None, block]
    return join([el("p", words), *parts]) if parts else None


def _kinds(result: SourceResult) -> Metrics:
    found = {
        system: {k: m.execution_accuracy for k, m in summary.by_kind.items() if k != "unknown"}
        for system, summary in result.summaries.items()
        if system in SHOWN
    }
    return found if _any(found) else {}


def _any(metrics: Metrics) -> list[str]:
    """The names of all slices, in the order in which systems have them."""
    return list(dict.fromkeys(name for found in metrics.values() for name in found))


def _leading(metrics: Metrics) -> Mapping[str, Metric]:
    return metrics["tuned" if "tuned" in metrics else next(iter(metrics))]


def _hardest_first(metrics: Metrics) -> list[str]:
    leading = _leading(metrics)
    return sorted(leading, key=lambda name: (leading[name].value, name))


def _charts(names: Iterable[str], metrics: Metrics) -> list[Html]:
    charts = []
    for name in names:
        found = {s: metrics[s][name] for s in SHOWN if s in metrics and name in metrics[s]}
        bars = [
            Bar(system, system, m.value, m.low, m.high, f"{m.value * 100:.0f} %")
            for system, m in found.items()
        ]
        n = max(metric.n for metric in found.values())
        charts.append(bar_chart(f"{name}, n = {n:,}", bars))
    return charts


def _databases(result: SourceResult, metrics: Metrics) -> Html:
    systems = [system for system in SHOWN if system in metrics]
    names = _hardest_first(metrics)
    shown = names[:_MOST_DATABASES]
    rows = []
    for name in shown:
        n = _leading(metrics)[name].n
        rows.append([name, f"{n:,}", *(_cell(metrics[s].get(name)) for s in systems)])
    left = f", the {len(shown)} hardest of {len(names):,}" if len(shown) < len(names) else ""
    caption = f"Execution accuracy by database of {source_label(result.source)}{left}"
    full = table(caption, ["Database", "Questions", *systems], rows)
    if len(rows) <= _UNFOLDED:
        return full
    return folded(f"{len(rows)} databases{left}", full, is_open=len(rows) <= 2 * _UNFOLDED)


def _cell(metric: Metric | None) -> Html | str:
    if metric is None:
        return "–"
    value = el("b", f"{metric.value * 100:.1f}")
    return join([value, " ", el("span", interval(metric), class_="interval")])


def _explained(result: SourceResult) -> list[str]:
    return [s for s in SHOWN if s in result.breakdowns and result.breakdowns[s].mistakes]


def _classes(result: SourceResult) -> list[str]:
    """The classes that occur, the most frequent first by the last of the systems shown."""
    found = [result.breakdowns[s].mistakes for s in _explained(result) if s != "template"]
    counts = [m.primary for m in reversed(found) if m is not None]
    names = {name for count in counts for name in count}
    return sorted(names, key=lambda n: ([-c.get(n, 0) for c in counts], CLASSES.index(n)))


def _mistake_charts(result: SourceResult) -> Html:
    charts = []
    for name in _classes(result):
        bars = []
        for system in (s for s in _explained(result) if s != "template"):
            found = result.breakdowns[system].mistakes
            count = found.primary.get(name, 0) if found else 0
            share = count / found.failures if found and found.failures else 0.0
            note = f"{count:,} ({share * 100:.0f} %)"
            bars.append(Bar(system, system, share, None, None, note))
        charts.append(bar_chart(name, bars))
    return el("div", *charts, class_="grid")


def _mistake_table(result: SourceResult) -> Html:
    systems = _explained(result)
    rows = []
    for name in CLASSES:
        cells = []
        for system in systems:
            found = result.breakdowns[system].mistakes
            first = found.primary.get(name, 0) if found else 0
            present = found.present.get(name, 0) if found else 0
            cells += [f"{first:,}", f"{present:,}"]
        if any(cell != "0" for cell in cells):
            rows.append([name, *cells])
    totals = [result.breakdowns[system].mistakes for system in systems]
    rows.append(["all", *(c for m in totals for c in (f"{m.failures:,}" if m else "–", "–"))])
    head = ["Class", *(f"{s}, {what}" for s in systems for what in ("first", "at all"))]
    return table(f"Classes of mistakes on {source_label(result.source)}", head, rows)
