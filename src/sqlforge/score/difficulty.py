"""How hard a gold query is, as a number, so that examples can be put in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal

from sqlforge.core.records import Database, Example
from sqlforge.score.official.rules import grader
from sqlforge.score.official.tokens import UnreadableError

Measure = Literal["hardness", "length", "tables"]
_LEVELS = ("easy", "medium", "hard", "extra")
_STRINGS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_CLAUSES = re.compile(r"\b(?:WHERE|GROUP BY|ORDER BY|LIMIT|JOIN|OR|LIKE)\b")
_SELECTS = re.compile(r"\bSELECT\b")
_SOURCES = re.compile(r"\b(?:from|join)\b", re.IGNORECASE)


def difficulties(
    examples: Iterable[Example], databases: Mapping[str, Database], by: Measure
) -> dict[str, float]:
    """For each example's id a number that is larger the harder its SQL is.

    Args:
        examples: whose golds are looked at.
        databases: by ``db_id``, at least those of the examples.
        by: ``length`` in characters, ``tables`` after FROM and JOIN, subqueries' too, or the
            official ``hardness``, by words alike for what its reader cannot read (names in quotes
            with blanks, most of WikiSQL). Where two are alike the shorter one is easier.

    >>> from sqlforge.core.schema import Column, Schema, Table
    >>> shop = Database("d", Schema((Table("item", (Column("name", ""), Column("price", ""))),)))
    >>> golds = ["SELECT name FROM item", "SELECT name FROM item WHERE price = 1 ORDER BY price"]
    >>> asked = [Example(str(n), "", sql, "d", "s", "MIT") for n, sql in enumerate(golds)]
    >>> [int(number) for number in difficulties(asked, {"d": shop}, "hardness").values()]
    [0, 1]
    """
    graders: dict[str, Callable[[str], str]] = {}
    found: dict[str, float] = {}
    for example in examples:
        if by == "hardness" and example.db_id not in graders:
            # By its schema alone: a file may hold thousands of other tables.
            graders[example.db_id] = grader(replace(databases[example.db_id], path=None))
        level = _level(example.sql, by, graders.get(example.db_id))
        found[example.id] = level + len(example.sql) / (len(example.sql) + 1_000)
    return found


def _level(sql: str, by: Measure, grade: Callable[[str], str] | None) -> int:
    if by == "length":
        return 0
    if by == "tables":
        return len(_SOURCES.findall(_STRINGS.sub("''", sql)))
    assert grade is not None
    try:
        return _LEVELS.index(grade(sql))
    except UnreadableError:
        return _by_words(_STRINGS.sub("''", sql).upper())


def _by_words(sql: str) -> int:
    clauses, selects = len(_CLAUSES.findall(sql)), len(_SELECTS.findall(sql))
    if selects > 1:
        return 2 if clauses <= 1 else 3
    return min(3, max(clauses - 1, int(" AND " in sql)))
