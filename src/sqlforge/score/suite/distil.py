"""A database's suite: candidates made, tried on every gold and its neighbours, the best kept."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from sqlforge.core.records import Database, QueryResult
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.rules import Rules
from sqlforge.score.suite.files import write_instance, write_shadow
from sqlforge.score.suite.hints import Hints, merged_hints, parsed, query_hints
from sqlforge.score.suite.neighbours import neighbours
from sqlforge.score.suite.perturb import perturbed_rows, random_style
from sqlforge.score.suite.probes import limit_ties, probes
from sqlforge.score.suite.profile import DatabaseProfile, profile_database

SHADOWS = 2
GENERAL = 10  # candidates made for all golds, before those for what is still not told apart
PATIENCE = 16  # candidates in a row that tell nothing more apart

Pair = tuple[int, int]
"""A gold and one of its neighbours, by number."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One instance of a suite, and the golds (as written) that have one answer on it."""

    path: Path
    golds: frozenset[str]


@dataclass(frozen=True, slots=True)
class Counts:
    """Neighbours: how many there are, how many the original tells apart, how many the suite."""

    neighbours: int = 0
    by_original: int = 0
    by_suite: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.neighbours + other.neighbours,
            self.by_original + other.by_original,
            self.by_suite + other.by_suite,
        )


@dataclass(frozen=True, slots=True)
class _Gold:
    sql: str
    text: str
    probes: tuple[str, ...]
    ties: tuple[tuple[str, str], ...]
    hints: Hints
    neighbours: tuple[str, ...]


def distil(
    database: Database,
    golds: Sequence[str],
    rules: Rules,
    sandbox: Sandbox,
    folder: Path,
    *,
    seed: int,
    size: int,
    candidates: int,
) -> tuple[tuple[Kept, ...], Counts]:
    """Make instances of one database in ``folder`` and keep at most ``size`` of them.

    An instance is used for a gold only if the gold has one answer there, and some answer: see
    :mod:`sqlforge.score.suite.probes`. Kept are those that together tell the most neighbours
    apart from their golds, chosen greedily. ``candidates`` bounds how many are made.
    """
    rng = random.Random(f"{seed}/{database.db_id}")
    work = _Work(database, golds, rules, sandbox, rng)
    killed: list[set[Pair]] = []
    made: list[Kept] = []
    alive = set(work.open)
    idle = 0
    for number in range(candidates):
        if not alive or idle >= PATIENCE:
            break
        path = folder / f"{number:03d}.sqlite"
        answers = work.candidate(path, alive if number >= GENERAL else set())
        dead = work.told_apart(path, answers)
        idle = 0 if dead & alive else idle + 1
        alive -= dead
        killed.append(dead)
        made.append(Kept(path, frozenset(work.golds[g].sql for g in answers)))
    chosen = cover(killed, size)
    for number, kept in enumerate(made):
        if number not in chosen:
            kept.path.unlink()
    told = set().union(*(killed[number] for number in chosen))
    counts = replace(work.counts, by_suite=work.counts.by_original + len(told))
    return tuple(made[number] for number in chosen), counts


def cover(sets: Sequence[Set[Pair]], size: int) -> list[int]:
    """Numbers of at most ``size`` sets that cover greedily what all of them cover, best first.

    >>> cover([{(0, 1)}, {(0, 1), (0, 2)}, {(0, 3)}, set()], 5)
    [1, 2]
    """
    chosen: list[int] = []
    missing = set().union(*sets)
    while missing and len(chosen) < size:
        best = max(range(len(sets)), key=lambda number: len(sets[number] & missing))
        chosen.append(best)
        missing -= sets[best]
    return chosen


class _Work:
    """The golds of one database with their neighbours, and the candidates tried on them."""

    def __init__(
        self,
        database: Database,
        golds: Sequence[str],
        rules: Rules,
        sandbox: Sandbox,
        rng: random.Random,
    ) -> None:
        self.database, self.rules, self.sandbox, self.rng = database, rules, sandbox, rng
        trees = {sql: tree for sql in golds if (tree := parsed(rules.gold_text(sql))) is not None}
        self.hints = merged_hints(query_hints(tree, database.schema) for tree in trees.values())
        self.profile: DatabaseProfile = profile_database(database, self.hints)
        values = {c.key: c.values for table in self.profile.tables for c in table.columns}
        self.golds = []
        for sql, tree in trees.items():
            whole = parsed(sql) or tree
            found = neighbours(whole, database.schema, values, rng)
            text = rules.gold_text(sql)
            texts = dict.fromkeys(rules.gold_text(neighbour.sql) for neighbour in found)
            same = {text, rules.gold_text(whole.sql(dialect="sqlite"))}
            self.golds.append(
                _Gold(
                    sql,
                    text,
                    probes(tree),
                    limit_ties(tree),
                    query_hints(tree, database.schema),
                    tuple(t for t in texts if t not in same),
                )
            )
        self.open, self.counts = self._try_original()

    def _try_original(self) -> tuple[list[Pair], Counts]:
        """The neighbours that the original database takes for their gold."""
        golds = self._run(self.database, (gold.text for gold in self.golds))
        answers = {g: result for g, result in enumerate(golds) if result.ok}
        pairs = [(g, n) for g in answers for n in range(len(self.golds[g].neighbours))]
        apart = self._apart(self.database, answers, pairs)
        return [p for p in pairs if p not in apart], Counts(len(pairs), len(apart))

    def candidate(self, path: Path, alive: Set[Pair]) -> dict[int, QueryResult]:
        """Write one more instance, for a gold with neighbours ``alive`` if there are any.

        Returns the answers of the golds that have one answer on it, and some answer.
        """
        focus = None
        if alive:
            focus = self.golds[self.rng.choice(sorted({g for g, _ in alive}))].hints
        style = random_style(self.rng)
        rows = perturbed_rows(self.profile, self.hints, focus, style, self.rng)
        write_instance(path, self.profile, rows)
        instance = replace(self.database, path=path)
        texts = [gold.text for gold in self.golds]
        answers = {
            g: result
            for g, result in enumerate(self._run(instance, texts))
            if result.ok and _says_something(result)
        }
        for number in range(SHADOWS):
            shadow = path.with_suffix(f".shadow{number}")
            write_shadow(shadow, path, self.profile, self.rng)
            others = self._run(replace(self.database, path=shadow), [texts[g] for g in answers])
            answers = self._agreeing(answers, dict(zip(answers, others, strict=True)))
            shadow.unlink()
        return self._probed(instance, answers)

    def told_apart(self, path: Path, answers: Mapping[int, QueryResult]) -> set[Pair]:
        """The open pairs that differ on the instance."""
        pairs = [pair for pair in self.open if pair[0] in answers]
        return self._apart(replace(self.database, path=path), answers, pairs)

    def _probed(
        self, instance: Database, answers: Mapping[int, QueryResult]
    ) -> dict[int, QueryResult]:
        asked = [(g, probe) for g in answers for probe in self.golds[g].probes]
        results = list(self._run(instance, (probe for _, probe in asked)))
        wrong = {
            g
            for (g, _), result in zip(asked, results, strict=True)
            if not self.rules.same_result(answers[g], result, self.golds[g].sql)
        }
        tied = [(g, sql) for g in answers for tie in self.golds[g].ties for sql in tie]
        keys = self._run(instance, (sql for _, sql in tied))
        for g, _ in tied[::2]:
            within, beyond = next(keys), next(keys)
            if within.rows and within.rows == beyond.rows:
                wrong.add(g)
        return {g: answer for g, answer in answers.items() if g not in wrong}

    def _agreeing(
        self, answers: Mapping[int, QueryResult], others: Mapping[int, QueryResult]
    ) -> dict[int, QueryResult]:
        return {
            g: answer
            for g, answer in answers.items()
            if self.rules.same_result(answer, others[g], self.golds[g].sql)
        }

    def _apart(
        self, database: Database, answers: Mapping[int, QueryResult], pairs: Iterable[Pair]
    ) -> set[Pair]:
        listed = list(pairs)
        results = self._run(database, (self.golds[g].neighbours[n] for g, n in listed))
        return {
            (g, n)
            for (g, n), result in zip(listed, results, strict=True)
            if not self.rules.same_result(answers[g], result, self.golds[g].sql)
        }

    def _run(self, database: Database, texts: Iterable[str]) -> Iterator[QueryResult]:
        return self.sandbox.run_many((database, text) for text in texts)


def _says_something(result: QueryResult) -> bool:
    """Not empty, nor one row of NULLs, as an aggregate over nothing gives."""
    return bool(result.rows) and not (
        len(result.rows) == 1 and all(value is None for value in result.rows[0])
    )
