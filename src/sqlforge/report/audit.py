"""A leak audit for people: a table in the terminal, Markdown, an HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from string import Template

from rich.console import Console
from rich.table import Table

from sqlforge.core.redact import without_password
from sqlforge.corpus.audit import AuditReport, BenchmarkAudit, Pair
from sqlforge.corpus.leaks import LEAKS, Rule
from sqlforge.report.markup import Html, el, join, table, text

MEANING = {
    Rule.QUESTION: "the same question up to case, spacing and punctuation",
    Rule.NEAR_QUESTION: "nearly the same question, confirmed by values and query",
    Rule.QUERY: "the same query up to its values, on the same database",
    Rule.SIMILAR_QUESTION: "nearly the same question about other values or other data",
    Rule.SQL: "the same query up to its values, wherever it runs",
    Rule.SCHEMA: "the same tables, or part of the benchmark's tables",
}
_HEAD = ("Rule", "Leak", "Training examples", "Benchmark examples met")
_PAIR_HEAD = ("Rule", "Alike", "", "Question", "SQL", "Database")


def print_audit(console: Console, report: AuditReport, *, pairs: int = 2) -> None:
    """Print a table a benchmark with ``pairs`` pairs of each rule that means a leak.

    >>> print_audit(Console(width=80), AuditReport(0, 0, 0, 0, 0.7, {}, ()))
    0 training examples: none is a leak.
    question: the same question up to case, spacing and punctuation
    ...
    """
    console.print(summary(report), soft_wrap=True)
    for found in report.benchmarks:
        shown = Table(title=heading(found, report), title_justify="left", title_style="bold")
        for name in _HEAD:
            shown.add_column(name, justify="right" if "examples" in name else "left")
        for row in _rows(found, report):
            shown.add_row(*row)
        console.print(shown)
        for pair in _shown(found, pairs):
            console.print(f"  {_alike(pair)}", markup=False)
            for side, example in (("train", pair.train), ("bench", pair.benchmark)):
                console.print(f"    {side}  {_one_line(example.question)}", markup=False)
                console.print(f"           {_one_line(example.sql)}", markup=False)
    console.print(notes(report), soft_wrap=True, markup=False)


def summary(report: AuditReport) -> str:
    """One sentence: how many examples leak, and how many parsed.

    >>> summary(AuditReport(8, 2, 1, 0, 0.7, {}, ()))
    '8 training examples: 2 (25.0 %) leak; the SQL of 1 does not parse.'
    """
    told = "none is a leak"
    if report.leaking:
        told = f"{report.leaking:,} ({_percent(report.leaking, report.rows)}) leak"
    unparsed = f"; the SQL of {report.unparsed:,} does not parse" if report.unparsed else ""
    return f"{report.rows:,} training examples: {told}{unparsed}."


def heading(found: BenchmarkAudit, report: AuditReport) -> str:
    """The line above one benchmark's table."""
    return (
        f"{found.title}: {found.leaking:,} of {report.rows:,} training examples "
        f"({_percent(found.leaking, report.rows)}) leak {found.leaked:,} of its {found.n:,} "
        f"examples ({_percent(found.leaked, found.n)})"
    )


def notes(report: AuditReport) -> str:
    """What the rules mean, thresholds included."""
    lines = [f"{rule.value}: {meaning}" for rule, meaning in MEANING.items()]
    lines.append(
        f"Questions are nearly the same from {report.threshold:.2f} of their 4-character shingles "
        "in common. Rules marked 'no' count what both sides have in common; they remove nothing."
    )
    if any(not found.names_known for found in report.benchmarks):
        lines.append(
            "n/a: the benchmark's queries are known without column names; there, nearly the same "
            "questions have to agree in values, shape of the query and wording."
        )
    return "\n".join(lines)


def audit_markdown(report: AuditReport, title: str = "Leak audit") -> str:
    """The report as Markdown, with pairs side by side.

    >>> print(audit_markdown(AuditReport(0, 0, 0, 0, 0.7, {}, ())).splitlines()[0])
    # Leak audit
    """
    parts = [f"# {title}", "", summary(report), ""]
    for found in report.benchmarks:
        parts += [f"## {_cell(found.title)}", "", _cell(heading(found, report)) + ".", ""]
        parts += _markdown_table(_HEAD, _rows(found, report))
        if found.pairs:
            parts += ["", *_markdown_table(_PAIR_HEAD, _pair_rows(found.pairs))]
        parts.append("")
    return without_password(
        "\n".join([*parts, *(f"- {line}" for line in notes(report).split("\n"))]) + "\n"
    )


def audit_page(report: AuditReport, title: str = "Leak audit") -> str:
    """The report as one HTML page without anything outside it.

    >>> audit_page(AuditReport(0, 0, 0, 0, 0.7, {}, ())).startswith("<!DOCTYPE html>")
    True
    """
    here = files("sqlforge.report")
    page = Template(here.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=text(f"{title}: SQLForge"),
        style=here.joinpath("page.css").read_text(encoding="utf-8"),
        head=join([el("h1", title), el("p", summary(report), class_="verdict")]),
        contents="",
        sections=join([*(_section(found, report) for found in report.benchmarks), _legend(report)]),
    )
    return without_password(page)


def _section(found: BenchmarkAudit, report: AuditReport) -> Html:
    parts = [el("h2", found.title), table(heading(found, report), _HEAD, _rows(found, report))]
    if found.pairs:
        parts.append(table("Side by side", _PAIR_HEAD, _pair_rows(found.pairs)))
    return el("section", *parts)


def _legend(report: AuditReport) -> Html:
    items = (el("li", line) for line in notes(report).split("\n"))
    return el("section", el("h2", "Rules"), el("ul", *items))


def _rows(found: BenchmarkAudit, report: AuditReport) -> Iterator[list[str]]:
    for count in found.counts:
        is_leak = "yes" if count.rule in LEAKS else "no"
        if not found.names_known and count.rule in (Rule.QUERY, Rule.SQL, Rule.SCHEMA):
            yield [count.rule.value, is_leak, "n/a", "n/a"]
            continue
        yield [
            count.rule.value,
            is_leak,
            f"{count.rows:,} ({_percent(count.rows, report.rows)})",
            f"{count.met:,} ({_percent(count.met, found.n)})",
        ]


def _shown(found: BenchmarkAudit, pairs: int) -> Iterator[Pair]:
    for rule in (rule for rule in Rule if rule in LEAKS):
        yield from [pair for pair in found.pairs if pair.rule == rule][:pairs]


def _pair_rows(pairs: Sequence[Pair]) -> Iterator[list[str]]:
    for pair in pairs:
        alike = "" if pair.similarity is None else f"{pair.similarity:.2f}"
        train, other = pair.train, pair.benchmark
        yield [pair.rule.value, alike, "train", train.question, train.sql, train.db_id]
        yield ["", "", "benchmark", other.question, other.sql, other.db_id]


def _markdown_table(head: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(value: str) -> str:
    """Text that stays text in Markdown, in one line."""
    escaped = _one_line(value).replace("\\", "\\\\").replace("|", "\\|")
    return escaped.replace("<", "&lt;").replace("`", "\\`").replace("*", "\\*").replace("_", "\\_")


def _alike(pair: Pair) -> str:
    alike = "" if pair.similarity is None else f" ({pair.similarity:.2f} alike)"
    return f"{pair.rule.value}{alike}"


def _one_line(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= 200 else line[:199] + "…"


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "0.0 %"
    share = 100 * part / whole
    return "< 0.1 %" if part and share < 0.05 else f"{share:.1f} %"
