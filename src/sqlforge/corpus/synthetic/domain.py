"""The vocabulary in which a synthetic domain is written down.

A domain is data, not code: tables, columns, the words people use for them and a recipe for each
column's values. The grammar (:mod:`sqlforge.corpus.synthetic.grammar`) asks questions about any
domain by reading these records only, so a new domain needs no new code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SplitName = Literal["train", "validation", "test"]
Role = Literal[
    "key",
    "foreign_key",
    "name",
    "category",
    "number",
    "money",
    "date",
    "year",
    "flag",
    "code",  # identifies something, so it is shown and matched but neither ordered nor added up
    "text",  # free text, which nobody matches whole
]


@dataclass(frozen=True, slots=True)
class Words:
    """Values drawn from a hand-written list; ``unique`` draws without replacement.

    A list shorter than the table's row count must not be ``unique``.
    """

    choices: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Fake:
    """Values from a ``faker`` provider, such as ``"name"``, ``"city"`` or ``"company"``."""

    provider: str
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """Whole or decimal numbers between ``low`` and ``high``, rounded to ``decimals`` places.

    ``null_share`` of the rows (0 to 1) hold NULL instead.
    """

    low: float
    high: float
    decimals: int = 0
    null_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Dates:
    """ISO dates (``YYYY-MM-DD``) from ``first`` to ``last`` inclusive."""

    first: str
    last: str
    null_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Composed:
    """Text made of one draw from each part joined by spaces, for titles and product names."""

    parts: tuple[tuple[str, ...], ...]
    unique: bool = False


Values = Words | Fake | Numbers | Dates | Composed


@dataclass(frozen=True, slots=True)
class DomainColumn:
    """One column as the database spells it and as people say it.

    Args:
        name: spelling in the schema, in the domain's own style (snake_case, camelCase, terse).
        role: what kind of question it can answer; see ``Role``.
        words: at least two noun phrases in the singular, lower case, without an article, the
            plainest first ("unit price", "price", "cost"). They read well in "the <words> of
            each <table words>". At least one of them must not be the column's own spelling.
        values: how to fill it; ``None`` for ``key`` and ``foreign_key``.
        refers_to: ``"table"`` whose key a ``foreign_key`` holds.
        adjectives: for ``number``, ``money``, ``date`` and ``year``: the superlatives for most
            and least, e.g. ``("most expensive", "cheapest")`` or ``("latest", "earliest")``.
        unit: what a number counts, in the plural ("kilometres"), if people would say it.
        share_null: as in ``Numbers``, for text columns.
        functions: the aggregates that make sense where they are not all that the role has: the
            sum of ages means nothing.
        natural_key: a key that people read and ask for, such as a country's code; its role is that
            of any other column.
        saying: for ``flag``: the relative clauses for yes and no ("that are active", "that are
            not active").
    """

    name: str
    role: Role
    words: tuple[str, ...]
    values: Values | None = None
    refers_to: str | None = None
    adjectives: tuple[str, str] | None = None
    unit: str | None = None
    share_null: float = 0.0
    functions: tuple[str, ...] = ()
    natural_key: bool = False
    saying: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class DomainTable:
    """One table.

    Args:
        name: spelling in the schema.
        singular, plural: at least two ways each to say what one row and many rows are, pairwise
            ("customer", "client" / "customers", "clients"), lower case.
        columns: the first is the key (role ``key``) unless the table only links two others.
        rows: how many rows to generate (20 to 120).
        verb: for a table with foreign keys, how its row relates to the table referred to, one
            per foreign key in column order, as a relative clause from the child's side:
            "placed by" (order placed by customer), "written by" (book written by author),
            "belonging to".
    """

    name: str
    singular: tuple[str, ...]
    plural: tuple[str, ...]
    columns: tuple[DomainColumn, ...]
    rows: int = 40
    verb: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Domain:
    """A subject area of 4 to 8 connected tables, belonging to exactly one split."""

    name: str
    split: SplitName
    tables: tuple[DomainTable, ...]

    def table(self, name: str) -> DomainTable:
        """The table of that exact name; raises ``KeyError`` if there is none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"domain {self.name} has no table {name}")
