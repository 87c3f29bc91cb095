"""What the grammar sees of one database: its tables, links, rows and the words for them."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from sqlforge.core.records import SqlValue
from sqlforge.corpus.synthetic.build import key_of
from sqlforge.corpus.synthetic.domain import Domain, DomainColumn, DomainTable, Fake, Role
from sqlforge.corpus.synthetic.values import Rows, foreign_keys, is_link
from sqlforge.corpus.synthetic.vocabulary import spelled_out

TEXT: tuple[Role, ...] = ("name", "category")
MEASURES: tuple[Role, ...] = ("number", "money")
ORDERED: tuple[Role, ...] = ("number", "money", "date", "year")
_LABEL = re.compile(r"\b(?:name|title)\b")


@dataclass(frozen=True, slots=True)
class Link:
    """``child.column`` refers to ``parent``; ``alone`` if no other column of it does."""

    child: DomainTable
    column: DomainColumn
    parent: DomainTable
    verb: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Noun:
    """One way to call the rows of a table."""

    singular: str
    plural: str


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What is known of a column beyond the rows at hand, which may be a sample.

    ``values`` are those that a question may name, row by row.
    """

    values: tuple[SqlValue, ...]
    has_null: bool
    unique: bool


class View:
    """A database's vocabulary and rows, read only.

    ``facts``, by table and column, stand in for what ``rows`` would say; a table with less than
    ``fewest`` columns beside its keys is asked about only together with others. ``kid_belongs``
    says of a row and the one it refers to which belongs to which; the embedded domains keep the
    older, other way round, because measured figures stand on their questions.
    """

    def __init__(
        self,
        domain: Domain,
        rows: Mapping[str, Rows],
        facts: Mapping[tuple[str, str], ColumnFacts] = MappingProxyType({}),
        *,
        fewest: int = 2,
        kid_belongs: bool = False,
    ) -> None:
        self._fewest = fewest
        self.kid_belongs = kid_belongs
        self.domain = domain
        self.rows = rows
        self.facts = facts
        self._values: dict[tuple[str, str], tuple[SqlValue, ...]] = {}
        self._words: dict[tuple[str, str], tuple[str, ...]] = {}

    @cached_property
    def entities(self) -> tuple[DomainTable, ...]:
        """The tables worth a question of their own: ``fewest`` columns that say something."""
        return tuple(t for t in self.domain.tables if len(content(t)) >= self._fewest)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """Every foreign key between two different tables of this database."""
        return tuple(
            link
            for table in self.domain.tables
            for link in self._links_of(table)
            if link.parent is not link.child and link.parent in self.entities
        )

    def values(self, table: DomainTable, column: DomainColumn) -> tuple[SqlValue, ...]:
        """The column's values, row by row, NULL left out."""
        where = (table.name, column.name)
        if where in self.facts:
            return self.facts[where].values
        if where not in self._values:
            index = table.columns.index(column)
            found = (row[index] for row in self.rows[table.name])
            self._values[where] = tuple(value for value in found if value is not None)
        return self._values[where]

    def has_null(self, table: DomainTable, column: DomainColumn) -> bool:
        """Whether some row has no value there."""
        if (known := self.facts.get((table.name, column.name))) is not None:
            return known.has_null
        return len(self.values(table, column)) < len(self.rows[table.name])

    def is_unique(self, table: DomainTable, column: DomainColumn) -> bool:
        """Whether no two rows have the same value, compared as LIKE does (without case)."""
        if (known := self.facts.get((table.name, column.name))) is not None:
            return known.unique
        values = [str(value).lower() for value in self.values(table, column)]
        return len(set(values)) == len(values)

    def columns(
        self, table: DomainTable, roles: tuple[Role, ...], *, nulls: bool = True
    ) -> list[DomainColumn]:
        """The columns of these roles that have a word of their own."""
        return [
            column
            for column in table.columns
            if column.role in roles
            and self.words(table, column)
            and (nulls or not self.has_null(table, column))
        ]

    def words(self, table: DomainTable, column: DomainColumn) -> tuple[str, ...]:
        """The column's words that mean no other column of the table."""
        where = (table.name, column.name)
        if where not in self._words:
            others = {w for c in table.columns if c is not column for w in _sayings(c)}
            self._words[where] = tuple(w for w in _sayings(column) if w not in others)
        return self._words[where]

    def word(self, table: DomainTable, column: DomainColumn, rng: random.Random) -> str:
        """One word for the column, the plainest most often."""
        words = self.words(table, column)
        return words[0] if rng.random() < 0.45 else rng.choice(words)

    def noun(self, table: DomainTable, rng: random.Random) -> Noun:
        """One way to call the table's rows, the plainest most often."""
        taken = {n for other in self.domain.tables if other is not table for n in other.plural}
        pairs = [
            Noun(singular, plural)
            for singular, plural in zip(table.singular, table.plural, strict=True)
            if plural not in taken
        ] or [Noun(table.singular[0], table.plural[0])]
        return pairs[0] if rng.random() < 0.5 else rng.choice(pairs)

    def label(self, table: DomainTable) -> DomainColumn | None:
        """The column that names a row: a complete text column called a name or title."""
        for column in self.columns(table, ("name",), nulls=False):
            if _LABEL.search(" ".join(self.words(table, column))):
                return column
        return None

    def its(self, table: DomainTable) -> str:
        """The pronoun for one row: "their" for people, "its" for things."""
        people = any(
            column.role == "name"
            and isinstance(column.values, Fake)
            and column.values.provider.split("_")[0] in ("name", "first", "last")
            for column in table.columns
        )
        return "their" if people else "its"

    def covers(self, link: Link) -> bool:
        """Whether every row of the parent has a child."""
        return len(set(self.values(link.child, link.column))) == len(self.rows[link.parent.name])

    def superlatives(self, table: DomainTable, column: DomainColumn) -> tuple[str, str] | None:
        """The column's adjectives, unless another column of the table claims one of them."""
        if column.adjectives is None:
            return None
        counts = Counter(w for c in table.columns for w in (c.adjectives or ()))
        return None if any(counts[w] > 1 for w in column.adjectives) else column.adjectives

    def _links_of(self, table: DomainTable) -> list[Link]:
        columns = foreign_keys(table)
        targets = Counter(column.refers_to for column in columns)
        found = []
        for index, column in enumerate(columns):
            parent = next((t for t in self.domain.tables if t.name == column.refers_to), None)
            if parent is not None and key_of(parent) is not None:
                verb = table.verb[index] if index < len(table.verb) else "linked to"
                found.append(Link(table, column, parent, verb, targets[column.refers_to] == 1))
        return found


def _sayings(column: DomainColumn) -> tuple[str, ...]:
    """The column's words, and its own name if people would say that."""
    plain = spelled_out(column)
    return column.words if plain is None or plain in column.words else (*column.words, plain)


def content(table: DomainTable) -> tuple[DomainColumn, ...]:
    """The columns that hold information about the row: neither its key nor a link."""
    return tuple(c for c in table.columns if c.role not in ("key", "foreign_key"))


def links_only(table: DomainTable) -> bool:
    """Whether the table has no key, so that its rows are known by what they link."""
    return is_link(table)
