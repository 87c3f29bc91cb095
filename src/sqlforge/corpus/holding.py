"""Take held-out splits and leaks out of the training rows."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from sqlforge.corpus.audit import AuditReport, Tally
from sqlforge.corpus.clean import Reason
from sqlforge.corpus.fingerprints import Fingerprint
from sqlforge.corpus.leaks import LEAKS, Finding, Reference, find_leaks, is_leak
from sqlforge.corpus.split import Row as SplitRow
from sqlforge.corpus.split import Side, split_by_schema
from sqlforge.corpus.survivors import Row, Survivors

Tick = Callable[[int, int], None]

_SHAPES = (
    ("set operation", re.compile(r"\b(UNION|INTERSECT|EXCEPT)\b")),
    ("nested", re.compile(r"\(SELECT\b")),
    ("join", re.compile(r"\bJOIN\b")),
    ("group", re.compile(r"\bGROUP BY\b")),
)


def hold_out(
    rows: Survivors, count: int, seed: int, split: str, progress: Tick | None = None
) -> list[Row]:
    """Draw an internal split by schema and take it out of the training rows.

    Strata are source and complexity (see :func:`complexity`). Rows that share a table with a drawn
    one are left out of training too; made rows have test domains of their own and stay.

    Raises:
        DataError: there are too few rows; see :func:`sqlforge.corpus.split.split_by_schema`.
    """

    def looked_at() -> Iterator[SplitRow]:
        for row in _not_made(rows, progress):
            example, mark = row.kept.example, row.kept.fingerprint
            stratum = (example.source, example.kind or complexity(mark.masked or ""))
            yield SplitRow(example.id, stratum, [table.signature for table in mark.tables])

    sides = split_by_schema(looked_at(), count, seed).sides
    drawn = []
    for row, side in zip(_not_made(rows), sides, strict=True):
        if side == Side.TEST:
            drawn.append(row)
        elif side == Side.LEFT_OUT:
            rows.put_out(row, Reason.SHARES_TABLES, split)
    for row in drawn:
        rows.take_out(row)
    return drawn


def complexity(masked: str) -> str:
    """A coarse complexity of canonical SQL, for sources that publish none.

    >>> complexity("SELECT a FROM t WHERE b = ?"), complexity("SELECT a FROM t GROUP BY a")
    ('plain', 'group')
    """
    return next((name for name, shape in _SHAPES if shape.search(masked)), "plain")


def audit_rows(
    rows: Survivors,
    references: Mapping[str, Reference],
    *,
    remove: bool,
    progress: Tick | None = None,
) -> AuditReport:
    """Audit the training rows against benchmarks; with ``remove`` leaks are put out."""
    tally = Tally(references)
    waiting: deque[Row] = deque()

    def marks() -> Iterator[Fingerprint]:
        for row in rows.rows(progress):
            waiting.append(row)
            yield row.kept.fingerprint

    for mark, findings in find_leaks(marks(), references):
        tally.add(mark, findings)
        row = waiting.popleft()
        if remove and is_leak(findings):
            rows.put_out(row, Reason.LEAK, _named(findings, references))
    return tally.report()


def _not_made(rows: Survivors, progress: Tick | None = None) -> Iterator[Row]:
    return (row for row in rows.rows(progress) if not row.cleaned.trusted)


def _named(findings: tuple[Finding, ...], references: Mapping[str, Reference]) -> str:
    parts = []
    for finding in findings:
        if finding.rule in LEAKS:
            met = references[finding.benchmark].fingerprints[finding.met[0]].example.id
            parts.append(f"{finding.benchmark} by {finding.rule.value}: {met}")
    return "; ".join(parts)
