"""Which values of the database does the question mention?

An index from lower-cased values to the columns that hold them is built once a database; a question
is looked up by its word n-grams, the longest first, so that "New York City" is found before
"York".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_WORD = re.compile(r"\w+(?:['’.\-/&]\w+)*|\S")
_LONGEST = 8  # words in a value that is still looked up
# A value that is nothing but such a word says nothing about the question.
_TOO_COMMON = frozenset(
    "a all an and any are as at be by did do does each every for from had has have how if in is it "
    "its list many me more most no not of on or other she show than that the their them there they "
    "this to was were what when where which who whose why with yes you name names number total "
    "average first last one two three".split()
)


@dataclass(frozen=True, slots=True)
class Link:
    """The question mentions ``value``, spelled as the database spells it."""

    table: str
    column: str
    value: str


class ValueIndex:
    """Looks up values by the words of a question.

    Args:
        values: (table, column) → distinct text values.

    >>> index = ValueIndex({("customer", "city"): ("New York", "York", "Bath")})
    >>> index.link("Who lives in new york?")
    (Link(table='customer', column='city', value='New York'),)
    """

    def __init__(self, values: Mapping[tuple[str, str], tuple[str, ...]]) -> None:
        self._places: dict[tuple[str, ...], list[Link]] = {}
        self._size = 0
        for (table, column), texts in values.items():
            for text in texts:
                words = tuple(_WORD.findall(text.lower()))
                if 0 < len(words) <= _LONGEST and not _says_nothing(words):
                    self._places.setdefault(words, []).append(Link(table, column, text))
                    self._size += 1

    def __len__(self) -> int:
        """How many values are indexed, counted once a column."""
        return self._size

    def link(self, question: str, limit: int = 6) -> tuple[Link, ...]:
        """At most ``limit`` links, in the order in which the question names the values."""
        words = _WORD.findall(question.lower())
        found: list[Link] = []
        start = 0
        while start < len(words) and len(found) < limit:
            for end in range(min(len(words), start + _LONGEST), start, -1):
                places = self._places.get(tuple(words[start:end]))
                if places:
                    found.extend(places[: limit - len(found)])
                    start = end - 1
                    break
            start += 1
        return tuple(dict.fromkeys(found))


def _says_nothing(words: tuple[str, ...]) -> bool:
    if len(words) > 1:
        return False
    return words[0] in _TOO_COMMON or (len(words[0]) < 2 and not words[0].isdigit())
