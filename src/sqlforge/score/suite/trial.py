"""Golds and their neighbours on trial: candidate instances are made and both are run on them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlglot import exp

from sqlforge.core.records import Database, QueryResult
from sqlforge.database.sandbox import Sandbox
from sqlforge.score.rules import Rules
from sqlforge.score.suite.files import write_instance, write_shadow
from sqlforge.score.suite.hints import Hints, merged_hints, parsed, query_hints
from sqlforge.score.suite.neighbours import neighbours
from sqlforge.score.suite.perturb import perturbed_rows
from sqlforge.score.suite.probes import limit_ties, probes
from sqlforge.score.suite.profile import DatabaseProfile, profile_database
from sqlforge.score.suite.style import random_style

SHADOWS = 2

Pair = tuple[int, int]
"""A gold and one of its neighbours, by number."""


@dataclass(frozen=True, slots=True)
class Gold:
    """One gold, with what is asked about it on every instance.

    ``text`` is what the rules execute for it, ``again`` what they would execute if a model had
    predicted it to the letter; probes and neighbours are executed as predictions too.
    """

    sql: str
    text: str
    again: str
    probes: tuple[str, ...]
    ties: tuple[tuple[str, str], ...]
    hints: Hints
    neighbours: tuple[str, ...]


class Trial:
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
        trees = {sql: tree for sql in golds if (tree := parsed(sql)) is not None}
        self.hints = merged_hints(query_hints(tree, database.schema) for tree in trees.values())
        self.profile: DatabaseProfile = profile_database(database, self.hints)
        answers = dict(zip(trees, self._run(database, map(rules.gold_text, trees)), strict=True))
        again = dict(zip(trees, self._run(database, map(rules.predicted_text, trees)), strict=True))
        self.golds = []
        for sql, tree in trees.items():
            same = rules.same_result(answers[sql], again[sql], sql)
            # the official rules change words in predictions, so that some golds would not pass
            text = rules.predicted_text(sql) if same else rules.gold_text(sql)
            self.golds.append(self._gold(sql, text, tree))
        self.open, self.by_original = self._try_original([answers[sql] for sql in trees])

    def _gold(self, sql: str, again: str, tree: exp.Expr) -> Gold:
        schema, rules = self.database.schema, self.rules
        values = {c.key: c.values for table in self.profile.tables for c in table.columns}
        found = neighbours(tree, schema, values, self.rng)
        texts = dict.fromkeys(_spaced(rules.predicted_text(other.sql)) for other in found)
        same = {_spaced(again), _spaced(rules.predicted_text(tree.sql(dialect="sqlite")))}
        executed = parsed(again) or tree
        return Gold(
            sql,
            rules.gold_text(sql),
            again,
            probes(executed),
            limit_ties(executed),
            query_hints(tree, schema),
            tuple(text for text in texts if text not in same),
        )

    def _try_original(self, results: Sequence[QueryResult]) -> tuple[list[Pair], int]:
        """The neighbours that the original takes for their gold, and how many it does not."""
        answers = {g: result for g, result in enumerate(results) if result.ok}
        pairs = [(g, n) for g in answers for n in range(len(self.golds[g].neighbours))]
        apart = self._apart(self.database, answers, pairs)
        return [pair for pair in pairs if pair not in apart], len(apart)

    def candidate(self, path: Path, focus: int | None) -> dict[int, QueryResult]:
        """Write one more instance, made for the gold number ``focus`` if there is one.

        Returns the answers of the golds that have one answer on it, and some answer.
        """
        hints = self.golds[focus].hints if focus is not None else None
        style = random_style(self.rng)
        rows = perturbed_rows(self.profile, self.hints, hints, style, self.rng)
        write_instance(path, self.profile, rows)
        instance = replace(self.database, path=path)
        results = self._run(instance, (gold.text for gold in self.golds))
        answers = {g: r for g, r in enumerate(results) if r.ok and _says_something(r)}
        for number in range(SHADOWS):
            shadow = path.with_suffix(f".shadow{number}")
            write_shadow(shadow, path, self.profile, self.rng)
            texts = [self.golds[g].again for g in answers]
            others = list(self._run(replace(self.database, path=shadow), texts))
            agreeing = zip(answers.items(), others, strict=True)
            answers = {g: r for (g, r), other in agreeing if self._agree(g, r, other)}
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

    def _agree(self, g: int, answer: QueryResult, other: QueryResult) -> bool:
        """Whether rows in another order gave the same, where no order was asked for."""
        gold = self.golds[g]
        if self.rules.same_result(answer, other, gold.sql):
            return True
        return "order by" not in gold.again.lower() and Counter(answer.rows) == Counter(other.rows)

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


def _spaced(sql: str) -> str:
    """One blank where the rules took a word out, as the same query written without it has."""
    return sql.replace("( ", "(").replace("  ", " ")


def _says_something(result: QueryResult) -> bool:
    """Not empty, nor one row of NULLs, as an aggregate over nothing gives."""
    return bool(result.rows) and not (
        len(result.rows) == 1 and all(value is None for value in result.rows[0])
    )
