"""Short spellings for the records of :mod:`sqlforge.corpus.synthetic.domain`.

A domain has some forty columns; written out in full they would hide what differs from one to the
next. Each function here makes one ordinary :class:`DomainColumn` of one role, and takes its words
and values as comma-separated text.
"""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import (
    Dates,
    DomainColumn,
    Fake,
    Numbers,
    Role,
    Values,
    Words,
)

Superlatives = tuple[str, str]


def listed(text: str) -> tuple[str, ...]:
    """The comma-separated items of a text, which may run over several lines.

    >>> listed("rye bread, spelt loaf,\\n  bun")
    ('rye bread', 'spelt loaf', 'bun')
    """
    return tuple(item.strip() for item in text.split(",") if item.strip())


def key(name: str, words: str) -> DomainColumn:
    """The key column of a table."""
    return DomainColumn(name, "key", listed(words))


def ref(name: str, table: str, words: str) -> DomainColumn:
    """A foreign key that holds the key of ``table``."""
    return DomainColumn(name, "foreign_key", listed(words), refers_to=table)


def named(name: str, words: str, values: Values | str, nulls: float = 0.0) -> DomainColumn:
    """A name or title; text as ``values`` is a list that each row draws from without repeats."""
    recipe = Words(listed(values), unique=True) if isinstance(values, str) else values
    return DomainColumn(name, "name", listed(words), recipe, share_null=nulls)


def repeated(name: str, words: str, values: str, nulls: float = 0.0) -> DomainColumn:
    """A text column such as a town or a supplier, whose listed values occur in several rows."""
    return DomainColumn(name, "name", listed(words), Words(listed(values)), share_null=nulls)


def fake(name: str, words: str, provider: str, nulls: float = 0.0) -> DomainColumn:
    """A name from a ``faker`` provider, such as ``"name"`` or ``"city"``."""
    return DomainColumn(name, "name", listed(words), Fake(provider), share_null=nulls)


def category(name: str, words: str, values: str, nulls: float = 0.0) -> DomainColumn:
    """A column with a handful of values, given as comma-separated text."""
    return DomainColumn(name, "category", listed(words), Words(listed(values)), share_null=nulls)


def flag(name: str, words: str, values: str = "yes, no") -> DomainColumn:
    """A column with two values, the affirmative one first."""
    return DomainColumn(name, "flag", listed(words), Words(listed(values)))


def number(
    name: str,
    words: str,
    low: float,
    high: float,
    most: Superlatives | None = None,
    *,
    unit: str | None = None,
    decimals: int = 0,
    nulls: float = 0.0,
) -> DomainColumn:
    """A count or a measurement; ``most`` says what the row with the most and the least is called.

    >>> number("weight_g", "weight, mass", 45, 1400, ("heaviest", "lightest")).adjectives
    ('heaviest', 'lightest')
    """
    values = Numbers(low, high, decimals, nulls)
    return DomainColumn(name, "number", listed(words), values, adjectives=most, unit=unit)


def money(
    name: str,
    words: str,
    low: float,
    high: float,
    most: Superlatives | None = None,
    *,
    decimals: int = 2,
    nulls: float = 0.0,
) -> DomainColumn:
    """An amount of money, in cents unless ``decimals`` says otherwise."""
    values = Numbers(low, high, decimals, nulls)
    return DomainColumn(name, "money", listed(words), values, adjectives=most)


def date(
    name: str,
    words: str,
    first: str,
    last: str,
    most: Superlatives | None = None,
    *,
    nulls: float = 0.0,
) -> DomainColumn:
    """A day between ``first`` and ``last``, both as ``YYYY-MM-DD``."""
    return _dated("date", name, words, Dates(first, last, nulls), most)


def year(
    name: str,
    words: str,
    first: int,
    last: int,
    most: Superlatives | None = None,
    *,
    nulls: float = 0.0,
) -> DomainColumn:
    """A year between ``first`` and ``last`` inclusive."""
    return _dated("year", name, words, Numbers(first, last, 0, nulls), most)


def _dated(
    role: Role, name: str, words: str, values: Values, most: Superlatives | None
) -> DomainColumn:
    return DomainColumn(name, role, listed(words), values, adjectives=most)
