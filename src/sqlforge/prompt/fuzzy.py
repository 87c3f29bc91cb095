"""Words that mean the same value although they are spelled otherwise.

Three reasons are looked for: another form of the word (plural, possessive, accents), a typing
error, and another way to write a date or a number. Synonyms are not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATES = (  # as people write them; groups are told by name
    re.compile(rf"\b(?P<m>{_MONTH})\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})\b"),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m>{_MONTH}),?\s+(?P<y>\d{{4}})\b"
    ),
    re.compile(r"\b(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})\b"),
    re.compile(r"\b(?P<d>\d{1,2})[./](?P<m>\d{1,2})[./](?P<y>\d{4})\b"),
    re.compile(r"\b(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})\b"),
)
_THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])", re.ASCII)
_LEAST = 6  # letters of a word in which one typing error is forgiven; of twice as many, two
_LEAST_BESIDE = 4  # letters of one beside other words of the same value
_CROWDED = 10_000  # words of one first letter and length: more are not compared with a misspelt one
_MOST = 3  # vocabulary words that one misspelt word may stand for


def fold(word: str) -> str:
    """A lower-case word without accents and possessive; a mark becomes nothing.

    >>> [fold(word) for word in ("zoë's", "são", "o'neil", ".")]
    ['zoe', 'sao', "o'neil", '']
    """
    if word.isascii():
        plain = word
    else:
        plain = unicodedata.normalize("NFKD", word.replace("’", "'"))
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain.removesuffix("'s")
    return plain if any(map(str.isalnum, plain)) else ""


def stem(word: str) -> str:
    """A folded word without the ending of its plural.

    >>> [stem(word) for word in ("dogs", "parties", "boxes", "glass", "bus", "1990s")]
    ['dog', 'party', 'box', 'glass', 'bus', '1990s']
    """
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def respelt(question: str) -> Iterator[tuple[int, str]]:
    """Dates in a question as ``YYYY-MM-DD`` and numbers without thousands separators.

    Each comes with the character at which it begins; of ``3/4/2020`` both readings come.

    >>> list(respelt("Who came on March 5th, 2010 with 1,000 others?"))
    [(33, '1000'), (12, '2010-03-05')]
    """
    for number in _THOUSANDS.finditer(question):
        yield number.start(), number.group().replace(",", "")
    lowered = question.lower()
    for pattern in _DATES:
        for found in pattern.finditer(lowered):
            month = found["m"]
            at = int(month) if month.isdigit() else _MONTHS.index(month[:3]) + 1
            if 1 <= at <= 12 and 1 <= int(found["d"]) <= 31:
                yield found.start(), f"{int(found['y']):04}-{at:02}-{int(found['d']):02}"


class Vocabulary:
    """The words of a database's values, found again through plurals and typing errors.

    Args:
        words: folded, in any order.

    >>> known = Vocabulary(["california", "defender", "bath"])
    >>> known.meant("defenders"), known.meant("califronia"), known.meant("baht")
    (('defender',), ('california',), ())
    >>> known.meant("baht", beside=True)
    ('bath',)
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = frozenset(words)
        self._stems: dict[str, str | list[str]] = {}
        self._buckets: dict[tuple[str, int], list[str]] = {}
        for word in sorted(self._words):
            if not word.isalpha():
                continue
            root = stem(word)
            if root != word or root in self._stems:
                self._add_stem(root, word)
            if len(word) >= _LEAST_BESIDE - 1:
                self._buckets.setdefault((word[0], len(word)), []).append(word)
        self.meant = lru_cache(maxsize=4096)(self._meant)

    def __contains__(self, word: str) -> bool:
        return word in self._words

    def _add_stem(self, root: str, word: str) -> None:
        others = self._stems.get(root, [])
        self._stems[root] = [*([others] if isinstance(others, str) else others), word]

    def _meant(self, word: str, beside: bool = False) -> tuple[str, ...]:
        """The vocabulary's words that a folded word may stand for, itself first.

        ``beside`` says that other words of the same value are sought beside it.
        """
        return self.forms(word) or self._misspelt(word, _LEAST_BESIDE if beside else _LEAST)

    def forms(self, word: str) -> tuple[str, ...]:
        """The vocabulary's words that are ``word`` in singular or plural, itself first."""
        root = stem(word)
        others = self._stems.get(root, [])
        forms = [word, root, *([others] if isinstance(others, str) else others)]
        return tuple(dict.fromkeys(form for form in forms if form in self._words))

    def _misspelt(self, word: str, least: int) -> tuple[str, ...]:
        """Words with the same first letter at a distance of one or, if they are long, two."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        if len(word) < least or not word.isalpha():
            return ()
        allowed = 1 if len(word) < 2 * _LEAST else 2
        near: list[tuple[int, str]] = []
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            bucket = self._buckets.get((word[0], length), ())
            if len(bucket) > _CROWDED:
                continue
            for other, distance, _ in process.extract(
                word, bucket, scorer=OSA.distance, score_cutoff=allowed, limit=_MOST
            ):
                near.append((int(distance), other))
        best = min(near, default=(0, ""))[0]
        return tuple(other for distance, other in sorted(near) if distance == best)[:_MOST]
