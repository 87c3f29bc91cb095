"""Make the embedded corpus: databases on disk, and examples whose gold queries were executed."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, pairwise, zip_longest
from pathlib import Path

from sqlforge.core.errors import RecipeError
from sqlforge.core.records import Database, Dataset, Example
from sqlforge.corpus.synthetic.build import load, write_database
from sqlforge.corpus.synthetic.domain import Domain, SplitName
from sqlforge.corpus.synthetic.domains import DOMAINS
from sqlforge.corpus.synthetic.grammar import KINDS, draft, kinds_for
from sqlforge.corpus.synthetic.pattern import Draft
from sqlforge.corpus.synthetic.seeds import rng_for
from sqlforge.corpus.synthetic.slices import rows_of, slices
from sqlforge.corpus.synthetic.spelling import respelled
from sqlforge.corpus.synthetic.values import fill
from sqlforge.corpus.synthetic.view import View

SOURCE = "sqlforge-synthetic"
LICENCE = "Apache-2.0"
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")
WORDINGS = 2  # how often one query may come again in other words
_TRIES = 60  # fruitless tries in a row after which a database is taken to be exhausted


def generate_corpus(
    out_dir: Path,
    *,
    seed: int,
    counts: Mapping[SplitName, int],
    max_tables: int | None,
    databases_per_domain: int = 6,
    kinds: Mapping[str, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
    respelling: float = 0.5,
    domains: Sequence[Domain] = DOMAINS,
) -> dict[SplitName, Dataset]:
    """Examples of every split over databases of its own domains.

    Args:
        out_dir: databases go to ``out_dir/<db_id>/<db_id>.sqlite``.
        seed: the same seed and arguments give the same examples and rows.
        counts: how many examples each split gets; a split left out or 0 is not made.
        max_tables: ``None`` asks about whole domains; a number cuts each domain into
            ``databases_per_domain`` connected databases of at most that many tables.
        kinds: weight of each kind of query, :data:`~.grammar.KINDS` if ``None``.
        progress: called with examples made and wanted.
        respelling: share of the training databases, if they are slices, whose tables and columns
            are spelled anew; validation and test keep the spellings of their domains.
        domains: the subject areas, each belonging to one split.

    Returns:
        A data set a split, with exactly as many examples as asked for.

    Raises:
        RecipeError: a kind is unknown, a split has no domain, or its databases cannot give that
            many different examples.
        StorageError: the disk is full or ``out_dir`` cannot be written.
    """
    chosen = dict(KINDS if kinds is None else kinds)
    unknown = sorted(set(chosen) - set(KINDS))
    if unknown or not any(weight > 0 for weight in chosen.values()):
        raise RecipeError(
            f"the kinds of query {', '.join(chosen) or 'of an empty list'}",
            "at least one with a weight above 0, and known ones only",
            f"choose among {', '.join(KINDS)}",
        )
    wanted = {split: counts.get(split, 0) for split in SPLITS if counts.get(split, 0) > 0}
    report = _Report(progress, sum(wanted.values()))
    made: dict[SplitName, Dataset] = {}
    for split, count in wanted.items():
        worlds = [
            world
            for domain in sorted(domains, key=lambda domain: domain.name)
            if domain.split == split
            for world in _worlds(
                domain, seed, max_tables, databases_per_domain, respelling * (split == "train")
            )
        ]
        if not worlds:
            raise RecipeError(
                f"a wish for {count} {split} examples",
                "a split that has domains",
                "leave that split out, or add a domain to it",
            )
        made[split] = _split(split, worlds, count, seed, chosen, out_dir, report)
    return made


@dataclass
class _Report:
    """Counts examples and passes the number on now and then."""

    progress: Callable[[int, int], None] | None
    total: int
    done: int = 0

    def one_more(self) -> None:
        self.done += 1
        if self.progress and (self.done % 100 == 0 or self.done == self.total):
            self.progress(self.done, self.total)


@dataclass
class _World:
    """One database with what was asked about it so far."""

    view: View
    seen: set[str] = field(default_factory=set)
    queries: Counter[str] = field(default_factory=Counter)

    @property
    def db_id(self) -> str:
        return self.view.domain.name


def _worlds(
    domain: Domain, seed: int, max_tables: int | None, databases: int, respelling: float
) -> Iterator[_World]:
    rows = fill(domain, seed)
    if max_tables is None:
        yield _World(View(domain, rows))
        return
    for part in slices(domain, seed, max_tables=max_tables, count=databases):
        made, filled = part, rows_of(part, domain, rows)
        rng = rng_for(seed, part.name, "spelling")
        if rng.random() < respelling:
            made, filled = respelled(part, filled, rng)
        yield _World(View(made, filled))


def _split(
    split: SplitName,
    worlds: Sequence[_World],
    count: int,
    seed: int,
    kinds: Mapping[str, float],
    out_dir: Path,
    report: _Report,
) -> Dataset:
    shares = [sum(kinds_for(world.view, kinds).values()) for world in worlds]
    quotas = _quotas(count, shares)
    found = [
        list(_drafts(world, quota, rng_for(seed, world.db_id, "questions"), kinds, report))
        for world, quota in zip(worlds, quotas, strict=True)
    ]
    _top_up(worlds, found, count, seed, kinds, report)
    if sum(map(len, found)) < count:
        raise RecipeError(
            f"a wish for {count} {split} examples",
            f"at most the {sum(map(len, found))} different ones that {len(worlds)} databases give",
            "ask for fewer, or for more databases a domain",
        )
    databases: dict[str, Database] = {}
    for world in worlds:
        databases[world.db_id] = write_database(world.view.domain, world.view.rows, out_dir)
    # One example of each database in turn, so that any prefix of the split shows all of them.
    turns = [
        [(world.db_id, made) for made in drafts]
        for world, drafts in zip(worlds, found, strict=True)
    ]
    mixed = [pair for pair in chain.from_iterable(zip_longest(*turns)) if pair is not None]
    examples = tuple(_example(split, n, *pair) for n, pair in enumerate(mixed))
    return Dataset(f"synthetic-{split}", examples, databases)


def _quotas(count: int, shares: Sequence[float]) -> list[int]:
    """``count`` divided in proportion to ``shares``, every remainder given away."""
    total = sum(shares)
    edges = [round(count * sum(shares[: i + 1]) / total) for i in range(len(shares))]
    return [edge - before for before, edge in zip([0, *edges], edges, strict=False)]


def _top_up(
    worlds: Sequence[_World],
    found: list[list[Draft]],
    count: int,
    seed: int,
    kinds: Mapping[str, float],
    report: _Report,
) -> None:
    """What small databases could not give is asked of the others, a few questions at a time."""
    for turn in range(40):
        for index, world in enumerate(worlds):
            missing = count - sum(map(len, found))
            if missing <= 0:
                return
            rng = rng_for(seed, world.db_id, "more questions", turn)
            share = max(1, missing // len(worlds))
            found[index] += _drafts(world, share, rng, kinds, report)


def _drafts(
    world: _World, count: int, rng: random.Random, kinds: Mapping[str, float], report: _Report
) -> Iterator[Draft]:
    """Up to ``count`` accepted questions about one database."""
    options = kinds_for(world.view, kinds)
    if not options:
        return
    with closing(sqlite3.connect(":memory:")) as connection:
        load(connection, world.view.domain, world.view.rows)
        connection.execute("PRAGMA query_only = ON")
        made = 0
        while made < count and options:
            kind = rng.choices(list(options), list(options.values()))[0]
            accepted = _next(world, kind, rng, connection)
            if accepted is None:  # this kind is used up here
                del options[kind]
                continue
            made += 1
            report.one_more()
            yield accepted


def _next(
    world: _World, kind: str, rng: random.Random, connection: sqlite3.Connection
) -> Draft | None:
    for _ in range(_TRIES):
        made = draft(world.view, kind, rng)
        if made is None:
            continue
        question = normalised(made.question)
        if question in world.seen or world.queries[made.sql] >= WORDINGS:
            continue
        if not answers(connection, made):
            continue
        world.seen.add(question)
        world.queries[made.sql] += 1
        return made
    return None


def normalised(question: str) -> str:
    """A question as duplicates are found: lower case, single spaces, no closing mark."""
    return " ".join(question.lower().split()).rstrip(".?! ")


def answers(connection: sqlite3.Connection, made: Draft) -> bool:
    """Whether the gold query has a telling result, and only one right one.

    No rows, a lone NULL and a lone count of 0 tell nothing; ties at the edge of a LIMIT make
    several answers right.
    """
    rows = connection.execute(made.sql).fetchall()
    if is_empty(rows):
        return False
    if made.ties is None:
        return True
    keys = [row[0] for row in connection.execute(made.ties.sql)]
    if made.ties.count is not None:
        if len(keys) <= made.ties.count:
            return False
        keys = keys[: made.ties.count + 1]
    elif len(keys) < 2:
        return False
    return all(before != after for before, after in pairwise(keys))


def is_empty(rows: Sequence[Sequence[object]]) -> bool:
    """Whether a result tells nothing.

    >>> is_empty([]), is_empty([(None,)]), is_empty([(0,)]), is_empty([("Paris",)])
    (True, True, True, False)
    """
    return not rows or (len(rows) == 1 and all(value is None or value == 0 for value in rows[0]))


def _example(split: SplitName, number: int, db_id: str, made: Draft) -> Example:
    return Example(
        id=f"synthetic-{split}-{number:06d}",
        question=made.question,
        sql=made.sql,
        db_id=db_id,
        source=SOURCE,
        licence=LICENCE,
        kind=made.kind,
    )
