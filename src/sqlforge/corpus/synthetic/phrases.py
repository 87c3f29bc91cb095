"""Small pieces of English: plurals, articles, lists, numbers and quoted values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlforge.core.records import SqlValue

# What follows one of these belongs to the noun before it: "date | of birth".
_AFTER_HEAD = frozenset(
    "of in per at for on to by with from under since that it until between as into a an".split()
)
_TRAILING = frozenset(
    "sold spent kept held worn drawn grown won lost made spoken taken given driven eaten written"
    " flown read paid met run built left".split()
)
# Words in "-ed" that are nouns, not participles trailing one ("units ordered").
_NOUNS_IN_ED = frozenset("speed breed seed feed bed shed need weed reed deed steed creed".split())
IRREGULAR_PLURALS = {
    "person": "people",
    "child": "children",
    "man": "men",
    "woman": "women",
    "species": "species",
    "series": "series",
    "diagnosis": "diagnoses",
    "analysis": "analyses",
    "basis": "bases",
    "foot": "feet",
    "shelf": "shelves",
    "leaf": "leaves",
    "half": "halves",
    "life": "lives",
    "crew": "crews",
}
_UNCOUNTED = frozenset(
    "equipment information staff software parking seating stock attendance turnover pay revenue"
    " income population mileage storage luggage baggage spending gender sex"
    " furniture".split()
)
_LIKE_A_CONSONANT = re.compile(r"(?:uni(?!n)|use|usu|usa|eu|one\b|once\b|ute|url\b|u-)", re.I)
_LIKE_A_VOWEL = re.compile(r"(?:hour|honest|honou?r|heir|x-ray|rsvp|mri\b|8|11\b|18\b)", re.I)
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def plural(phrase: str) -> str:
    """The plural of a noun phrase in the singular.

    >>> plural("date of birth"), plural("city"), plural("units sold"), plural("tax")
    ('dates of birth', 'cities', 'units sold', 'taxes')
    >>> plural("date first registered")
    'dates first registered'
    """
    tokens = phrase.split()
    head = _head(tokens)
    word = tokens[head]
    if word.isdigit() or len(word) == 1 or (len(tokens) == 1 and _trails(word)):
        return f"{phrase} values"  # "line 1", "killed": no noun that has a plural
    if not is_plural(phrase) and word not in _UNCOUNTED:
        tokens[head] = _plural_word(word)
    return " ".join(tokens)


def is_plural(phrase: str) -> bool:
    """Whether the phrase is a plural already and takes "are".

    >>> is_plural("units sold"), is_plural("number of seats"), is_plural("status")
    (True, False, False)
    """
    tokens = phrase.split()
    word = tokens[_head(tokens)].lower()
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "species", "series"))


def article(phrase: str) -> str:
    """``phrase`` with "a" or "an" before it; a plural or uncounted noun gets none.

    >>> article("age"), article("unit price"), article("units sold"), article("hourly wage")
    ('an age', 'a unit price', 'units sold', 'an hourly wage')
    """
    tokens = phrase.split()
    if is_plural(phrase) or tokens[_head(tokens)] in _UNCOUNTED:
        return phrase
    first = phrase.lower()
    vowel = first[0] in "aeiou" and not _LIKE_A_CONSONANT.match(first)
    return f"{'an' if vowel or _LIKE_A_VOWEL.match(first) else 'a'} {phrase}"


def listing(items: Sequence[str], word: str = "and") -> str:
    """Items as a sentence lists them.

    >>> listing(["name", "age", "city"])
    'name, age and city'
    """
    if len(items) == 1:
        return items[0]
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def sentence(text: str) -> str:
    """``text`` with its first letter in upper case and single spaces.

    >>> sentence("how many  cities ?")
    'How many cities?'
    """
    text = re.sub(r"\s+([?.,])", r"\1", re.sub(r"\s+", " ", text)).strip()
    return text[:1].upper() + text[1:]


def number_word(number: int) -> str:
    """Small numbers in letters.

    >>> number_word(3), number_word(25)
    ('three', '25')
    """
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def said(value: SqlValue) -> str:
    """A value as a question names it.

    >>> said("Paris"), said(4.0), said(2.5)
    ('Paris', '4', '2.5')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def literal(value: SqlValue) -> str:
    """A value as SQL writes it.

    >>> literal("O'Hara"), literal(4.0), literal(2.5)
    ("'O''Hara'", '4', '2.5')
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return said(value).upper() if isinstance(value, bool) else said(value)


def _head(tokens: Sequence[str]) -> int:
    """Index of the noun that carries number: the last one before a preposition or participle."""
    end = len(tokens)
    for index, token in enumerate(tokens):
        if index and token in _AFTER_HEAD:
            end = index
            break
    while end > 1 and _trails(tokens[end - 1]):
        end -= 1
        if end > 1 and tokens[end - 1] in ("first", "last"):  # "date | first registered"
            end -= 1
    return end - 1


def _trails(token: str) -> bool:
    return token in _TRAILING or (token.endswith("ed") and token not in _NOUNS_IN_ED)


def _plural_word(word: str) -> str:
    if word in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[word]
    if re.search(r"(?:s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"
