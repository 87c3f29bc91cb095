"""The parts of the page that hold figures: verdict, tables, bars, curves."""

from __future__ import annotations

from collections.abc import Mapping

from sqlforge.core.records import Metric
from sqlforge.report.charts import Bar, Line, bar_chart, line_chart, smoothed, thinned
from sqlforge.report.data import ReportData, SourceResult
from sqlforge.report.figures import (
    duration,
    gibibytes,
    held_out_label,
    interval,
    p_value,
    percent,
    points,
    source_label,
    system_label,
)
from sqlforge.report.markup import Html, el, join, table

SYSTEMS = ("base", "template", "tuned", "reinforced", "merged", "official", "strict")


def verdict(result: SourceResult, system: str = "tuned") -> str:
    """What came out on one source, in one sentence; ``system`` is told against the base model.

    Another system than ``tuned`` was not compared with it: its own interval is given.
    """
    label = held_out_label if result.unseen else source_label
    where = label(result.source)
    tuned, base = result.summaries.get(system), result.summaries.get("base")
    main = tuned or next(iter(result.summaries.values()))
    value, n = main.execution_accuracy, f"n = {main.n:,}"
    start = f"Execution accuracy on {where}: "
    against = result.comparisons.get("base") if system == "tuned" else None
    if tuned is None or base is None or against is None:
        name = "" if tuned else f" ({next(iter(result.summaries))})"
        return f"{start}{percent(value.value)}{name} (95 % interval {interval(value)}, {n})."
    gain = against.difference
    return (
        f"{start}{percent(base.execution_accuracy.value)} → {percent(value.value)} "
        f"({points(gain.value)} points, 95 % interval {points(gain.low)} to {points(gain.high)}, "
        f"{p_value(against.mcnemar)}, {n})."
    )


def against_template(result: SourceResult) -> str | None:
    """How far tuned is from copying the nearest question, in one sentence."""
    template, found = result.summaries.get("template"), result.comparisons.get("template")
    if template is None or found is None:
        return None
    gain = found.difference
    return (
        f"A baseline that fills the query of the nearest training question gets "
        f"{percent(template.execution_accuracy.value)} right: tuned minus baseline is "
        f"{points(gain.value)} points ({points(gain.low)} to {points(gain.high)})."
    )


def results(data: ReportData) -> Html:
    """Bars and the table of systems by metrics, one block a source."""
    return join(_source_block(result) for result in data.sources)


def training(data: ReportData) -> Html | None:
    """The loss curve, the learning rate and what training cost."""
    if not data.steps and not data.training:
        return None
    parts: list[str | None] = []
    if data.steps:
        losses = [(float(step.step), step.loss) for step in data.steps]
        smooth = smoothed(losses)
        says = f"falls from {smooth[0][1]:.3f} to {smooth[-1][1]:.3f}"
        if smooth[-1][1] >= smooth[0][1]:
            says = f"goes from {smooth[0][1]:.3f} to {smooth[-1][1]:.3f}"
        lines = [Line("raw", thinned(losses)), Line("smooth", thinned(smooth))]
        title = "Loss over the answer's tokens (thin: each step)"
        validated = [
            (float(s.step), s.validation_loss) for s in data.steps if s.validation_loss is not None
        ]
        if len(validated) > 1:
            lines.append(Line("validation", thinned(validated)))
            title = "Loss over the answer's tokens (thin: each step, dashed: validation examples)"
            says += f"; on validation examples it ends at {validated[-1][1]:.3f}"
        parts.append(line_chart(title, says, lines))
        rates = [
            (float(s.step), s.learning_rate) for s in data.steps if s.learning_rate is not None
        ]
        if rates:
            highest = max(rate for _, rate in rates)
            shape = [Line("rate", thinned(rates))]
            parts.append(line_chart("Learning rate", f"at most {highest:g}", shape, height=80))
    parts.append(_cost(data.training))
    return join(parts)


def _source_block(result: SourceResult) -> Html:
    present = [system for system in SYSTEMS if system in result.summaries]
    bars = []
    for system in present:
        metric = result.summaries[system].execution_accuracy
        note = f"{percent(metric.value)} ({interval(metric)})"
        bars.append(Bar(system_label(system), system, metric.value, metric.low, metric.high, note))
    label = source_label(result.source)
    n = result.summaries[present[0]].n
    rows = [[system_label(system), *_cells(result, system)] for system in present]
    head = ["System", "Execution accuracy", "Exact match", "Valid SQL", "Parses"]
    head += ["Gain of tuned" if result.comparisons else "Golds with rows"]
    return join(
        [
            bar_chart(
                f"Execution accuracy on {label}, n = {n:,} (whiskers: 95 % interval)",
                bars,
                scale=True,
            ),
            table(f"All metrics on {label}, in percent with 95 % Wilson intervals", head, rows),
            _modes_table(result, label),
            _gain_table(result, label),
        ]
    )


def _modes_table(result: SourceResult, label: str) -> Html | None:
    """The official and the strict count side by side."""
    if not (result.official or result.strict):
        return None
    head, rows = ["System"], []
    if result.official:
        head += ["Official: execution", "Official: exact set"]
    if result.strict:
        head += ["Strict: execution", "Strict: golds with rows", "Strict: exact set"]
    for system in (s for s in SYSTEMS if s in result.official or s in result.strict):
        cells: list[str] = []
        for summaries in (result.official, result.strict):
            found = summaries.get(system)
            if found is None:
                cells += ["–"] * ((2 if summaries is result.official else 3) if summaries else 0)
                continue
            m = found.metrics
            cells.append(_cell(m.execution_accuracy))
            cells += [_cell(m.with_rows)] if summaries is result.strict else []
            cells.append(_cell(m.exact_match))
        rows.append([system_label(system), *cells])
    modes = (("officially", result.official), ("strictly", result.strict))
    counted = " and ".join(mode for mode, summaries in modes if summaries)
    return table(f"Counted {counted} on {label}, in percent", head, rows)


def _gain_table(result: SourceResult, label: str) -> Html | None:
    """Tuned minus each other system, by formula and by bootstrap."""
    rows = []
    for system in (s for s in SYSTEMS if s in result.comparisons):
        found = result.comparisons[system]
        if found.bootstrap is None or found.bootstrap_databases is None:
            continue
        kinds = (found.difference, found.bootstrap, found.bootstrap_databases)
        spans = (f"{points(kind.low)} to {points(kind.high)}" for kind in kinds)
        gain = points(found.difference.value)
        rows.append([system_label(system), gain, *spans, p_value(found.mcnemar)])
    head = ["Tuned minus", "Points", "Newcombe", "Bootstrap", "Bootstrap of databases", "Test"]
    caption = f"Gain of tuned on {label} with 95 % intervals of three kinds"
    return table(caption, head, rows) if rows else None


def _cells(result: SourceResult, system: str) -> list[str]:
    summary = result.summaries[system]
    metrics = summary.metrics
    cells = [_cell(m) for m in (metrics.execution_accuracy, metrics.exact_match)]
    cells += [_cell(m) for m in (metrics.valid_sql, metrics.parse_rate)]
    if not result.comparisons:
        return [*cells, _cell(metrics.with_rows)]
    against = result.comparisons.get(system)
    if against is None:
        return [*cells, "–"]
    gain, test = against.difference, against.mcnemar
    words = join(
        [
            el("b", points(gain.value)),
            " ",
            el("span", f"{points(gain.low)} to {points(gain.high)}", class_="interval"),
            el("span", p_value(test), class_="interval below"),
        ]
    )
    return [*cells, words]


def _cell(metric: Metric) -> Html:
    value = el("b", f"{metric.value * 100:.1f}")
    return join([value, " ", el("span", interval(metric), class_="interval")])


def _cost(facts: Mapping[str, float]) -> Html | None:
    seconds, tokens = facts.get("seconds"), facts.get("tokens")
    rows: list[list[str]] = []
    for key, name in _COUNTS.items():
        if key in facts:
            rows.append([name, f"{facts[key]:,.0f}"])
    if seconds:
        rows.append(["Wall time", duration(seconds)])
        if tokens:
            rows.append(["Tokens a second", f"{tokens / seconds:,.0f}"])
    if "peak_memory_bytes" in facts:
        rows.append(["Peak memory", gibibytes(facts["peak_memory_bytes"])])
    return table("What training took", ["Quantity", "Value"], rows) if rows else None


_COUNTS = {
    "steps": "Optimizer steps",
    "examples": "Examples seen",
    "tokens": "Tokens processed, shared schemas once",
    "dropped_too_long": "Examples left out as too long",
    "trainable_parameters": "Trainable parameters",
}
