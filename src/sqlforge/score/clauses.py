"""Which clauses a query uses, told by its words: fast, and for SQL that no parser reads too."""

from __future__ import annotations

import re
from itertools import pairwise

_TOKEN = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|\Z)|\w+|[(),]",
    re.DOTALL,
)
_JOINS = ("no join", "one join", "two joins", "three or more joins")
CLAUSES = (
    *_JOINS,
    "WHERE",
    "GROUP BY",
    "HAVING",
    "ORDER BY",
    "LIMIT",
    "DISTINCT",
    "aggregate",
    "nested query",
    "set operation",
)
_AGGREGATES = {"count", "sum", "avg", "min", "max", "total", "group_concat"}
_PAIRED = {"group by": "GROUP BY", "order by": "ORDER BY"}


def clauses_of(sql: str) -> tuple[str, ...]:
    """The entries of :data:`CLAUSES` that hold for ``sql``, in that order.

    Joins are counted over the whole query, subqueries included; a comma between tables is one.

    >>> clauses_of("SELECT count(*) FROM shop JOIN sale ON a = b WHERE c = 'group by'")
    ('one join', 'WHERE', 'aggregate')
    >>> clauses_of("SELECT a FROM t WHERE b IN (SELECT c FROM u, v)")
    ('one join', 'WHERE', 'nested query')
    """
    words = [m.group().lower() for m in _TOKEN.finditer(sql) if m.group()[0] not in "'\"`[-/"]
    pairs = list(pairwise([*words, ""]))
    found = {_JOINS[min(3, words.count("join") + _commas_between_tables(words))]}
    found.update(w.upper() for w in words if w in ("where", "having", "limit", "distinct"))
    found.update(clause for first, second in pairs if (clause := _PAIRED.get(f"{first} {second}")))
    if any(first in _AGGREGATES and second == "(" for first, second in pairs):
        found.add("aggregate")
    if ("(", "select") in pairs:
        found.add("nested query")
    if {"union", "intersect", "except"} & set(words):
        found.add("set operation")
    return tuple(clause for clause in CLAUSES if clause in found)


def _commas_between_tables(words: list[str]) -> int:
    count, depths = 0, [False]  # whether each open bracket's query is in its FROM
    for word in words:
        if word == "(":
            depths.append(False)
        elif word == ")" and len(depths) > 1:
            depths.pop()
        elif word == "from":
            depths[-1] = True
        elif word in ("where", "group", "order", "having", "limit", "select", "union"):
            depths[-1] = False
        elif word == "," and depths[-1]:
            count += 1
    return count
