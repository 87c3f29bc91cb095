"""Which values of the database does the question mention?

An index from lower-cased values to the columns that hold them is built once a database; a question
is looked up by its word n-grams, the longest first, so that "New York City" is found before
"York". Where asked for, words that no value was found for are looked up once more with typing
errors, inflections and other spellings of dates forgiven.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from sqlforge.core.names import words_of
from sqlforge.prompt.fuzzy import Vocabulary, fold, respelt, stem

_WORD = re.compile(r"\w+(?:['’.\-/&]\w+)*|\S")
_LONGEST = 8  # words in a value that is still looked up
_READINGS = 16  # of one n-gram that are looked up
# A value that is nothing but such a word says nothing about the question.
_TOO_COMMON = frozenset(
    "a all an and any are as at be by did do does each every for from had has have how if in is it "
    "its list many me more most no not of on or other she show than that the their them there they "
    "this to was were what when where which who whose why with yes you name names number total "
    "average first last one two three".split()
)
_Words = tuple[str, ...]


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
        fuzzy: whether to forgive spelling; exact mentions are found first and are the same.
        names: of the schema's tables and columns; a single word of them is no inflected value.

    >>> index = ValueIndex({("customer", "city"): ("New York", "York", "Bath")})
    >>> index.link("Who lives in new york?")
    (Link(table='customer', column='city', value='New York'),)
    >>> ValueIndex({("customer", "city"): ("New Orleans",)}, fuzzy=True).link("In New Orlaens?")
    (Link(table='customer', column='city', value='New Orleans'),)
    """

    def __init__(
        self,
        values: Mapping[tuple[str, str], tuple[str, ...]],
        *,
        fuzzy: bool = False,
        names: Iterable[str] = (),
    ) -> None:
        # One link stands by itself and not in a list: most values are in one column only.
        self._places: dict[_Words, Link | list[Link]] = {}
        self._firsts: set[str] = set()  # the first words of all values
        self._size = 0
        for (table, column), texts in values.items():
            for text in texts:
                words = tuple(_WORD.findall(text.lower()))
                if 0 < len(words) <= _LONGEST and not _says_nothing(words):
                    self._add(words, Link(table, column, text))
        self._folded: dict[_Words, list[_Words]] = {}
        self._vocabulary: Vocabulary | None = None
        self._names = frozenset(stem(word) for name in names for word in words_of(name))
        if fuzzy:
            self._fold()

    def __len__(self) -> int:
        """How many values are indexed, counted once a column."""
        return self._size

    def link(self, question: str, limit: int = 6) -> tuple[Link, ...]:
        """At most ``limit`` links, in the order in which the question names the values."""
        words = _WORD.findall(question.lower())
        found: list[tuple[int, Link]] = []
        free = [True] * len(words)
        start = 0
        while start < len(words) and len(found) < limit:
            longest = _LONGEST if words[start] in self._firsts else 0
            for end in range(min(len(words), start + longest), start, -1):
                places = self._at(tuple(words[start:end]))
                if places:
                    found.extend((start, link) for link in places[: limit - len(found)])
                    free[start:end] = [False] * (end - start)
                    start = end - 1
                    break
            start += 1
        if self._vocabulary is not None and len(found) < limit:
            more = islice(self._forgiving(question, words, free), limit - len(found))
            found = sorted([*found, *more], key=lambda place: place[0])
        return tuple(dict.fromkeys(link for _, link in found))

    def _add(self, words: _Words, link: Link) -> None:
        self._firsts.add(words[0])
        known = self._places.get(words)
        self._size += 1
        if known is None:
            self._places[words] = link
        elif isinstance(known, Link):
            self._places[words] = [known, link]
        else:
            known.append(link)

    def _at(self, words: _Words) -> Sequence[Link]:
        places = self._places.get(words, ())
        return (places,) if isinstance(places, Link) else places

    def _fold(self) -> None:
        """Index the folded form of each value where it differs, and all folded words."""
        vocabulary: set[str] = set()
        for words in self._places:
            folded = _folded(words)
            vocabulary.update(folded)
            if folded != words and folded and not _says_nothing(folded):
                self._folded.setdefault(folded, []).append(words)
        self._vocabulary = Vocabulary(vocabulary)

    def _forgiving(
        self, question: str, words: Sequence[str], free: list[bool]
    ) -> Iterator[tuple[int, Link]]:
        """Links of words that are still free, with the place of the first word of each."""
        yield from self._respelt(question)
        folded = [fold(word) if free[i] else "" for i, word in enumerate(words)]
        # What was linked exactly ends an n-gram; a mark inside one is passed over.
        at = [i for i in range(len(words)) if folded[i] or not free[i]]
        like_names = _like_names(question, words)
        start = 0
        while start < len(at):
            for end in range(min(len(at), start + _LONGEST), start, -1):
                span = at[start:end]
                if all(free[i] for i in span) and (
                    places := self._meant([folded[i] for i in span], span[0] in like_names)
                ):
                    yield from ((span[0], link) for link in places)
                    start = end - 1
                    break
            start += 1

    def _meant(self, words: Sequence[str], is_name: bool) -> list[Link]:
        """The values that folded words may mean.

        A word by itself has to look like a name for a typing error in it to be forgiven, or any
        word could be taken for a surname that differs in a letter. Of several words one at least
        has to be spelled right.
        """
        assert self._vocabulary is not None
        if len(words) == 1 and (stem(words[0]) in self._names or _says_nothing(tuple(words))):
            return []
        known = self._vocabulary
        readings = [known.forms(word) for word in words]
        if len(words) > 1 and any(readings):
            readings = [r or known.meant(w, True) for w, r in zip(words, readings, strict=True)]
        elif len(words) == 1 and is_name:
            readings = [known.meant(words[0])]
        if not all(readings):
            return []
        found: list[Link] = []
        for reading in islice(product(*readings), _READINGS):
            if not _says_nothing(reading):
                found += self._at(reading)
                for original in self._folded.get(reading, ()):
                    found += self._at(original)
        return found

    def _respelt(self, question: str) -> Iterator[tuple[int, Link]]:
        for character, text in respelt(question):
            place = len(_WORD.findall(question[:character]))
            yield from ((place, link) for link in self._at((text,)))


def _like_names(question: str, words: Sequence[str]) -> set[int]:
    """Places of words that are capitalised inside the question or stand in quotes."""
    spelled = _WORD.findall(question)
    if len(spelled) != len(words):  # lower case changed what a word is
        return set()
    return {
        i
        for i in range(1, len(spelled))
        if spelled[i][0].isupper() or spelled[i - 1] in ("'", '"', "‘", "“")
    }


def _folded(words: _Words) -> _Words:
    return tuple(folded for word in words if (folded := fold(word)))


def _says_nothing(words: _Words) -> bool:
    if len(words) > 1:
        return False
    return words[0] in _TOO_COMMON or (len(words[0]) < 2 and not words[0].isdigit())
