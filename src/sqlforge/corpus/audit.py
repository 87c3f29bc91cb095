"""The leak audit: training data against benchmarks, counted, with pairs side by side."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlforge.core.records import Example
from sqlforge.corpus.fingerprints import THRESHOLD, Fingerprint
from sqlforge.corpus.leaks import LEAKS, Finding, Reference, Rule, find_leaks, is_leak
from sqlforge.corpus.licences import OWN_DATABASE, redistributable

PAIRS = 5
"""So many pairs a benchmark and rule are shown."""


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Training examples that a rule found, and the benchmark's examples that they met."""

    rule: Rule
    rows: int
    met: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A training example beside the benchmark's that it meets."""

    rule: Rule
    train: Example
    benchmark: Example
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class BenchmarkAudit:
    """What the training data has in common with one benchmark.

    ``n`` are the benchmark's examples, ``leaking`` the training examples that are leaks by any
    rule, ``leaked`` the benchmark's that they leak. ``counts`` has every rule, ``pairs`` the
    first :data:`PAIRS` a rule by the hash of their ids.
    """

    name: str
    title: str
    n: int
    names_known: bool
    leaking: int
    leaked: int
    counts: tuple[RuleCount, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """An audit's outcome.

    ``rows`` are the training examples read, ``leaking`` those that leak into any benchmark,
    ``unparsed`` those whose SQL did not parse, ``without_schema`` those whose tables are unknown;
    ``licences`` counts examples by licence.
    """

    rows: int
    leaking: int
    unparsed: int
    without_schema: int
    threshold: float
    licences: Mapping[str, int]
    benchmarks: tuple[BenchmarkAudit, ...]


def audit(
    train: Iterable[Fingerprint],
    references: Mapping[str, Reference],
    *,
    threshold: float = THRESHOLD,
    on_leak: Callable[[Fingerprint, tuple[Finding, ...]], None] | None = None,
    on_clean: Callable[[Fingerprint], None] | None = None,
) -> AuditReport:
    """Compare a stream of training examples with benchmarks.

    Args:
        train: fingerprints of the examples; see :func:`sqlforge.corpus.fingerprints.fingerprint`.
        references: benchmarks by name, such as ``spider-dev``.
        threshold: least share of common shingles of nearly the same questions.
        on_leak: is given every example that leaks, with what was found, in order.
        on_clean: is given every other example, in order.

    >>> from sqlforge.corpus.fingerprints import fingerprint
    >>> dev = fingerprint(Example("d-1", "How many?", "SELECT 1", "d", "s", "MIT"), None)
    >>> row = fingerprint(Example("t-1", "how  MANY", "SELECT 2", "d", "s", "MIT"), None)
    >>> found = audit([row], {"dev": Reference("Dev", (dev,))})
    >>> found.leaking, found.benchmarks[0].leaked
    (1, 1)
    """
    tally = Tally(references, threshold)
    for row, findings in find_leaks(train, references, threshold=threshold):
        tally.add(row, findings)
        if is_leak(findings):
            if on_leak is not None:
                on_leak(row, findings)
        elif on_clean is not None:
            on_clean(row)
    return tally.report()


class Tally:
    """Counts what :func:`sqlforge.corpus.leaks.find_leaks` found, example by example."""

    def __init__(self, references: Mapping[str, Reference], threshold: float = THRESHOLD) -> None:
        self._references, self._threshold = references, threshold
        self._rows = self._leaking = self._unparsed = self._without_schema = 0
        self._licences: Counter[str] = Counter()
        self._counts: Counter[tuple[str, Rule]] = Counter()
        self._leaks: Counter[str] = Counter()
        self._met: dict[tuple[str, Rule], set[tuple[int, ...]]] = defaultdict(set)
        self._pairs: dict[tuple[str, Rule], list[tuple[str, Pair]]] = defaultdict(list)

    def add(self, row: Fingerprint, findings: tuple[Finding, ...]) -> None:
        """Count one example."""
        self._rows += 1
        self._leaking += is_leak(findings)
        self._unparsed += row.masked is None
        self._without_schema += not row.tables
        self._licences[row.example.licence] += 1
        self._leaks.update({finding.benchmark for finding in findings if finding.rule in LEAKS})
        for finding in findings:
            key = (finding.benchmark, finding.rule)
            self._counts[key] += 1
            self._met[key].add(finding.met)
            self._show(key, row, finding)

    def report(self) -> AuditReport:
        """Everything counted so far."""
        return AuditReport(
            self._rows,
            self._leaking,
            self._unparsed,
            self._without_schema,
            self._threshold,
            dict(sorted(self._licences.items())),
            tuple(self._of(name, reference) for name, reference in self._references.items()),
        )

    def _show(self, key: tuple[str, Rule], row: Fingerprint, finding: Finding) -> None:
        """Keep the pairs whose ids have the smallest hashes: a sample that does not depend on
        where in the data they stand.
        """
        order = hashlib.blake2b(row.example.id.encode("utf-8", "replace"), digest_size=8)
        kept = self._pairs[key]
        rank = order.hexdigest()
        if len(kept) == PAIRS and rank >= kept[-1][0]:
            return
        other = self._references[finding.benchmark].fingerprints[finding.met[0]].example
        shown = _held_back(row.example), _held_back(other)
        pair = Pair(finding.rule, *shown, finding.similarity)
        kept.append((rank, pair))
        kept.sort(key=lambda ranked: (ranked[0], ranked[1].train.id))
        del kept[PAIRS:]

    def _of(self, name: str, reference: Reference) -> BenchmarkAudit:
        met = {
            rule: {place for places in self._met[name, rule] for place in places} for rule in Rule
        }
        leaked = set().union(*(met[rule] for rule in LEAKS))
        return BenchmarkAudit(
            name,
            reference.title,
            len(reference.fingerprints),
            reference.names_known,
            self._leaks[name],
            len(leaked),
            tuple(RuleCount(rule, self._counts[name, rule], len(met[rule])) for rule in Rule),
            tuple(pair for rule in Rule for _, pair in self._pairs[name, rule]),
        )


def report_facts(report: AuditReport, *, removed: bool) -> dict[str, Any]:
    """The report as JSON has it; ``removed`` says whether the leaks were left out of the data.

    ``contaminated`` names the benchmarks on which a model trained on the data must not be
    scored, ``redistributable`` is false where a licence does not allow it: ``publish`` reads both.
    """
    contaminated = [] if removed else [b.name for b in report.benchmarks if b.leaking]
    return {
        "rows": report.rows,
        "leaking": report.leaking,
        "removed": removed,
        "rows_left": report.rows - (report.leaking if removed else 0),
        "contaminated": contaminated,
        "licences": dict(report.licences),
        "redistributable": all(map(redistributable, report.licences)),
        "unparsed": report.unparsed,
        "without_schema": report.without_schema,
        "near_question_threshold": report.threshold,
        "benchmarks": {b.name: _benchmark_facts(b, report.rows) for b in report.benchmarks},
    }


def leak_facts(
    row: Fingerprint, findings: Iterable[Finding], references: Mapping[str, Reference]
) -> dict[str, Any]:
    """One leaking example with the reasons, as the list of removed rows has it."""
    reasons = [
        {
            "benchmark": finding.benchmark,
            "rule": finding.rule.value,
            "similarity": finding.similarity,
            "met": [
                references[finding.benchmark].fingerprints[place].example.id
                for place in finding.met[:10]
            ],
        }
        for finding in findings
        if finding.rule in LEAKS
    ]
    example = row.example
    return {"id": example.id, "question": example.question, "sql": example.sql, "leaks": reasons}


def _benchmark_facts(found: BenchmarkAudit, rows: int) -> dict[str, Any]:
    return {
        "title": found.title,
        "n": found.n,
        "names_known": found.names_known,
        "leaking": {"rows": found.leaking, "share": _share(found.leaking, rows), "n": rows},
        "leaked": {"examples": found.leaked, "share": _share(found.leaked, found.n), "n": found.n},
        "rules": {
            count.rule.value: {
                "rows": count.rows,
                "examples": count.met,
                "is_leak": count.rule in LEAKS,
            }
            for count in found.counts
        },
        "pairs": [_pair_facts(pair) for pair in found.pairs],
    }


def _held_back(example: Example) -> Example:
    """``example``, without question and query where they hold a private database's values."""
    if example.licence != OWN_DATABASE:
        return example
    words = "(held back: about a private database)"
    return replace(example, question=words, sql=words)


def _pair_facts(pair: Pair) -> dict[str, Any]:
    return {
        "rule": pair.rule.value,
        "similarity": pair.similarity,
        "train": _example_facts(pair.train),
        "benchmark": _example_facts(pair.benchmark),
    }


def _example_facts(example: Example) -> dict[str, str]:
    return {
        "id": example.id,
        "db_id": example.db_id,
        "question": example.question,
        "sql": example.sql,
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
