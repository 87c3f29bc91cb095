"""From a name as a database spells it to the words that people say.

``cust_addr_ln1`` is "customer address line 1": names are cut at underscores, blanks, changes of
case and digits; pieces without a joint are cut into known words; abbreviations are written out.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from sqlforge.corpus.own_database.abbreviations import COLUMN_MARKS, TABLE_MARKS
from sqlforge.corpus.own_database.vocabulary import known_words, shorthand
from sqlforge.corpus.synthetic.phrases import IRREGULAR_PLURALS, plural

_PIECE = re.compile(r"[^\W\d_]+|\d+(?:st|nd|rd|th)?(?![^\W\d_])|\d+")
_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2,})")
_ROW_TAILS = frozenset("table tbl view list data info information master details".split())
_VERBS = frozenset(
    "has have is lives works participates takes teaches plays belongs owns contains includes"
    " likes uses writes reads makes holds stays studies".split()
)
_UNITS = frozenset(
    "f c mph kmh km kg cm mm ft lb lbs oz mb gb kb ms usd eur gbp inches miles meters metres feet"
    " pounds billion billions million millions dollars euros grams tonnes tons degrees".split()
)
_PREPOSITIONS = frozenset("in on of to with by for at from".split())
_INITIALS = {"f": "first", "l": "last", "m": "middle"}
_SINGULAR = {many: one for one, many in IRREGULAR_PLURALS.items()}
_SAME = frozenset(
    "series species news status address business class bus process access progress campus census"
    " bonus analysis basis diagnosis address details headquarters gas virus corpus focus chassis"
    " canvas atlas lens boss loss pass mass glass grass cross press stress success physics politics"
    " statistics athletics economics mathematics savings earnings premises goods us plus minus bias"
    " staff data".split()
)


def words_of(name: str, *, known: Collection[str] = ()) -> list[str]:
    """The words in a column's or table's name, lower case, abbreviations written out.

    ``known`` adds words to cut at, such as the other names of the same database.

    >>> words_of("cust_addr_ln1"), words_of("unitPrice"), words_of("OrderQty2019")
    (['customer', 'address', 'line', '1'], ['unit', 'price'], ['order', 'quantity', '2019'])
    >>> words_of("creditlimit"), words_of("HTTPStatus"), words_of("stuid", known=("stu",))
    (['credit', 'limit'], ['http', 'status'], ['student', 'id'])
    """
    pieces = [piece for part in _CASE.sub(" ", name).split() for piece in _PIECE.findall(part)]
    found: list[str] = []
    for piece in (piece.lower() for piece in pieces):
        alone = len(pieces) == 1
        long = shorthand(piece, alone=alone)
        if long is not None:
            found += long.split()
            continue
        cut = segmented(piece, frozenset(known))
        for part in cut:
            found += ((shorthand(part, alone=False) if len(cut) > 1 else None) or part).split()
    return [word for i, word in enumerate(found) if i == 0 or word != found[i - 1]]


def pieces_of(name: str) -> list[str]:
    """The pieces of a name as they are spelled, lower case.

    >>> pieces_of("cust_addrLn1")
    ['cust', 'addr', 'ln', '1']
    """
    return [p.lower() for part in _CASE.sub(" ", name).split() for p in _PIECE.findall(part)]


@lru_cache(maxsize=8192)
def segmented(piece: str, known: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """A piece without a joint cut into known words, or as it is if that fails.

    The fewest words win; a tail "id", "no" or "num" counts as a word.

    >>> segmented("releasedate"), segmented("zyxxy"), segmented("customers")
    (('release', 'date'), ('zyxxy',), ('customers',))
    """
    words = known_words()
    if len(piece) < 5 and not (known and len(piece) > 3):
        return (piece,)
    if piece in words or singular(piece) in words or not piece.isascii() or not piece.isalpha():
        return (piece,)
    best: list[tuple[str, ...] | None] = [()] + [None] * len(piece)
    for end in range(2, len(piece) + 1):
        for start in range(max(0, end - 16), end - 1):
            before, word = best[start], piece[start:end]
            if before is None or not _stands(word, start, end == len(piece), words, known):
                continue
            if len(word) == len(piece):  # known from another name, so no word of its own
                continue
            current = best[end]
            if current is None or len(before) + 1 < len(current):
                best[end] = (*before, word)
    return best[-1] or (piece,)


def _stands(
    word: str, start: int, last: bool, words: frozenset[str], known: frozenset[str]
) -> bool:
    if start and last and word in ("id", "no", "num", "nr", "cd", "dt"):
        return True
    if len(word) < 3:
        return False
    if word in words or word in known or (last and singular(word) in words):
        return True
    return not start and len(word) >= 3 and word in ("dept", "cust", "emp", "stu", "prod", "acct")


def singular(word: str) -> str:
    """The singular of one English noun; a word that is one already stays.

    >>> [singular(w) for w in ("cities", "boxes", "people", "status", "houses", "series")]
    ['city', 'box', 'person', 'status', 'house', 'series']
    """
    if word in _SINGULAR:
        return _SINGULAR[word]
    if (
        word in _SAME
        or not word.endswith("s")
        or word.endswith(("ss", "us", "is"))
        or len(word) < 4
    ):
        return word
    if word.endswith("ies") and word not in ("movies", "cookies", "ties", "zombies"):
        return word[:-3] + "y"
    if re.search(r"(?:ch|sh|x|ss|zz)es$", word):
        return word[:-2]
    if word.endswith(("uses", "ases")) and word[:-2] in ("bus", "gas", "status", "campus", "virus"):
        return word[:-2]
    return word[:-1]


def row_words(table: str, *, known: Collection[str] = ()) -> tuple[str, str]:
    """What one row and many rows of a table are called.

    >>> row_words("tblOrderItems"), row_words("people"), row_words("Ref_Template_Types")
    (('order item', 'order items'), ('person', 'people'), ('template type', 'template types'))
    """
    words = words_of(table, known=known)
    pieces = pieces_of(table)
    if len(words) > 1 and pieces[0] in TABLE_MARKS:
        words = words_of("_".join(pieces[1:]), known=known) or words
    if len(words) > 1 and words[-1] in _ROW_TAILS:
        words = words[:-1]
    if not any(len(word) > 1 and not word.isdigit() for word in words):
        return "row", "rows"  # table_2_10773616_4 says nothing about what it holds
    words = _as_record(words)
    one = " ".join([*words[:-1], singular(words[-1])])
    return one, plural(one)


def _as_record(words: list[str]) -> list[str]:
    """``Has_Pet`` and ``Lives_in`` are relations: a row is the record of one."""
    if words[0] in ("has", "have") and len(words) > 1:
        return [*words[1:], "record"]
    if len(words) > 1 and words[-1] in _PREPOSITIONS:
        return [*words[:-2], "-".join(words[-2:]), "record"]
    return [*words, "record"] if words[0] in _VERBS else words


def column_words(
    column: str, row: str, table: str, *, known: Collection[str] = (), strip: str = ""
) -> tuple[str, ...]:
    """What a column is called, the plainest first; ``row`` is what one row of its table is.

    A prefix that repeats the table is left out of the plainest: ``dog_name`` of ``dogs`` is its
    "name". ``strip`` is a prefix that all columns of the table share.

    >>> column_words("dog_name", "dog", "dogs"), column_words("cust_addr_ln1", "order", "orders")
    (('name', 'dog name'), ('customer address line 1',))
    """
    name = column[len(strip) :] if strip and column.lower().startswith(strip) else column
    if name[:1].lower() == table[:1].lower() and _is_lettered(name.lower()):
        name = name[1:]
    words = words_of(name, known=known)
    if len(words) > 1 and words[0] in COLUMN_MARKS:
        words = words[1:]
    if len(words) > 1 and words[-1] in ("yn", "flag", "indicator", "is"):
        words = words[:-1]
    words = _without_initials(_in_units(words))
    if len(words) == 2 and words[1] == "name" and words[0] in _INITIALS:
        words = [_INITIALS[words[0]], "name"]
    if not words:
        return (column,)
    full = " ".join(words)
    short = _without(words, [row.split(), row.split()[-1:], words_of(table, known=known)])
    return tuple(dict.fromkeys([" ".join(short), full])) if short else (full,)


def _without_initials(words: list[str]) -> list[str]:
    """ "pay per view ppv" says the same twice."""
    is_told = len(words) > 2 and words[-1] == "".join(word[0] for word in words[:-1])
    return words[:-1] if is_told else words


def _in_units(words: list[str]) -> list[str]:
    """ "wind speed mph" is a wind speed in mph."""
    if len(words) > 1 and words[-1] in _UNITS and words[-2] not in ("in", "of", "per", "line"):
        return [*words[:-1], "in", words[-1]]
    return words


def _is_lettered(name: str) -> bool:
    """Whether a known word follows one letter: ``dname`` of a department."""
    words = known_words()
    return name not in words and name[1:] in words and len(name) > 4


def _without(words: list[str], prefixes: list[list[str]]) -> list[str]:
    for prefix in prefixes:
        rest = words[len(prefix) :]
        if rest and words[: len(prefix)] == prefix and not rest[0].isdigit() and rest[0] != "of":
            return rest
    return []
