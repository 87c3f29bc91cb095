"""The report of a run as one HTML page without anything outside it."""

from __future__ import annotations

from importlib.resources import files
from string import Template

from sqlforge.core.redact import without_password
from sqlforge.report import examples, reinforcement, results, slices
from sqlforge.report.data import ReportData
from sqlforge.report.markup import Html, el, folded, join, text


def render(data: ReportData) -> str:
    """The whole page; parts of which the run holds nothing are left out.

    Everything from data is escaped, and passwords in URLs are replaced by ``***``.

    >>> from sqlforge.score.summary import summarise
    >>> from sqlforge.report.data import SourceResult
    >>> result = SourceResult("spider", True, {"tuned": summarise([])}, {})
    >>> page = render(ReportData("tiny", "smol", "lora", None, (result,), (), 0, (), None, (),
    ...                          (), {}, (), "name: tiny", "{}"))
    >>> page.startswith("<!DOCTYPE html>"), "Loss" in page
    (True, False)
    """
    sections = {
        "Results": results.results(data),
        "Accuracy by query kind": slices.by_kind(data),
        "Accuracy by clause": slices.by_clause(data),
        "Accuracy by what makes a question hard": slices.by_trait(data),
        "Accuracy by database": slices.by_database(data),
        "What went wrong": slices.mistakes(data),
        "Training": results.training(data),
        "Reinforcement": reinforcement.part(data),
        "Merged against adapter": examples.merged(data.merged),
        "The base model's prompt": examples.trials(data),
        "Data and licences": examples.sources(data),
        "Failures": examples.failures(data),
        "Won by tuning": examples.successes(data),
        "Recipe and manifest": _papers(data) if data.recipe else None,
    }
    present = {title: body for title, body in sections.items() if body}
    here = files("sqlforge.report")
    page = Template(here.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=text(f"{data.name}: SQLForge report"),
        style=here.joinpath("page.css").read_text(encoding="utf-8"),
        head=_head(data),
        contents=_contents(list(present)),
        sections=join(_section(title, body) for title, body in present.items()),
    )
    # Every text went through it already; once more over the whole catches what came another way.
    return without_password(page)


def _head(data: ReportData) -> Html:
    facts = [data.model, data.method, data.started]
    line = " · ".join(fact for fact in facts if fact)
    parts: list[Html] = []
    for result in data.sources:
        parts.append(el("p", results.verdict(result), class_="verdict"))
        if (beside := results.against_template(result)) is not None:
            parts.append(el("p", beside))
    return join([el("h1", data.name), *parts, el("p", line, class_="facts")])


def _contents(titles: list[str]) -> Html:
    links = (el("li", el("a", title, href=f"#{_anchor(title)}")) for title in titles)
    return el("nav", el("ul", *links), aria_label="Contents")


def _section(title: str, body: Html) -> Html:
    anchor = _anchor(title)
    heading = el("h2", title, id=f"{anchor}-title")
    return el("section", heading, body, id=anchor, aria_labelledby=f"{anchor}-title")


def _anchor(title: str) -> str:
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c == "-")


def _papers(data: ReportData) -> Html:
    return join(
        [
            folded("Recipe (YAML)", el("pre", data.recipe)),
            folded("Manifest (JSON)", el("pre", data.manifest)),
        ]
    )
