"""Which examples of a stream are a benchmark's, by which rule.

Six rules compare a training example with a benchmark's. Three of them mean a leak:

* ``question``: the same normalised question.
* ``near_question``: nearly the same question (see ``THRESHOLD``), confirmed by the SQL: the same
  values and the same masked query; or the same values, the same database and the same wording but
  for light words, endings and spelling (:mod:`sqlforge.corpus.wording`). Where a benchmark's
  queries are known by the places of columns only, the same skeleton over the same places stands
  for the database.
* ``query``: the same masked query on the same database.

Three only tell how much both sides have in common:

* ``similar_question``: nearly the same question, not confirmed: about other values or other data.
* ``sql``: the same query with its literals masked; ``SELECT COUNT(*) FROM t`` meets everywhere.
* ``schema``: the same tables, or some of the benchmark's tables with some of their columns.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from sqlforge.corpus.canonical_sql import skeleton
from sqlforge.corpus.fingerprints import (
    THRESHOLD,
    Fingerprint,
    TableShape,
    signature_of_all,
)
from sqlforge.corpus.wording import same_wording

if TYPE_CHECKING:
    from sqlforge.corpus.near_duplicates import Near

LEAST_COLUMNS = 3
"""Tables with fewer columns in all are no evidence of one database or another."""

_WORD = re.compile(r"\w+")
_PLACE = re.compile(r"\bcolumn_(\d+)\b")


class Rule(StrEnum):
    """By what a training example meets a benchmark's; see the module."""

    QUESTION = "question"
    NEAR_QUESTION = "near_question"
    QUERY = "query"
    SIMILAR_QUESTION = "similar_question"
    SQL = "sql"
    SCHEMA = "schema"


LEAKS = frozenset({Rule.QUESTION, Rule.NEAR_QUESTION, Rule.QUERY})
"""The rules by which an example is a leak and may be removed."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A benchmark to audit against.

    ``names_known`` is false where queries are known by the places of columns only (WikiSQL's
    questions without their tables): then skeletons are compared instead of masked queries.
    """

    title: str
    fingerprints: tuple[Fingerprint, ...]
    names_known: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """A training example that meets a benchmark by a rule.

    ``met`` are the benchmark's examples, as places in its reference; for ``schema`` those are all
    of the databases met. ``similarity`` is the share of common shingles, for similar questions.
    """

    benchmark: str
    rule: Rule
    met: tuple[int, ...]
    similarity: float | None = None


def find_leaks(
    rows: Iterable[Fingerprint],
    references: Mapping[str, Reference],
    *,
    threshold: float = THRESHOLD,
) -> Iterator[tuple[Fingerprint, tuple[Finding, ...]]]:
    """Each example of a stream with what was found about it, in its order.

    Reads ahead by a few thousand examples and holds nothing of those that are done.

    >>> from sqlforge.core.records import Example
    >>> from sqlforge.corpus.fingerprints import fingerprint
    >>> def asked(text, sql):
    ...     return fingerprint(Example("a", text, sql, "d", "mine", "MIT"), None)
    >>> dev = Reference("Dev", (asked("How many shops?", "SELECT count(*) FROM shop"),))
    >>> rows = [asked("HOW MANY  shops", "SELECT count(id) FROM shop"), asked("Who?", "SELECT 1")]
    >>> [[f.rule.value for f in found] for _, found in find_leaks(rows, {"dev": dev})]
    [['question'], []]
    """
    known = {name: _Known(name, reference, threshold) for name, reference in references.items()}
    stream = iter(rows)
    while chunk := list(islice(stream, 4096)):
        answers = [benchmark.check(chunk) for benchmark in known.values()]
        for place, row in enumerate(chunk):
            yield row, tuple(finding for answer in answers for finding in answer[place])


def is_leak(findings: Iterable[Finding]) -> bool:
    """Whether any of the findings means a leak.

    >>> is_leak([Finding("dev", Rule.SQL, (0,))]), is_leak([Finding("dev", Rule.QUESTION, (0,))])
    (False, True)
    """
    return any(finding.rule in LEAKS for finding in findings)


class _Known:
    """One benchmark, indexed."""

    def __init__(self, name: str, reference: Reference, threshold: float) -> None:
        from sqlforge.corpus.near_duplicates import FixedTexts

        self._name, self._reference = name, reference
        prints = reference.fingerprints
        self._by_key = _places((p.key or None, i) for i, p in enumerate(prints))
        self._by_sql = _places((p.masked, i) for i, p in enumerate(prints))
        self._by_db = _places((p.example.db_id, i) for i, p in enumerate(prints))
        self._texts = FixedTexts([p.words for p in prints], threshold=threshold)
        self._schemas = _Schemas(prints)
        self._of_databases = lru_cache(maxsize=4096)(self._examples_of)

    def check(self, rows: list[Fingerprint]) -> list[list[Finding]]:
        alike = self._texts.alike(row.words for row in rows)
        return [
            [Finding(self._name, *found) for found in self._findings(row, near)]
            for row, near in zip(rows, alike, strict=True)
        ]

    def _findings(
        self, row: Fingerprint, alike: tuple[Near, ...]
    ) -> Iterator[tuple[Rule, tuple[int, ...], float | None]]:
        same = self._by_key.get(row.key, ())
        if same:
            yield Rule.QUESTION, same, None
        databases = self._schemas.holding(row.tables) if row.tables else frozenset()
        others = [n for n in alike if n.number not in same] if row.key else []
        near = [n for n in others if self._confirms(row, n.number, databases)]
        if near:
            yield Rule.NEAR_QUESTION, tuple(n.number for n in near), near[0].similarity
        elif others:
            yield Rule.SIMILAR_QUESTION, tuple(n.number for n in others), others[0].similarity
        queries = self._by_sql.get(row.masked, ()) if self._reference.names_known else ()
        if databases and all(table.named for table in row.tables):
            prints = self._reference.fingerprints
            here = tuple(i for i in queries if prints[i].example.db_id in databases)
            if here:
                yield Rule.QUERY, here, None
        if queries:
            yield Rule.SQL, queries, None
        if databases:
            yield Rule.SCHEMA, self._of_databases(databases), None

    def _confirms(self, row: Fingerprint, place: int, databases: frozenset[str]) -> bool:
        """Whether the SQL says that two similar questions ask for the same."""
        other = self._reference.fingerprints[place]
        same_database = other.example.db_id in databases and all(t.named for t in row.tables)
        if row.masked is None or other.masked is None:
            return same_database
        if sorted(row.literals) != sorted(other.literals):
            return False
        if self._reference.names_known and row.masked == other.masked:
            return True
        same = same_database or (
            not self._reference.names_known
            and _skeleton(row.masked) == _skeleton(other.masked)
            and _places_fit(row, other)
        )
        return same and same_wording(row.words, other.words, row.example.sql)

    def _examples_of(self, databases: frozenset[str]) -> tuple[int, ...]:
        return tuple(i for db_id in sorted(databases) for i in self._by_db[db_id])


class _Schemas:
    """The databases of a benchmark, found by tables."""

    def __init__(self, prints: Iterable[Fingerprint]) -> None:
        self._by_signature: dict[str, set[str]] = defaultdict(set)
        self._by_table: dict[str, list[tuple[str, TableShape]]] = defaultdict(list)
        seen: set[str] = set()
        for row in prints:
            db_id = row.example.db_id
            if db_id in seen or row.schema_signature is None:
                continue
            seen.add(db_id)
            self._by_signature[row.schema_signature].add(db_id)
            for table in row.tables:
                self._by_table[table.name].append((db_id, table))
        self.holding = lru_cache(maxsize=4096)(self._holding)

    def _holding(self, tables: tuple[TableShape, ...]) -> frozenset[str]:
        """The databases that are these tables, or that hold them with at least these columns."""
        found = set(self._by_signature.get(signature_of_all(tables), ()))
        named = all(table.named for table in tables)
        if named and sum(len(table.columns) for table in tables) >= LEAST_COLUMNS:
            found |= set.intersection(*(self._with(table) for table in tables))
        return frozenset(found)

    def _with(self, table: TableShape) -> set[str]:
        known = self._by_table.get(table.name, ())
        return {db_id for db_id, other in known if table.columns <= other.columns}


def _places_fit(row: Fingerprint, other: Fingerprint) -> bool:
    """Whether a query uses the columns at the places that the other one names.

    A schema cut down to the columns in use (as sql-create-context has it) tells nothing: it fits.
    """
    if len(row.tables) != 1 or row.masked is None:
        return True
    order = row.tables[0].order
    used = [order.index(word) for word in _WORD.findall(row.masked) if word in order]
    if len(set(used)) == len(order):
        return True
    wanted = [int(number) - 1 for number in _PLACE.findall(other.example.sql)]
    return used[:1] == wanted[:1] and sorted(used[1:]) == sorted(wanted[1:])


@lru_cache(maxsize=65536)
def _skeleton(masked: str) -> str | None:
    return skeleton(masked)


def _places(pairs: Iterable[tuple[str | None, int]]) -> dict[str | None, tuple[int, ...]]:
    found: dict[str | None, list[int]] = defaultdict(list)
    for key, place in pairs:
        if key is not None:
            found[key].append(place)
    return {key: tuple(places) for key, places in found.items()}
