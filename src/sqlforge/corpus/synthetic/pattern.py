"""What a pattern is, and the pieces that all patterns share."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlforge.corpus.synthetic.build import key_of, name
from sqlforge.corpus.synthetic.condition import Condition
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.phrases import is_plural, listing, plural, sentence
from sqlforge.corpus.synthetic.view import Noun, View, content


@dataclass(frozen=True, slots=True)
class Ties:
    """A query for the values that decide an order, best first, and how many of them count.

    Where two of the first ``count`` + 1 values are equal the question has more than one right
    answer; ``None`` means that all of them count.
    """

    sql: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Filling:
    """What a pattern found in one database: the query and the words for the frame's slots."""

    sql: str
    slots: Mapping[str, str]
    ties: Ties | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One shape of query with the wordings that ask for it.

    ``frames`` are sentences with slots; ``make`` finds columns and values that fit, or ``None``.
    """

    name: str
    kind: str
    weight: float
    frames: tuple[str, ...]
    make: Callable[[View, random.Random], Filling | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """A question with its query, not yet executed."""

    question: str
    sql: str
    kind: str
    pattern: str
    ties: Ties | None


_SHOW = (
    ("List", 4.0),
    ("Show", 4.0),
    ("Give", 3.0),
    ("Find", 3.0),
    ("Return", 2.5),
    ("Show me", 2.0),
    ("Give me", 2.0),
    ("Tell me", 1.5),
    ("Display", 1.0),
    ("Get", 1.0),
    ("Provide", 0.7),
    ("Report", 0.7),
    ("Please list", 0.7),
    ("Look up", 0.7),
)


def ask(pattern: Pattern, view: View, rng: random.Random) -> Draft | None:
    """One question after the pattern; ``None`` if the database has nothing for it."""
    filling = pattern.make(view, rng)
    if filling is None:
        return None
    show = rng.choices([verb for verb, _ in _SHOW], [weight for _, weight in _SHOW])[0]
    slots = {
        "show": show,
        "then": rng.choice(("give", "show", "list", "return", "report")),
        "every": rng.choice(("each", "every")),
        **filling.slots,
    }
    question = sentence(rng.choice(pattern.frames).format_map(slots))
    return Draft(question, filling.sql, pattern.kind, pattern.name, filling.ties)


def entity(view: View, rng: random.Random) -> DomainTable | None:
    """A table to ask about, those with more columns more often."""
    tables = view.entities
    if not tables:
        return None
    return rng.choices(tables, [len(content(table)) for table in tables])[0]


def subject(noun: Noun, condition: Condition | None, rng: random.Random) -> dict[str, str]:
    """The slots for a table and the condition on it: ``n``, ``ns``, ``cond`` and ``have``."""
    return {
        "n": noun.singular,
        "ns": noun.plural,
        "cond": f" {condition.clause(rng)}" if condition else "",
        "have": f" have {condition.owned}" if condition else "",
    }


@dataclass(frozen=True, slots=True)
class Chosen:
    """Columns to show, with the words for them."""

    table: DomainTable
    columns: tuple[DomainColumn, ...]
    words: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' spellings in the schema."""
        return tuple(column.name for column in self.columns)

    @property
    def plurals(self) -> list[str]:
        """The words for many rows; of a yes or no there are values ("vegan mark values")."""
        pairs = zip(self.columns, self.words, strict=True)
        return [
            f"{word} values" if column.role == "flag" else plural(word) for column, word in pairs
        ]

    def sql(self, alias: str = "") -> str:
        """The columns as a SELECT list."""
        return ", ".join(qualified(column, alias) for column in self.columns)

    def slots(self) -> dict[str, str]:
        """``col``, ``cols`` (plural) and ``is``."""
        many = len(self.words) > 1 or is_plural(self.words[0])
        return {
            "col": listing(self.words),
            "cols": listing(self.plurals),
            "is": "are" if many else "is",
        }


def choose(
    view: View,
    table: DomainTable,
    noun: Noun,
    rng: random.Random,
    count: int,
    *,
    avoid: Sequence[str] = (),
    must: DomainColumn | None = None,
) -> Chosen | None:
    """``count`` columns of ``table`` outside ``avoid``; ``must`` comes first if given."""
    pool = [
        column
        for column in content(table)
        if view.words(table, column)
        and column.name not in avoid
        and (column.role != "flag" or rng.random() < 0.4)
    ]
    key = key_of(table)
    if key is not None and key.name not in avoid and view.words(table, key) and rng.random() < 0.12:
        pool.append(key)
    pool = [column for column in pool if column is not must]
    wanted = count - (must is not None)
    if len(pool) < wanted or count < 1:
        return None
    picked = rng.sample(pool, wanted)
    label = view.label(table)
    # A name beside other columns is what people mostly ask for, and it comes first.
    if must is None and label in pool and label not in picked and rng.random() < 0.4:
        picked[0] = label
    if label is not None and label in picked:
        picked = [label, *(column for column in picked if column is not label)]
    columns = tuple([must, *picked] if must is not None else picked)
    return Chosen(table, columns, tuple(spoken(view, table, c, noun, rng) for c in columns))


def spoken(
    view: View, table: DomainTable, column: DomainColumn, noun: Noun, rng: random.Random
) -> str:
    """A word for the column that doesn't repeat the noun: "the name of each customer"."""
    words = view.words(table, column)
    fresh = [w for w in words if not w.startswith(f"{noun.singular} ") and w != noun.singular]
    words = tuple(fresh) or words
    return words[0] if rng.random() < 0.45 else rng.choice(words)


def qualified(column: DomainColumn, alias: str = "") -> str:
    """The column in SQL, after its table's alias if there is one."""
    return f"{alias}.{name(column.name)}" if alias else name(column.name)


def where(*conditions: str) -> str:
    """A WHERE clause with a space before it, or nothing."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def how_many(rng: random.Random, most: int = 3) -> int:
    """How many columns to show: one or two mostly."""
    return min(most, rng.choices((1, 2, 3), (5, 4, 1.5))[0])
