"""``score --report``: what came out for a file of predictions, as a page."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlforge.core.files import write_text
from sqlforge.core.records import Example, Prediction, Verdict
from sqlforge.prompt.schema_text import schema_text
from sqlforge.report.data import Case, ReportData, SourceResult
from sqlforge.report.html import render
from sqlforge.score.api import ScoredFile
from sqlforge.score.benchmarks import DEFAULT_SPLITS

_FAILURES = 30


def write_page(page: Path, name: str, scored: Mapping[str, ScoredFile]) -> None:
    """Write one page about a file of predictions, both modes side by side.

    Args:
        page: where to write it.
        name: its title.
        scored: what came out by mode, ``official`` and ``strict``, of the same predictions; the
            failures shown are those of the official one.

    Raises:
        StorageError: the page cannot be written.
    """
    write_text(page, render(_data(name, scored)))


def _data(name: str, scored: Mapping[str, ScoredFile]) -> ReportData:
    official = scored["official"]
    source = _source(official)
    result = SourceResult(
        source=source,
        unseen=False,
        summaries={match: scored[match].summary for match in ("official", "strict")},
        comparisons={},
        breakdowns={match: found.breakdown for match, found in scored.items()},
    )
    failed = [
        (example, answer, verdict)
        for example, answer, verdict in zip(
            official.dataset.examples, official.answers, official.verdicts, strict=True
        )
        if verdict.execution is False
    ]
    shown = random.Random("0/report").sample(failed, min(_FAILURES, len(failed)))
    return ReportData(
        name=name,
        model=f"{official.benchmark}, {official.split}",
        method="both modes side by side",
        started=None,
        sources=(result,),
        failures=_cases(official, shown, source),
        failure_count=len(failed),
        successes=(),
        merged=None,
        trials=(),
        steps=(),
        training={},
        data=(),
        recipe="",
        manifest="",
        answered_by="predictions",
    )


def _source(scored: ScoredFile) -> str:
    """The benchmark itself where its usual split was asked: the page has a label for that."""
    is_usual = scored.dataset.name == f"{scored.benchmark}-{DEFAULT_SPLITS.get(scored.benchmark)}"
    return scored.benchmark if is_usual else scored.dataset.name


def _cases(
    scored: ScoredFile, shown: Sequence[tuple[Example, Prediction, Verdict]], source: str
) -> tuple[Case, ...]:
    schemas = scored.dataset.databases
    cases = [
        Case(
            id=example.id,
            source=source,
            kind=example.kind,
            db_id=example.db_id,
            question=example.question,
            schema=schema_text(schemas[example.db_id].schema),
            gold=example.sql,
            tuned=answer.sql,
            base=None,
            error=verdict.error,
            mistakes=verdict.mistakes or (),
        )
        for example, answer, verdict in shown
    ]
    return tuple(sorted(cases, key=lambda case: (case.mistakes, case.error or "", case.id)))
