"""Exact set match on a real parser: whether two queries have the same parts, values included."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, permutations, product

from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.schema import Schema
from sqlforge.score.normal_form import Key, Names, key, normal_tree

MAX_NODES = 1_500  # of a query that is tried under several numberings
MAX_NUMBERINGS = 24  # of tables joined to themselves that are tried: four copies of one table
_NUMBERED = re.compile(r"(.+)_\d+")


def exact_set_match(gold: str, predicted: str, schema: Schema | None = None) -> bool:
    """Whether both queries have the same parts, however these are ordered and spelled.

    What counts is said in :mod:`sqlforge.score.normal_form`. Where neither parses, their texts
    are compared without regard to white space.

    >>> exact_set_match("SELECT a FROM t WHERE b > 1 AND c = 'x'",
    ...                 'select x.a from t x where "c" = \\'x\\' and 1 < b')
    True
    >>> exact_set_match("SELECT a FROM t LIMIT 1", "SELECT a FROM t LIMIT 2")
    False
    """
    if gold == predicted:
        return True
    wanted, found = _normal(gold, schema), _normal(predicted, schema)
    if wanted is None and found is None:
        return gold.split() == predicted.split()
    if wanted is None or found is None:
        return False
    return wanted == found or any(wanted == other for other in _renumbered(predicted, schema))


@lru_cache(maxsize=8192)  # golds are compared with one model's answers after another's
def _normal(sql: str, schema: Schema | None) -> Key | None:
    try:
        tree = normal_tree(sql, schema)
        return None if tree is None else key(tree, Names(schema=schema), is_outermost=True)
    except (SqlglotError, RecursionError):
        return None


def _renumbered(sql: str, schema: Schema | None) -> Iterator[Key]:
    """The normal forms of a query with the copies of a table joined to itself swapped."""
    tree = normal_tree(sql, schema)
    if tree is None or sum(1 for _ in tree.walk()) > MAX_NODES:
        return
    copies = defaultdict(set)
    for source in tree.find_all(exp.Table, exp.Subquery):
        numbered = _NUMBERED.fullmatch(source.alias)
        if numbered is not None:
            copies[numbered[1]].add(source.alias)
    groups = [sorted(group) for group in copies.values() if len(group) > 1]
    numberings = product(*(islice(permutations(g), MAX_NUMBERINGS) for g in groups))
    for numbering in islice(numberings, 1, MAX_NUMBERINGS):
        swapped: dict[str, str] = {}
        for group, others in zip(groups, numbering, strict=True):
            swapped.update(zip(group, others, strict=True))
        yield key(tree, Names(swapped, schema=schema), is_outermost=True)
