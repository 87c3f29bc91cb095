"""The words, values and numbers of a question, as the template baseline sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ValueIndex = Mapping[str, tuple[tuple[str, str, str], ...]]
"""Lower-case text → the ``(table, column, value)`` that hold it."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?")
NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])|\d{4}-\d{2}-\d{2}")
QUOTED = re.compile(r"(?<!\w)[\"“‘'](.+?)[\"”’'](?!\w)")
_LONGEST_VALUE = 8  # words


@dataclass(frozen=True, slots=True)
class Mention:
    """A value of the database that the question names: as the question spells it, and where."""

    text: str
    places: tuple[tuple[str, str, str], ...]


def split_words(text: str) -> list[str]:
    """Lower-case words of a question or a name, without the plural's s.

    >>> split_words("shopNames of_all 3 Buses")
    ['shop', 'name', 'of', 'all', '3', 'buse']
    """
    words = _WORD.findall(_CAMEL.sub(" ", text).lower())
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words]


def index_values(values: Mapping[tuple[str, str], Iterable[str]]) -> ValueIndex:
    """The values of a database by their lower-case text."""
    index: dict[str, tuple[tuple[str, str, str], ...]] = {}
    for (table, column), texts in values.items():
        for text in texts:
            index[text.lower()] = (*index.get(text.lower(), ()), (table, column, text))
    return index


def mentions(question: str, values: ValueIndex) -> list[Mention]:
    """The values named in ``question``, in order; of overlapping ones the longest.

    >>> mentions("Who lives in New York?", {"new york": (("t", "city", "New York"),)})[0].text
    'New York'
    """
    spans = [match.span() for match in re.finditer(r"[\w.&'-]*\w", question)]
    found, i = [], 0
    while i < len(spans):
        for j in range(min(len(spans), i + _LONGEST_VALUE) - 1, i - 1, -1):
            text = question[spans[i][0] : spans[j][1]]
            places = values.get(text.lower())
            if places and (j > i or not text.islower() or len(text) > 3):
                found.append(Mention(text, places))
                i = j
                break
        i += 1
    return found
