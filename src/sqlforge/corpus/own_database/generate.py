"""Questions with executed SQL for one own database."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise

from sqlforge.core.records import QueryResult
from sqlforge.corpus.own_database.describe import Described
from sqlforge.corpus.own_database.dialect import Written, written
from sqlforge.corpus.own_database.replica import open_replica
from sqlforge.corpus.synthetic.build import key_of
from sqlforge.corpus.synthetic.domain import Domain, DomainTable, SplitName
from sqlforge.corpus.synthetic.generate import WORDINGS, answers, is_empty, normalised
from sqlforge.corpus.synthetic.grammar import KINDS, draft, kinds_for
from sqlforge.corpus.synthetic.pattern import Draft
from sqlforge.corpus.synthetic.seeds import rng_for, seed_for
from sqlforge.corpus.synthetic.view import View, content
from sqlforge.database.reading import ReadOnlyDatabase
from sqlforge.database.sample import Sampled

_BATCH = 200  # drafts that are tried on the sample before the database is asked about them
_TRIES = 40  # fruitless drafts of a kind in a row after which it is taken to be used up
_WIDE = 12  # columns: of a wider table a part is shown to the grammar at a time
_PER_COLUMN = 12  # drafts tried for a column that no question has named
HELD_OUT_SHARE = 0.05  # of validation, and of test
_SINGLE = ("projection", "filter", "aggregate", "order", "distinct", "group")
_LINKED = ("join", "join_group", "nested")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question whose gold was executed: on the database, or on its sample and only compiled."""

    question: str
    sql: str
    kind: str
    pattern: str
    written: Written
    on_sample: bool


@dataclass
class Tally:
    """What became of the drafts."""

    drafted: int = 0
    repeated: int = 0
    without_telling_result: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Maker:
    """Makes questions about one database until there are enough or no new ones are found.

    Args:
        database: where golds are executed.
        sampled: its rows for trying drafts on.
        described: words, roles and references.
        seed: the same seed and database give the same questions.
    """

    def __init__(
        self, database: ReadOnlyDatabase, sampled: Sampled, described: Described, seed: int
    ) -> None:
        self.tally = Tally()
        self._database, self._described, self._seed = database, described, seed
        reads = {read.table.name.lower(): read for read in sampled.tables}
        self._incomplete = {name for name, read in reads.items() if not read.complete}
        self._large = {name for name, read in reads.items() if read.large}
        self._sampled = sampled
        self._questions: set[str] = set()
        self._queries: Counter[str] = Counter()

    def make(self, n: int, progress: Callable[[int, int], None] | None = None) -> list[Asked]:
        """Up to ``n`` questions: first one for each column and reference, then any."""
        made: list[Asked] = []
        with closing(open_replica(self._sampled.tables)) as replica:
            for asked in self._all(replica):
                made.append(asked)
                if progress is not None and (len(made) % 50 == 0 or len(made) == n):
                    progress(len(made), n)
                if len(made) == n:
                    break
        if progress is not None and len(made) < n:
            progress(n, n)
        return made

    def _all(self, replica: sqlite3.Connection) -> Iterator[Asked]:
        yield from self._proven(self._covering(replica))
        drafts = self._endless(replica)
        while batch := list(islice(drafts, _BATCH)):
            yield from self._proven(batch)

    def _covering(self, replica: sqlite3.Connection) -> list[tuple[Draft, Written]]:
        """A draft for every column that says something, and one for every reference."""
        rng = rng_for(self._seed, self._described.domain.name, "coverage")
        found = []
        for part, kinds in _corners(self._described, rng):
            view = self._described.view(part)
            for _ in range(_PER_COLUMN):
                chosen = [kind for kind in kinds if kind in kinds_for(view)]
                tried = self._tried(view, rng.choice(chosen), rng, replica) if chosen else None
                wanted = part.tables[0].columns[-1].name.lower()
                if tried and (len(part.tables) > 1 or wanted in tried[1].columns):
                    found.append(tried)
                    break
        rng.shuffle(found)
        return found

    def _endless(self, replica: sqlite3.Connection) -> Iterator[tuple[Draft, Written]]:
        """Drafts of all kinds until every kind is used up."""
        rng = rng_for(self._seed, self._described.domain.name, "questions")
        view = self._described.view(_narrowed(self._described.domain, rng))
        weights = dict(kinds_for(view, KINDS))
        fruitless: Counter[str] = Counter()
        for turn in range(10**9):
            if turn % _BATCH == _BATCH - 1 and _is_wide(self._described.domain):
                view = self._described.view(_narrowed(self._described.domain, rng))
            if not weights:
                return
            kind = rng.choices(list(weights), list(weights.values()))[0]
            tried = self._tried(view, kind, rng, replica)
            if tried is not None:
                fruitless[kind] = 0
                yield tried
                continue
            fruitless[kind] += 1
            if fruitless[kind] >= _TRIES:
                del weights[kind]

    def _tried(
        self, view: View, kind: str, rng: random.Random, replica: sqlite3.Connection
    ) -> tuple[Draft, Written] | None:
        """A new draft that has a telling result on the sample."""
        made = draft(view, kind, rng)
        if made is None:
            return None
        self.tally.drafted += 1
        question = normalised(made.question)
        if question in self._questions or self._queries[made.sql] >= WORDINGS:
            self.tally.repeated += 1
            return None
        try:
            telling = answers(replica, made)
        except sqlite3.OperationalError as fault:  # too slow even on the sample
            telling = False
            self.tally.reasons[str(fault)] += 1
        if not telling:
            self.tally.without_telling_result += 1
            return None
        in_dialect = written(made.sql, self._database.dialect)
        if in_dialect.joins_idly:
            return None
        if made.ties is not None and in_dialect.tables & self._large:
            return None  # that no two rows tie cannot be seen in a sample
        self._questions.add(question)
        self._queries[made.sql] += 1
        return made, in_dialect

    def _proven(self, drafts: Sequence[tuple[Draft, Written]]) -> Iterator[Asked]:
        """Those of the drafts whose gold the database answers."""
        queries: list[str] = []
        for made, own in drafts:
            large = bool(own.tables & self._large)
            queries.append(f"SELECT * FROM ({own.sql}) AS q LIMIT 0" if large else own.sql)
            if made.ties is not None and own.tables & self._incomplete:
                queries.append(written(made.ties.sql, self._database.dialect).sql)
        results = self._database.run_many(queries)
        for made, own in drafts:
            result = next(results)
            large = bool(own.tables & self._large)
            tied = False
            if made.ties is not None and own.tables & self._incomplete:
                tied = _is_tied(next(results), made.ties.count)
            if not result.ok or tied or (not large and is_empty(result.rows)):
                self.tally.refused += 1
                self.tally.reasons["tied" if tied else result.error or "empty"] += 1
                continue
            yield Asked(made.question, own.sql, made.kind, made.pattern, own, large)


def split(asked: Sequence[Asked], seed: int) -> dict[SplitName, list[Asked]]:
    """Questions for training, validation and test.

    What is asked in the same pattern of the same columns stays together, whatever its values and
    wording, so that no split is a copy of another.
    """
    parts: dict[SplitName, list[Asked]] = {"train": [], "validation": [], "test": []}
    for one in asked:
        drawn = seed_for(seed, "split", one.pattern, one.written.shape) / 2**64
        held_out: SplitName = "validation" if drawn < HELD_OUT_SHARE else "test"
        parts["train" if drawn >= 2 * HELD_OUT_SHARE else held_out].append(one)
    return parts


def _is_tied(result: QueryResult, count: int | None) -> bool:
    if not result.ok:
        return True
    keys = [row[0] for row in result.rows]
    if count is not None:
        if len(keys) <= count:
            return True
        keys = keys[: count + 1]
    return any(before == after for before, after in pairwise(keys))


def _corners(described: Described, rng: random.Random) -> Iterator[tuple[Domain, tuple[str, ...]]]:
    """Parts of the database so small that a question about them names a certain column."""
    domain = described.domain
    for table in domain.tables:
        for column in content(table):
            others = [c for c in content(table) if c is not column]
            kept = {column.name, *(c.name for c in rng.sample(others, min(1, len(others))))}
            yield _part(domain, (_with_only(table, kept, last=column.name),)), _SINGLE
    by_name = {table.name: table for table in domain.tables}
    for reference in described.references:
        if reference.child != reference.parent:
            pair = (by_name[reference.child], by_name[reference.parent])
            yield _part(domain, tuple(_a_part_of(table, rng) for table in pair)), _LINKED


def _part(domain: Domain, tables: tuple[DomainTable, ...]) -> Domain:
    return Domain(domain.name, domain.split, tables)


def _is_wide(domain: Domain) -> bool:
    return any(len(content(table)) > _WIDE for table in domain.tables)


def _narrowed(domain: Domain, rng: random.Random) -> Domain:
    """The database with a few columns of each wide table."""
    return _part(domain, tuple(_a_part_of(table, rng) for table in domain.tables))


def _a_part_of(table: DomainTable, rng: random.Random) -> DomainTable:
    columns = content(table)
    if len(columns) <= _WIDE:
        return table
    return _with_only(table, {column.name for column in rng.sample(columns, _WIDE)})


def _with_only(table: DomainTable, names: set[str], last: str | None = None) -> DomainTable:
    """The table with its keys and references and the columns of these names."""
    key = key_of(table)
    kept = [c for c in table.columns if c.name in names or c is key or c.role == "foreign_key"]
    kept.sort(key=lambda c: c.name == last)
    verbs = dict(zip([c.name for c in table.columns if c.refers_to], table.verb, strict=False))
    return replace(
        table,
        columns=tuple(kept),
        verb=tuple(verbs[c.name] for c in kept if c.refers_to and c.name in verbs),
    )


def coverage(asked: Sequence[Asked], described: Described) -> Mapping[str, tuple[int, int]]:
    """How many tables, columns and references occur in the golds, and how many there are."""
    tables = {table for one in asked for table in one.written.tables}
    pairs = {(t, c) for one in asked for t in one.written.tables for c in one.written.columns}
    own = [table for table in described.domain.tables if content(table) or table.verb]
    columns = [(t.name.lower(), c.name.lower()) for t in own for c in content(t)]
    named = sum(pair in pairs for pair in columns)
    return {
        "tables": (sum(table.name.lower() in tables for table in own), len(own)),
        "columns": (named, len(columns)),
    }
