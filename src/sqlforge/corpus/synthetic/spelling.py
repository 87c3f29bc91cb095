"""Spell a database's names in another style, so that a model cannot learn them by heart.

A slice of a domain repeats the domain's spellings. Drawing some of them anew, from the words that
people use and in the style of another designer, gives training many more schemas than domains.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.domain import Domain, DomainColumn, DomainTable
from sqlforge.corpus.synthetic.values import Rows

_SKIPPED = frozenset({"the", "a", "an", "of", "to", "in", "for"})
_STYLES: tuple[tuple[Callable[[list[str]], str], float], ...] = (
    ("_".join, 5.0),
    (lambda tokens: tokens[0] + "".join(t.capitalize() for t in tokens[1:]), 2.0),
    (lambda tokens: "".join(token.capitalize() for token in tokens), 2.0),
    (lambda tokens: "_".join(token.capitalize() for token in tokens), 1.5),
    (lambda tokens: "_".join(tokens).upper(), 0.7),
    ("".join, 0.5),
)


def respelled(
    domain: Domain, rows: Mapping[str, Rows], rng: random.Random
) -> tuple[Domain, dict[str, Rows]]:
    """The same database with other spellings: about half of its names change their words."""
    style = rng.choices([s for s, _ in _STYLES], [weight for _, weight in _STYLES])[0]
    names: dict[str, str] = {}
    for table in domain.tables:
        nouns = rng.choice((table.singular, table.plural))
        names[table.name] = _new(table.name, nouns, style, set(names.values()), rng)
    tables = tuple(_table(table, domain, names, style, rng) for table in domain.tables)
    moved = {names[old]: rows[old] for old in names}
    return Domain(domain.name, domain.split, tables), moved


def tokens_of(spelling: str) -> list[str]:
    """The words in a name, whatever its style.

    >>> tokens_of("unitPrice"), tokens_of("SHOP_ID"), tokens_of("best-before date")
    (['unit', 'price'], ['shop', 'id'], ['best', 'before', 'date'])
    """
    return [t.lower() for t in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", spelling)]


def _table(
    table: DomainTable,
    domain: Domain,
    names: Mapping[str, str],
    style: Callable[[list[str]], str],
    rng: random.Random,
) -> DomainTable:
    taken: set[str] = set()
    columns: list[DomainColumn] = []
    for column in table.columns:
        spelling = _new(column.name, _words(column, table, domain, rng), style, taken, rng)
        taken.add(spelling)
        target = names.get(column.refers_to or "", column.refers_to)
        columns.append(replace(column, name=spelling, refers_to=target))
    return replace(table, name=names[table.name], columns=tuple(columns))


def _words(
    column: DomainColumn, table: DomainTable, domain: Domain, rng: random.Random
) -> tuple[str, ...]:
    """What the column may be called: for keys the row's name and "id", else its own words."""
    if column.role == "key":
        return (f"{table.singular[0]} id", "id")
    if column.role == "foreign_key":
        target = next((t for t in domain.tables if t.name == column.refers_to), None)
        only = sum(other.refers_to == column.refers_to for other in table.columns) == 1
        return (f"{target.singular[0]} id",) if target and only else (column.name,)
    return column.words


def _new(
    old: str,
    words: tuple[str, ...],
    style: Callable[[list[str]], str],
    taken: set[str],
    rng: random.Random,
) -> str:
    """A spelling from ``words`` or from the old one, in ``style``; the old one if it can't be."""
    text = rng.choice(words) if rng.random() < 0.6 else old
    tokens = [token for token in tokens_of(text) if token not in _SKIPPED]
    used = {other.lower() for other in taken}
    numbered = (f"{old}_{number}" for number in range(2, len(taken) + 3))
    candidates = chain([style(tokens)] if tokens else [], [old], numbered)
    return next(c for c in candidates if c.lower() not in used and (c == old or name(c) == c))
