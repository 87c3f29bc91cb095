"""Values that question and SQL both name, replaced by made-up ones in both."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from sqlforge.core.names import words_of
from sqlforge.core.schema import Schema
from sqlforge.prompt.augment.scopes import is_string
from sqlforge.prompt.augment.sql_names import parse
from sqlforge.prompt.linking import Link

_ISO_DATE = re.compile(r"(\d{4})-\d{2}-\d{2}\Z")
_YEAR = re.compile(r"(?:19|20)\d{2}\Z")
_NUMBER = re.compile(r"\d+(?:\.\d+)?\Z")
_LITERAL = re.compile(r"'((?:[^']|'')*)'|(?<![\w.$])(\d+(?:\.\d+)?)(?![\w.])|\"((?:[^\"]|\"\")*)\"")
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.Between, exp.In)
_ONSETS = "b br c d dr f fl g gr h j k l m n p pl qu r s st t tr v w z".split()
_VOWELS = "a e i o u ai ea io".split()


@dataclass(frozen=True, slots=True)
class Masked:
    """A question and its SQL after masking, with the links that still hold."""

    question: str
    sql: str
    links: tuple[Link, ...]


def mask_values(
    question: str, sql: str, links: Sequence[Link], schema: Schema, rng: random.Random
) -> Masked:
    """Replace each value that is compared in ``sql`` and stands in ``question``.

    A value is a string or number that is an operand of a comparison, LIKE, BETWEEN or IN (``%``
    and ``_`` at the ends of a LIKE pattern aside). It is replaced if the question holds it as
    whole words, without regard to case, and if it is nowhere else in the SQL and no word of the
    schema: then both sides get the same new value. Strings become made-up words of the same
    number and capitals, numbers other numbers of as many digits, ISO dates other dates. Links to
    a replaced value follow it; links to a value that the question no longer holds are dropped.

    >>> masked = mask_values("Who is in Bath?", "SELECT name FROM t WHERE city = 'Bath'",
    ...                      [Link("t", "city", "Bath")], Schema(()), random.Random(5))
    >>> masked.sql.count(masked.links[0].value), masked.question.count(masked.links[0].value)
    (1, 1)
    """
    changed: dict[str, str] = {}
    for value in _maskable(question, sql, schema):
        new = _made_up(value, rng)
        if new not in changed.values() and not _whole(new).search(question):
            changed[value] = new
    if not changed:
        return Masked(question, sql, tuple(links))
    new_question = _in_question(question, changed)
    return Masked(new_question, _in_sql(sql, changed), _follow(links, changed, new_question))


def text_literals(sql: str, schema: Schema) -> list[str]:
    """The strings that a query compares something with, ``%`` at the ends of patterns aside.

    >>> text_literals("SELECT 1 FROM t WHERE a = 'x' AND b LIKE '%y%' AND c > 3", Schema(()))
    ['x', 'y']
    """
    tree = parse(sql, schema.dialect)
    found: dict[str, None] = {}
    for comparison in tree.find_all(*_COMPARISONS) if tree is not None else ():
        for operand in _operands(comparison):
            is_number = isinstance(operand, exp.Literal) and not operand.is_string
            if not is_number and (value := _literal(operand, sql, schema)):
                found[value] = None
    return list(found)


def _maskable(question: str, sql: str, schema: Schema) -> list[str]:
    tree = parse(sql, schema.dialect)
    if tree is None:
        return []
    compared: dict[str, int] = {}
    for comparison in tree.find_all(*_COMPARISONS):
        for operand in _operands(comparison):
            if value := _literal(operand, sql, schema):
                compared[value] = compared.get(value, 0) + 1
    written = [_core(match.group()) for match in _LITERAL.finditer(sql)]
    names = [name for t in schema.tables for name in (t.name, *(c.name for c in t.columns))]
    known = {word for name in names for word in words_of(name)}
    return [
        value
        for value, times in compared.items()
        if written.count(value) == times
        and value.lower() not in known
        and _whole(value).search(question)
        and not any(value != other and _whole(value).search(other) for other in compared)
    ]


def _operands(comparison: exp.Expr) -> list[exp.Expr]:
    if isinstance(comparison, exp.In):
        return list(comparison.expressions)
    if isinstance(comparison, exp.Between):
        return [comparison.args["low"], comparison.args["high"]]
    return [comparison.this, comparison.expression]


def _literal(node: exp.Expr, sql: str, schema: Schema) -> str | None:
    """The value of a literal, or of a double-quoted string, as the question would write it."""
    if isinstance(node, exp.Neg):
        node = node.this
    if isinstance(node, exp.Literal):
        return _core(f"'{node.this}'" if node.is_string else str(node.this))
    if isinstance(node, exp.Column) and is_string(node, sql, schema):
        return _core(f'"{node.name}"')
    return None


def _core(written: str) -> str:
    if written[:1] not in ("'", '"'):
        return written
    return written[1:-1].replace(written[0] * 2, written[0]).strip("%_ ")


def _whole(value: str) -> re.Pattern[str]:
    return re.compile(_whole_words(re.escape(value)), re.IGNORECASE)


def _whole_words(pattern: str) -> str:
    return rf"(?<![\w.])(?:{pattern})(?!\w|[.,]\d)"


def _in_question(question: str, changed: dict[str, str]) -> str:
    new = {old.lower(): made for old, made in changed.items()}
    either = "|".join(map(re.escape, sorted(changed, key=len, reverse=True)))
    return re.sub(
        _whole_words(either),
        lambda found: _as_cased(new[found.group().lower()], found.group()),
        question,
        flags=re.IGNORECASE,
    )


def _as_cased(new: str, found: str) -> str:
    if found.islower():
        return new.lower()
    return new.upper() if found.isupper() and len(found) > 1 else new


def _in_sql(sql: str, changed: dict[str, str]) -> str:
    def written(found: re.Match[str]) -> str:
        text, core = found.group(), _core(found.group())
        if core not in changed:
            return text
        quote = text[0] if text[0] in "'\"" else ""
        if not quote:
            return changed[core]
        old, new = (value.replace(quote, quote * 2) for value in (core, changed[core]))
        return text.replace(old, new, 1)

    return _LITERAL.sub(written, sql)


def _follow(links: Sequence[Link], changed: dict[str, str], question: str) -> tuple[Link, ...]:
    new_values = {old.lower(): new for old, new in changed.items()}
    followed = []
    for link in links:
        if new := new_values.get(link.value.lower()):
            followed.append(replace(link, value=new))
        elif _whole(link.value).search(question):
            followed.append(link)
    return tuple(followed)


def _made_up(value: str, rng: random.Random) -> str:
    if date := _ISO_DATE.match(value):
        year = int(date[1]) + rng.choice((-3, -2, -1, 1, 2, 3))
        return f"{year:04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    if _YEAR.match(value):
        return value[:2] + f"{(int(value[2:]) + rng.randint(1, 99)) % 100:02}"
    digits = re.sub(r"\d", lambda _: str(rng.randint(1, 9)), value)
    if _NUMBER.match(value) and digits == value:
        return digits[:-1] + str(int(digits[-1]) % 9 + 1)
    return re.sub(r"[^\W\d_]+", lambda word: _word(word.group(), rng), digits)


def _word(like: str, rng: random.Random) -> str:
    """A made-up word with the capitals of ``like`` and about its length."""
    word = ""
    while len(word) < max(2, min(len(like), 10)):
        word += rng.choice(_ONSETS) + rng.choice(_VOWELS)
    word += rng.choice(("", "n", "r", "l", "s"))
    return word.upper() if like.isupper() else word.capitalize() if like[0].isupper() else word
