"""What of a large schema is shown to a question: the tables that it seems to be about.

A schema that fits is shown whole, as in training. Of a larger one tables are taken in the order in
which the question's words speak for them, rare words more than common ones, with the tables that
join them, until the room is used up.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlforge.core.names import words_of
from sqlforge.core.schema import Schema, Table
from sqlforge.prompt.fuzzy import fold, stem
from sqlforge.prompt.linking import Link

_WORD = re.compile(r"\w+")
_EMPTY_WORDS = frozenset(
    "a all an and any are as at be by did do does each every for from had has have how if in is it "
    "its list many me more most much no not number of on or other show than that the their them "
    "there they this to total was were what when where which who whose why with you name id code "
    "date type value average give find return count".split()
)
_OF_TABLE, _OF_COLUMN, _OF_VALUE = 3.0, 1.0, 4.0


@dataclass(frozen=True, slots=True)
class Named:
    """A table (``column`` is ``None``) or column that the question's words ``said`` name."""

    table: str
    column: str | None
    said: str


def named(schema: Schema, question: str) -> tuple[Named, ...]:
    """Tables and columns all of whose words the question says, in the schema's order.

    >>> from sqlforge.core.schema import Column
    >>> shop = Schema((Table("customer", (Column("first_order", "DATE"),)),))
    >>> [n.said for n in named(shop, "When was the first order of our customers?")]
    ['customers', 'first order']
    """
    words = [(stem(fold(w.lower())), w) for w in _WORD.findall(question)]
    spelled = dict(reversed(words))

    def said(name: str) -> str | None:
        own = [stem(fold(word)) for word in words_of(name)]
        if not set(own) <= spelled.keys() or set(own) <= _EMPTY_WORDS:
            return None
        return " ".join(spelled[word] for word in own)

    found = []
    for table in schema.tables:
        if (text := said(table.name)) is not None:
            found.append(Named(table.name, None, text))
        found += [
            Named(table.name, column.name, text)
            for column in table.columns
            if (text := said(column.name)) is not None
        ]
    return tuple(found)


def shown_schema(
    schema: Schema, question: str, links: Sequence[Link], fits: Callable[[Schema], bool]
) -> Schema:
    """``schema`` where it fits, else the tables that ``question`` is about, in the same order.

    Args:
        schema: the whole one.
        question: with what was asked before it, if it goes on from there.
        links: values that the question mentions.
        fits: whether a schema fits the prompt; is asked about ever larger ones.
    """
    if fits(schema):
        return schema
    taken: list[str] = []
    for name in _in_order(schema, question, links):
        if fits(_only(schema, {*taken, name})):
            taken.append(name)
        elif taken:
            break
    if taken:
        return _only(schema, taken)
    return _narrowed(schema, question, links, fits)


def _in_order(schema: Schema, question: str, links: Sequence[Link]) -> Iterator[str]:
    """Names of tables, the likeliest first, each followed by what joins it to those before."""
    scores = _scores(schema, question, links)
    neighbours = _neighbours(schema)
    ranked = sorted(schema.tables, key=lambda table: -scores[table.name])
    best = scores[ranked[0].name] if ranked else 0.0
    given: list[str] = []
    for table in ranked:
        if table.name in given or (given and scores[table.name] < 0.2 * best):
            continue
        between = [
            middle
            for middle in neighbours[table.name]
            if middle not in given and neighbours[middle] & set(given)
        ]
        joined = not given or bool(neighbours[table.name] & set(given))
        for name in (table.name, *([] if joined else between[:1])):
            given.append(name)
            yield name
    if best:  # what room is left goes to what is joined to the likeliest
        for name in list(given[:3]):
            for other in sorted(neighbours[name] - set(given)):
                given.append(other)
                yield other
    else:
        yield from (table.name for table in ranked if table.name not in given)


def _scores(schema: Schema, question: str, links: Sequence[Link]) -> dict[str, float]:
    asked = {stem(fold(word.lower())) for word in _WORD.findall(question)} - _EMPTY_WORDS - {""}
    words = {table.name: _words(table) for table in schema.tables}
    spread = Counter(word for own, columns in words.values() for word in own | columns)
    total = len(schema.tables)
    linked = Counter(link.table for link in links)
    scores = {}
    for name, (own, columns) in words.items():
        weights = {word: math.log(1 + total / spread[word]) for word in asked & (own | columns)}
        in_name = sum(weights[word] for word in asked & own)
        # A table whose name says more than was asked is less likely meant.
        share = len(asked & own) / len(own) if own else 0.0
        in_columns = sum(weights[word] for word in asked & (columns - own))
        scores[name] = _OF_TABLE * in_name * (0.5 + 0.5 * share) + _OF_COLUMN * in_columns
        scores[name] += _OF_VALUE * min(2, linked[name])
    return scores


def _words(table: Table) -> tuple[set[str], set[str]]:
    own = {stem(fold(word)) for word in words_of(table.name)}
    columns = {stem(fold(word)) for column in table.columns for word in words_of(column.name)}
    return own - _EMPTY_WORDS, columns - _EMPTY_WORDS


def _neighbours(schema: Schema) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {table.name: set() for table in schema.tables}
    for table in schema.tables:
        for key in table.foreign_keys:
            other = schema.table(key.ref_table)
            if other is not None and other.name != table.name:
                found[table.name].add(other.name)
                found[other.name].add(table.name)
    return found


def _only(schema: Schema, names: Collection[str]) -> Schema:
    """The tables named, without references to others."""
    kept = [table for table in schema.tables if table.name in names]
    lowered = {name.lower() for name in names}
    return Schema(
        tuple(
            replace(
                table,
                foreign_keys=tuple(
                    key for key in table.foreign_keys if key.ref_table.lower() in lowered
                ),
            )
            for table in kept
        ),
        schema.dialect,
    )


def _narrowed(
    schema: Schema, question: str, links: Sequence[Link], fits: Callable[[Schema], bool]
) -> Schema:
    """The likeliest table with as many columns as fit; keys and columns that are named first."""
    name = next(_in_order(schema, question, links), None)
    table = schema.table(name) if name is not None else None
    if table is None:
        return Schema((), schema.dialect)
    asked = {stem(fold(word.lower())) for word in _WORD.findall(question)}
    linked = {link.column for link in links if link.table == table.name}

    def worth(index: int) -> tuple[bool, int, bool, int]:
        column = table.columns[index]
        own = {stem(fold(word)) for word in words_of(column.name)}
        return (column.name not in linked, -len(own & asked), not column.primary_key, index)

    order = sorted(range(len(table.columns)), key=worth)
    count = len(order)
    while True:
        kept = sorted(order[:count])
        narrow = replace(table, columns=tuple(table.columns[i] for i in kept), foreign_keys=())
        found = Schema((narrow,), schema.dialect)
        if count <= 1 or fits(found):
            return found
        count = count * 3 // 4 if count > 3 else count - 1
