"""The parts of the page that hold questions and queries."""

from __future__ import annotations

from sqlforge.report.data import Case, MergedCheck, MergedDifference, ReportData
from sqlforge.report.difference import marked, shortened
from sqlforge.report.figures import merged_words, percent, source_label
from sqlforge.report.markup import Html, el, folded, join, table, text

_WHO = {
    "tuned": "The tuned model misses",
    "predictions": "The predictions miss, officially counted,",
}
_SCHEMA_LINES_SHOWN = 6  # longer schemas start folded


def failures(data: ReportData) -> Html | None:
    """Failures of the tuned model, gold and prediction side by side."""
    if not data.failures:
        return None
    shown = len(data.failures)
    how = "all of them" if shown == data.failure_count else f"{shown} of them, drawn by seed"
    intro = el(
        "p",
        f"{_WHO.get(data.answered_by, data.answered_by)} {data.failure_count:,} test questions; "
        f"here are {how}. "
        "Words that only one of the two queries has are marked.",
    )
    title = data.answered_by.capitalize()
    cases = (_case(number, case, title) for number, case in enumerate(data.failures, start=1))
    return join([intro, *cases])


def successes(data: ReportData) -> Html | None:
    """Questions that the tuned model answers rightly and the base model does not."""
    if not data.successes:
        return None
    cases = (_case(number, case, "Tuned") for number, case in enumerate(data.successes, start=1))
    return join(cases)


def merged(check: MergedCheck | None) -> Html | None:
    """How merged and adapter answers differ."""
    if check is None:
        return None
    count, n = len(check.ids), check.n
    share = percent(count / n) if n else "none"
    words = (
        f"{merged_words(check.into)}, {count:,} of {n:,} answers ({share}) differ from the "
        "adapter's in their SQL."
    )
    if not count:
        words = f"All {n:,} answers of the merged model have the same SQL as the adapter's."
    parts: list[str | None] = [el("p", words), *(_merged_case(case) for case in check.shown)]
    if count > len(check.shown):
        parts.append(folded(f"The ids of all {count:,}", el("p", ", ".join(check.ids))))
    return join(parts)


def trials(data: ReportData) -> Html | None:
    """How the base model's prompt was chosen."""
    if not data.trials:
        return None
    best = max(data.trials, key=lambda trial: (trial.correct, trial.valid))
    rows = [
        [t.style + (" (used)" if t is best else ""), f"{t.correct} of {t.n}", f"{t.valid} of {t.n}"]
        for t in data.trials
    ]
    words = (
        "So that the base model gets a fair chance, it was tried with each prompt on validation "
        "questions; the best one answered the test set (valid SQL decides between equals)."
    )
    return join(
        [
            el("p", words),
            table("Prompts of the base model", ["Prompt", "Right", "Valid SQL"], rows),
        ]
    )


def sources(data: ReportData) -> Html | None:
    """Which data went in, and under which licence."""
    if not data.data:
        return None
    rows = [
        [d.source, d.licence, f"{d.train:,}", f"{d.validation:,}", f"{d.test:,}"] for d in data.data
    ]
    head = ["Source", "Licence", "Train", "Validation", "Test"]
    return table("Examples a split, with the licence of each source", head, rows)


def _case(number: int, case: Case, title: str) -> Html:
    gold, tuned = marked(case.gold, case.tuned)
    facts = [source_label(case.source), case.kind, case.db_id, case.id]
    head = el(
        "header",
        el("span", f"{number}", class_="number"),
        el("span", _what(case), class_="wrong") if case.error else None,
        el("span", " · ".join(fact for fact in facts if fact), class_="facts"),
    )
    lines = case.schema.count("\n") + 1
    schema = folded(
        f"Schema, {lines} table{'s' if lines > 1 else ''}",
        el("pre", case.schema, class_="schema"),
        is_open=lines <= _SCHEMA_LINES_SHOWN,
    )
    panes = [_pane("Gold", gold, "gold"), _pane(title, tuned, "predicted")]
    base = (
        folded("What the base model answered", _code(text(shortened(case.base))))
        if case.base
        else None
    )
    pair = el("div", *panes, class_="pair")
    return el("article", head, _question(case.question), schema, pair, base)


def _what(case: Case) -> str:
    """What is wrong, in the verdict's words or, of a query that runs, by its classes."""
    classes = ", ".join(case.mistakes)
    return classes if case.error == "wrong result" and classes else case.error or ""


def _merged_case(case: MergedDifference) -> Html:
    left, right = marked(case.tuned, case.merged)
    panes = [
        _pane(f"Adapter, {_right(case.tuned_right)}", left, "gold"),
        _pane(f"Merged, {_right(case.merged_right)}", right, "predicted"),
    ]
    head = el("header", el("span", case.id, class_="facts"))
    return el("article", head, _question(case.question), el("div", *panes, class_="pair"))


def _question(question: str | None) -> Html:
    if question is not None:
        return el("p", question, class_="question")
    words = (
        "The question, and the values in the queries, are held back: they may be a private "
        "database's. 'sqlforge trace' with this id and --run prints them on your terminal."
    )
    return el("p", words, class_="facts")


def _pane(title: str, sql: Html, style: str) -> Html:
    return el("div", el("h4", title), _code(sql), class_=style)


def _code(sql: Html) -> Html:
    return el("pre", el("code", sql if sql.strip() else "(nothing)"))


def _right(is_right: bool) -> str:
    return "right" if is_right else "wrong"
