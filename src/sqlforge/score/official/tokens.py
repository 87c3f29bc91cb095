"""Words of a query as the official evaluator sees them.

It cuts SQL with a tokenizer made for English prose (NLTK's ``word_tokenize``: Punkt sentences,
then Penn Treebank words) after it has put every quoted string out of the way. The rules below are
what remains of that for text without quotes; each has a consequence for which queries it reads.
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 50_000  # a longer text is no query, and would take long to read
_QUOTED = re.compile('"[^"]*"')
# A colon or comma stands alone, unless a digit follows: "a ,5" leaves the word ",5". The character
# after it is used up, so that of two commas in a row the second stays with the next word.
_COMMA = re.compile(r"([:,])(\D|\Z)")
# A full stop that ends a word ends a sentence too, and stands alone, at the end of the text or
# before white space or a mark.
_STOP = re.compile(r"(?<=[^\s.])\.(?=\s|\Z|[)\";}\]*:@'({\[!?])")
_NUMBER = re.compile(r"(?:\A|(?<=[\s(\[{<>!*]))-?[.,]?\d[\d,.-]*\Z")
_SMALL_NEXT = re.compile(r"\s+[a-z]")
# English contractions are undone.
_CONTRACTED = re.compile(
    r"\b(can)(not)\b|\b(gim|lem)(me)\b|\b(gon)(na)\b|\b(got)(ta)\b|\b(wan)(na)(?=\s)", re.IGNORECASE
)
_MARKS = ";@#$%&?!*()\\[\\]{}<>«»“”„‘’\u2012-\u2015"
_WORD = re.compile(
    rf"[{_MARKS}]|``?|--|\.\.+|(?:[^\s{_MARKS}`.-]|-(?!-)|(?<!\.)\.(?!\.))+",
)
_COMPARISONS = {"!": "!=", ">": ">=", "<": "<="}


class UnreadableError(ValueError):
    """The official evaluator cannot read the query."""


def tokenize(sql: str) -> list[str]:
    """The tokens of ``sql``, in lower case but for quoted strings, which keep theirs.

    Both kinds of quotes are the same to it, and a doubled quote ends one string and begins the
    next. A string is a token of its own only if nothing touches it. ``!=``, ``>=`` and ``<=`` are
    put together from two tokens, so that ``a != 1`` is read and ``a !=1``, ``a<>1`` and ``a=1``
    are not.

    Raises:
        UnreadableError: the number of quotes is odd, or the text is too long for a query.

    >>> tokenize("SELECT Name FROM t WHERE city = 'Oslo' AND age >= 3")
    ['select', 'name', 'from', 't', 'where', 'city', '=', '"Oslo"', 'and', 'age', '>=', '3']
    """
    if len(sql) > MAX_CHARACTERS:
        raise UnreadableError("too long")
    sql = sql.replace("'", '"')
    strings: dict[str, str] = {}
    if '"' in sql:
        if sql.count('"') % 2:
            raise UnreadableError("an odd number of quotes")

        def put_away(found: re.Match[str]) -> str:
            key = f"__val_{found.start()}_{found.end() - 1}__"
            strings[key] = found.group()
            return key

        sql = _QUOTED.sub(put_away, sql)
    words = [word.lower() for word in _words(sql)]
    if strings:
        words = [strings.get(word, word) for word in words]
    return _joined(words) if "=" in words else words


def _words(text: str) -> list[str]:
    if _CONTRACTED.search(text):
        text = _CONTRACTED.sub(_undone, text)
    if "," in text or ":" in text:
        text = _COMMA.sub(r" \1 \2", text)
    if "." in text:
        text = _STOP.sub(_alone, text)
    return _WORD.findall(text)


def _undone(found: re.Match[str]) -> str:
    return " ".join(["", *(part for part in found.groups() if part), ""])


def _alone(stop: re.Match[str]) -> str:
    """A full stop as a word, unless a number and a small letter are around it: ``3. and``."""
    text, start = stop.string, stop.start()
    before = text[max(0, start - 40) : start]
    if _SMALL_NEXT.match(text, stop.end()) and _NUMBER.search(before):
        return "."
    return " . "


def _joined(words: list[str]) -> list[str]:
    """Comparisons of two characters in one token, from the last to the first."""
    for place in reversed([i for i, word in enumerate(words) if word == "="]):
        if words[place - 1] in _COMPARISONS:
            words[place - 1 : place + 1] = [_COMPARISONS[words[place - 1]]]
    return words
