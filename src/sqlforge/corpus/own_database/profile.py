"""What a column holds, found out from its name, its declared type and a sample of its values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlforge.core.records import SqlValue
from sqlforge.core.schema import Column
from sqlforge.corpus.own_database.phrasing import is_person
from sqlforge.corpus.own_database.vocabulary import known_words
from sqlforge.corpus.synthetic.domain import Role
from sqlforge.corpus.synthetic.view import ColumnFacts

_DATE = re.compile(r"[12]\d{3}-(?:0\d|1[0-2])-[0-3]\d(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?\Z")
_NUMERIC = re.compile(r"[-+]?\d+(?:\.\d+)?\Z")
_BLANK = frozenset(
    ("", "null", "none", "nil", "n/a", "na", "nan", "-", "--", "?", "unknown", "\\n")
)
_YES_NO = ({"yes", "no"}, {"y", "n"}, {"t", "f"}, {"true", "false"}, {"1", "0"})
# Endings of names whose numbers identify or locate and are not amounts.
_CODES = frozenset(
    "id code key number uuid guid ssn isbn issn sku barcode phone fax telephone mobile zip postal"
    " iban bic vin ean upc uid hash url link homepage website filename file path ip imo"
    " major".split()
)
_TAILS_OF_PHONES = frozenset("phone fax telephone mobile cell".split())
_YEARS = frozenset(
    "year founded opened established built opening founding season openning launched debut creation"
    " elected appointed joined released published completed constructed".split()
)
_FLAGS = re.compile(
    r"^(?:is|has|was|can|did|does|are|should|allow|use)(?:_|(?=[A-Z]))|(?:_yn|flag|_ind)$", re.I
)
_MONEY = frozenset(
    "price cost salary wage wages fee fees amount budget revenue balance income profit earnings"
    " payment charge tax discount sales worth turnover expense expenses spending bonus debt gnp gdp"
    " dollars euros usd eur loan deposit rent pay commission value".split()
)
_ADDED = frozenset(
    "quantity amount total count sales revenue population attendance points goals hours minutes"
    " seconds cost salary budget fee fees payment charge tax profit income earnings votes killed"
    " injured enrollment capacity area balance stock units visitors passengers employees students"
    " members wins losses deaths births bytes milliseconds credits expenses deposit loan debt"
    " downloads views orders discount bonus shares medals distance duration".split()
)
_RANKED = frozenset(
    "rank ranking position order sequence level grade round week month day hour season episode"
    " stage floor seed lap version priority class draw quarter century decade number line step"
    " chapter place page longitude latitude index minute second".split()
)
_SPOKEN = 300  # values of a column that questions draw from
_MEASURED = frozenset(
    "weight height elevation length width size score power depth speed age".split()
)
_YEAR = re.compile(r"(?:1[0-9]|20)\d\d\Z")
_LONG = 60  # characters: a longer text is quoted by nobody


@dataclass(frozen=True, slots=True)
class Profile:
    """What a column is good for: its role, its aggregates and the facts about its values."""

    role: Role
    facts: ColumnFacts
    functions: tuple[str, ...] = ()


def profile(
    column: Column,
    words: Sequence[str],
    values: Sequence[SqlValue],
    *,
    complete: bool,
) -> Profile | None:
    """The profile of one column; ``None`` if no value of it was seen.

    ``words`` are those of its name, ``values`` the sampled ones with NULL, ``complete`` says that
    they are all there are.

    >>> ages = profile(Column("age", "INTEGER"), ["age"], [31, 45, 31, 22], complete=True)
    >>> ages.role, ages.functions
    ('number', ('AVG', 'AVG', 'MAX', 'MIN'))
    """
    present = [value for value in values if value is not None and not isinstance(value, bytes)]
    said = [value for value in present if not _is_blank(value)]
    if not said:
        return None
    role, functions = _role(column, list(words), said, complete)
    usable = tuple(_rounded(value) for value in said if _may_be_named(value))
    if role == "text":
        usable = tuple(value for value in said if isinstance(value, str) and "\n" not in value)
    folded = {str(value).lower() for value in present}
    unique = len(folded) == len(present) and (complete or column.primary_key)
    facts = ColumnFacts(_thinned(usable), len(said) < len(values), unique)
    return Profile(role, facts, functions)


def _thinned(values: tuple[SqlValue, ...]) -> tuple[SqlValue, ...]:
    """Evenly spaced values: questions need some, and the grammar looks through them often."""
    return values[:: max(1, len(values) // _SPOKEN)]


def _role(
    column: Column, words: list[str], said: Sequence[SqlValue], complete: bool
) -> tuple[Role, tuple[str, ...]]:
    texts = [value for value in said if isinstance(value, str)]
    different = len({str(value) for value in said})
    if _is_flag(column, said):
        return "flag", ()
    if texts and len(texts) < len(said) and len(texts) > 0.02 * len(said):
        return "code", ()  # numbers and texts mixed: neither ordered nor added up
    if not texts:
        return _of_numbers(column, words, said, different)
    if sum(_DATE.match(text) is not None for text in texts) >= 0.98 * len(texts):
        return "date", ()
    if all(_NUMERIC.match(text) for text in texts):
        if _is_year(words, texts):
            return "year", ()
        if (
            complete
            and different > 2
            and "name" not in words
            and _ordered_as_numbers(texts)
            and not _names_a_code(column, words, texts)
        ):
            return "number", ("MAX", "MIN")
        few = different <= 20 and different * 3 <= len(texts)
        return ("category" if few else "code"), ()
    return _of_texts(words, texts, different), ()


def _ordered_as_numbers(texts: Sequence[str]) -> bool:
    """Whether the database, which compares texts, orders these as their numbers: of one form."""
    forms = {(len(text), text.find(".")) for text in texts}
    return len(forms) == 1 and not any(text.startswith(("-", "+")) for text in texts)


def _of_numbers(
    column: Column, words: list[str], said: Sequence[SqlValue], different: int
) -> tuple[Role, tuple[str, ...]]:
    tail = words[-1] if words else ""
    if _is_year(words, said):
        return "year", ()
    if _names_a_code(column, words, said):
        few = different <= 12 and different * 5 <= len(said)
        return ("category" if few else "code"), ()
    if {"rank", "ranking", *_RANKED} & {tail, *words[:1]} and not _counts(words):
        return "number", ("MAX", "MIN")
    if _counts(words) or _ADDED & set(words):
        return ("money" if _MONEY & set(words) else "number"), ()
    if different <= 2 and len(said) > 10:
        return "category", ()
    return ("money" if _MONEY & set(words) else "number"), ("AVG", "AVG", "MAX", "MIN")


def _of_texts(words: list[str], texts: Sequence[str], different: int) -> Role:
    longest = sorted(len(text) for text in texts)[len(texts) * 9 // 10]
    if longest > _LONG or any("\n" in text for text in texts[:50]):
        return "text"
    average = sum(map(len, texts)) / len(texts)
    if average > 35 and not {"name", "title"} & set(words):
        return "text"
    few = different <= max(2, min(60, len(texts) // 2))
    if few:
        return "category"
    tail = words[-1] if words else ""
    opaque = sum(" " not in t and any(c.isdigit() for c in t) for t in texts) > 0.8 * len(texts)
    return "code" if tail in _CODES or opaque or _TAILS_OF_PHONES & set(words) else "name"


def _names_a_code(column: Column, words: Sequence[str], said: Sequence[SqlValue]) -> bool:
    """Whether the numbers identify something: by the name, or because they all look so."""
    tail = words[-1] if words else ""
    if _counts(words):
        return False
    if is_person(tail):  # "advisor": the number of one, not how many
        return True
    if tail in _CODES or _TAILS_OF_PHONES & set(words):
        return True
    if tail not in known_words() and re.search(r"(?:id|ssn|num|no|nbr|code)$", column.name, re.I):
        return True
    digits = {len(str(value)) for value in said}
    large = len(digits) == 1 and min(digits) >= 5 and len(set(said)) == len(said) > 3
    return large and not (_MONEY | _ADDED) & set(words) and all(str(v).isdigit() for v in said)


def _counts(words: Sequence[str]) -> bool:
    """ "number of seats", "total employees": a number of things, not a number on a thing."""
    return len(words) > 1 and words[0] in ("number", "total", "count")


def _is_year(words: Sequence[str], said: Sequence[SqlValue]) -> bool:
    """Whether the numbers are years: by the name, or because all of them look so."""
    texts = [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in said]
    if not all(_YEAR.match(text) for text in texts):
        return False
    if _YEARS & set(words):
        return True
    recent = all("1800" <= text <= "2035" for text in texts) and len(set(texts)) > 3
    return recent and not (_MONEY | _ADDED | _MEASURED | _CODES | _RANKED) & set(words)


def _is_flag(column: Column, said: Sequence[SqlValue]) -> bool:
    seen = {str(value).strip().lower() for value in said}
    if all(isinstance(value, bool) for value in said):
        return True
    declared = re.search(r"bool|\bbit\b|tinyint\(1\)", column.type, re.I) is not None
    for pair in _YES_NO:
        if seen <= pair:
            hinted = declared or _FLAGS.search(column.name) is not None
            return hinted or (pair in _YES_NO[:2] and seen == pair) or pair == _YES_NO[3]
    return False


def _is_blank(value: SqlValue) -> bool:
    return isinstance(value, str) and value.strip().lower() in _BLANK


def _may_be_named(value: SqlValue) -> bool:
    """Whether a question can quote the value as it stands."""
    if not isinstance(value, str):
        return True
    if not 0 < len(value) <= _LONG or value != value.strip() or "  " in value:
        return False
    return value.isprintable() and "\ufffd" not in value and '"' not in value


def _rounded(value: SqlValue) -> SqlValue:
    """A number as people would write it: no more than four figures behind the point."""
    if isinstance(value, float) and not value.is_integer():
        return round(value, 2) if abs(value) >= 1 else float(f"{value:.3g}")
    return value
