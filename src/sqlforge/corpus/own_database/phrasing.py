"""Turns of speech that depend on what a column is called: superlatives, yes and no, verbs."""

from __future__ import annotations

from sqlforge.corpus.own_database.words import singular, words_of
from sqlforge.corpus.synthetic.phrases import article, is_plural, plural

_ADJECTIVES: dict[str, tuple[str, str]] = {
    "age": ("oldest", "youngest"),
    "birth date": ("youngest", "oldest"),
    "date of birth": ("youngest", "oldest"),
    "birthday": ("youngest", "oldest"),
    "price": ("most expensive", "cheapest"),
    "unit price": ("most expensive", "cheapest"),
    "product price": ("most expensive", "cheapest"),
    "height": ("tallest", "shortest"),
    "weight": ("heaviest", "lightest"),
    "length": ("longest", "shortest"),
    "duration": ("longest", "shortest"),
    "population": ("most populous", "least populous"),
    "salary": ("best paid", "worst paid"),
    "area": ("largest", "smallest"),
    "surface area": ("largest", "smallest"),
    "rating": ("best rated", "worst rated"),
    "year built": ("newest", "oldest"),
    "top speed": ("fastest", "slowest"),
}
_PEOPLE = frozenset(
    "person people student teacher employee customer client worker member user author doctor"
    " nurse patient player coach driver owner professor instructor actor director singer manager"
    " staff guest visitor host candidate athlete swimmer wrestler gymnast artist musician writer"
    " editor journalist entrepreneur investor resident tenant agent engineer scientist pilot"
    " captain judge reviewer voter friend child parent physician professional individual"
    " participant contestant advisor adviser mentor supervisor referee umpire perpetrator victim"
    " passenger donor lawyer official president minister governor".split()
)
_PARTICIPLES = frozenset(
    "paid sent born built sold bought left begun made won lost taken given held read seen".split()
)
# Their plural is a value each, not how many there are.
_VALUES = frozenset(
    "score rating rank ranking grade percentage rate size weight height length temperature average"
    " result degree price value level".split()
)
_DOERS = {
    "written": "writer", "directed": "director", "produced": "producer", "organized": "organizer",
    "organised": "organiser", "created": "creator", "published": "publisher", "owned": "owner",
    "managed": "manager", "hosted": "host", "sponsored": "sponsor", "designed": "designer",
    "built": "builder", "sung": "singer", "taught": "teacher", "sold": "seller", "made": "maker",
    "composed": "composer", "painted": "painter", "founded": "founder", "invented": "inventor",
}  # fmt: skip
_NO_NOUNS = frozenset(
    "jan feb mar apr may jun jul aug sep oct nov dec january february march april june july august"
    " september october november december lowest highest total average mean minimum maximum white"
    " black asian hispanic multiracial old new large small low high male female first second third"
    " lost won drawn".split()
)
_TIMES = frozenset(
    "date day time datetime timestamp birthday birthdate deadline expiry born year month week start"
    " end moment".split()
)
_BARE_FLAGS = ("is", "was", "are", "if")
_HAVING = ("has", "have", "with")


def adjectives(word: str) -> tuple[str, str] | None:
    """The superlatives for most and least of a column, where people use some.

    >>> adjectives("age"), adjectives("horsepower")
    (('oldest', 'youngest'), None)
    """
    return _ADJECTIVES.get(word)


def is_person(noun: str) -> bool:
    """Whether rows of that name are people.

    >>> is_person("sales employee"), is_person("invoice")
    (True, False)
    """
    return noun.split()[-1] in _PEOPLE


def saying(column: str, word: str) -> tuple[str, str]:
    """How a question says yes and no of a column, following a noun of either number.

    >>> saying("is_active", "is active"), saying("has_garden", "has garden")
    (('marked as active', 'not marked as active'), ('with a garden', 'without a garden'))
    """
    pieces = words_of(column)
    while len(pieces) > 1 and pieces[-1] in ("yn", "flag", "indicator"):
        pieces = pieces[:-1]
    rest = " ".join(pieces[1:])
    if len(pieces) > 1 and pieces[0] in _HAVING:
        thing = rest if is_plural(rest) else article(rest)
        return f"with {thing}", f"without {thing}"
    is_bare = len(pieces) > 1 and pieces[0] in _BARE_FLAGS
    said = rest if is_bare else word.removesuffix(" flag")
    return f"marked as {said}", f"not marked as {said}"


def dated(word: str) -> str:
    """A date as a noun phrase: a participle follows "date".

    >>> dated("placed at"), dated("shipped"), dated("release date"), dated("last updated")
    ('date placed', 'date shipped', 'release date', 'date last updated')
    >>> dated("date valid from"), dated("first order")
    ('valid start date', 'first order date')
    """
    words = word.split()
    if len(words) > 1 and words[-1] in ("at", "on"):
        words = words[:-1]
    if len(words) > 2 and words[0] == "date" and words[-1] in ("from", "to"):
        return " ".join([*words[1:-1], "start" if words[-1] == "from" else "end", "date"])
    if words[-1].endswith("ed") or words[-1] in _PARTICIPLES:
        words = ["date", *words] if words[0] != "date" else words
    has_time = any(w in _TIMES or w.endswith(("date", "time", "day")) for w in words)
    return " ".join(words if has_time else [*words, "date"])


def by_whom(word: str) -> str:
    """Who did it, as a noun.

    >>> by_whom("written by"), by_whom("checked by"), by_whom("city")
    ('writer', 'checked-by entry', 'city')
    """
    words = word.split()
    if len(words) < 2 or words[-1] != "by":
        return word
    doer = _DOERS.get(words[-2])
    return " ".join([*words[:-2], doer if doer else f"{words[-2]}-by entry"])


def in_years(word: str) -> str:
    """A year as a noun phrase.

    >>> in_years("founded"), in_years("birth year"), in_years("creation")
    ('year founded', 'birth year', 'creation year')
    """
    words = word.split()
    if "year" in words:
        return word
    leads = words[-1].endswith("ed") or words[-1] in _PARTICIPLES
    return " ".join(["year", *words] if leads else [*words, "year"])


def counted(word: str, row: str, *, is_money: bool) -> str:
    """A number as a noun phrase: of things, where it is called after them.

    >>> counted("seats", "hall", is_money=False), counted("injured", "accident", is_money=False)
    ('number of seats', 'number of injured')
    >>> counted("jan", "temperature", is_money=False), counted("sales", "shop", is_money=True)
    ('jan value', 'sales')
    """
    words = word.split()
    if len(words) == 1 and not is_money:
        if word.endswith("ed"):
            return f"number of {word}"
        if singular(word) in _VALUES:
            return singular(word)
        if is_plural(word) or word in (row, row.split()[-1]):
            return f"number of {word if is_plural(word) else plural(word)}"
    return f"{word} value" if word in _NO_NOUNS else word


def flagged(word: str) -> str:
    """What a column of yes and no is called as a thing.

    >>> flagged("is active"), flagged("has garden"), flagged("abandoned")
    ('active flag', 'garden flag', 'abandoned flag')
    """
    words = word.split()
    if len(words) > 1 and words[0] in (*_BARE_FLAGS, *_HAVING):
        words = words[1:]
    return " ".join([*words, "flag"])


def verb(column: str, parent: str, *, several: bool) -> str:
    """How a row relates to the row it refers to, where nobody has said it.

    ``several`` says that the table refers to the same parent more than once, so that the column
    has to be named.

    >>> verb("sold by", "staff", several=False)
    'sold by'
    >>> verb("source airport", "airport", several=True), verb("owner id", "owner", several=False)
    ('whose source airport is', 'belonging to')
    """
    if " " in column and column.split()[-1] in ("by", "to", "from", "for", "in", "at", "with"):
        return column  # an order "sold by" somebody
    thing = " ".join(w for w in column.split() if w not in ("id", "code", "key", "number"))
    if several or (thing and thing.split()[-1:] != parent.split()[-1:] and " " in thing):
        return f"whose {thing or column} is"
    return "belonging to"
