"""A short notation for domains: lists are comma-separated text, so a table fits on a screen.

Every helper only builds the records of :mod:`sqlforge.corpus.synthetic.domain`; the rules for
words, adjectives and verbs are written there.
"""

from __future__ import annotations

from sqlforge.corpus.synthetic.domain import (
    Composed,
    DomainColumn,
    DomainTable,
    Role,
    Values,
    Words,
)


def split_list(text: str) -> tuple[str, ...]:
    """The comma-separated items of a text, which may run over several lines.

    >>> split_list("red, dark blue")
    ('red', 'dark blue')
    """
    return tuple(" ".join(item.split()) for item in text.split(",") if item.strip())


def listed(text: str, unique: bool = False) -> Words:
    """Values from a comma-separated list.

    >>> listed("open, closed").choices
    ('open', 'closed')
    """
    return Words(split_list(text), unique)


def composed(*parts: str, unique: bool = False) -> Composed:
    """Values that join one item of each comma-separated part.

    >>> composed("red, blue", "chair").parts
    (('red', 'blue'), ('chair',))
    """
    return Composed(tuple(split_list(part) for part in parts), unique)


def key(name: str, words: str) -> DomainColumn:
    """The key column of a table.

    >>> key("id", "order number, order id").role
    'key'
    """
    return DomainColumn(name, "key", split_list(words))


def link(name: str, table: str, words: str) -> DomainColumn:
    """A foreign key that holds the key of ``table``.

    >>> link("cust_id", "customers", "customer number, customer id").refers_to
    'customers'
    """
    return DomainColumn(name, "foreign_key", split_list(words), refers_to=table)


def col(
    name: str,
    role: Role,
    words: str,
    values: Values,
    superlatives: str = "",
    unit: str | None = None,
    share_null: float = 0.0,
) -> DomainColumn:
    """Any other column; ``superlatives`` is empty or ``"most, least"``.

    Raises:
        ValueError: ``superlatives`` holds anything but none or two items.

    >>> from sqlforge.corpus.synthetic.domain import Numbers
    >>> col("price", "money", "price, cost", Numbers(1, 9), "dearest, cheapest").adjectives
    ('dearest', 'cheapest')
    """
    adjectives: tuple[str, str] | None = None
    if superlatives:
        most, least = split_list(superlatives)
        adjectives = (most, least)
    return DomainColumn(name, role, split_list(words), values, None, adjectives, unit, share_null)


def table(
    name: str, singular: str, plural: str, rows: int, verbs: str, *columns: DomainColumn
) -> DomainTable:
    """A table; ``verbs`` holds one item per foreign key, in column order.

    >>> table("orders", "order, sale", "orders, sales", 40, "", key("id", "number, no")).rows
    40
    """
    return DomainTable(
        name, split_list(singular), split_list(plural), columns, rows, split_list(verbs)
    )
