"""The ways to limit one column: equality, order, ranges, patterns, lists and missing values."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from sqlforge.core.records import SqlValue
from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.condition import ALIAS, Asked, Condition
from sqlforge.corpus.synthetic.phrases import article, is_plural, listing, literal, said

DAY = len("2020-12-31")
_TITLED = re.compile(r"(?<!first )(?<!last )(?<!middle )(?<!user )\b(name|title)$")
_MORE = ("above", "greater than", "more than", "over", "higher than")
_LESS = ("below", "less than", "under", "lower than")
_COMPARE = {
    ">": _MORE,
    "<": _LESS,
    ">=": ("at least", "no less than"),
    "<=": ("at most", "no more than", "not more than"),
}
_WHEN = {
    ">": ("after", "later than"),
    "<": ("before", "earlier than"),
    ">=": ("on or after",),
    "<=": ("on or before",),
}
_WHICH_YEAR = {
    ">": ("after", "later than"),
    "<": ("before", "earlier than"),
    ">=": ("no earlier than",),
    "<=": ("no later than",),
}
_LIKE = {
    "starts": (("start with", "begin with"), ("starting with", "beginning with")),
    "contains": (("contain", "include"), ("containing", "that contains")),
    "ends": (("end with", "end in"), ("ending with", "ending in")),
}


def spelled(value: SqlValue, rng: random.Random) -> str:
    """The value as the question shows it: bare, or now and then in quotation marks."""
    text = said(value)
    if isinstance(value, str) and not value[:1].isdigit() and rng.random() < 0.2:
        return f'"{text}"'
    return text


def _equal(asked: Asked) -> Condition:
    word, rng = asked.word, asked.rng
    value = rng.choice(asked.values)
    if asked.column.saying:
        return _marked(asked, value, asked.column.saying)
    shown = spelled(value, rng)
    naming = None
    if isinstance(value, str):
        if asked.column.role == "category" and len(value) > 3 and rng.random() < 0.05:
            shown = shown.lower()  # people type so; the query needs the stored spelling
        if asked.column.role == "flag":
            owned = f"{shown} for the {word}"
        else:
            owned = rng.choice((f"the {word} {shown}", f"{shown} as the {word}"))
        kind = _TITLED.search(word) if asked.labels else None
        if kind:
            names = {"name": ("named", "called"), "title": ("titled",)}[kind.group(1)]
            naming = f"{rng.choice(names)} {shown}"
    else:
        shown = _measured(asked, value)
        owned = f"{asked.owned} of {shown}"
    return asked.condition(f"= {literal(value)}", f"{asked.verb} {shown}", owned, naming)


def _marked(asked: Asked, value: SqlValue, saying: tuple[str, str]) -> Condition:
    """A yes or no, said as people say it: "marked as active", "without a garage"."""
    yes = value is True or str(value).lower() in ("1", "y", "yes", "t", "true")
    shown = ("yes", "true") if yes else ("no", "false")
    said_so = asked.rng.choice(shown)
    return replace(
        asked.condition(
            f"= {literal(value)}", f"{asked.verb} {said_so}", f"{asked.owned} of {said_so}"
        ),
        joined=saying[0 if yes else 1] if asked.rng.random() < 0.75 else None,
    )


def _differ(asked: Asked) -> Condition:
    value = asked.rng.choice(asked.values)
    shown = spelled(value, asked.rng)
    predicate = f"{asked.verb} {asked.rng.choice(('not', 'anything but'))} {shown}"
    return asked.condition(f"!= {literal(value)}", predicate, f"{asked.owned} other than {shown}")


def _starts(asked: Asked) -> Condition:
    text = str(asked.rng.choice(asked.values))
    first = re.match(r"[A-Za-z]{3,}(?= )", text)
    part = first.group() if first and asked.rng.random() < 0.4 else text[: _letters(asked.rng)]
    return _like(asked, "starts", part, "{}%")


def _ends(asked: Asked) -> Condition:
    text = str(asked.rng.choice(asked.values))
    last = re.search(r"(?<= )[A-Za-z]{3,}$", text)
    part = last.group() if last and asked.rng.random() < 0.4 else text[-_letters(asked.rng) :]
    return _like(asked, "ends", part, "%{}")


def _contains(asked: Asked) -> Condition:
    text, rng = str(asked.rng.choice(asked.values)), asked.rng
    words: list[str] = re.findall(r"[A-Za-z]{3,}", text) or [text]
    part = rng.choice(words)
    if len(part) >= 5 and rng.random() < 0.5:
        start = rng.randrange(len(part) - 3)
        part = part[start : start + 3].lower()
    return _like(asked, "contains", part, "%{}%")


def _letters(rng: random.Random) -> int:
    return rng.choice((1, 2, 3))


def _like(asked: Asked, where: str, part: str, pattern: str) -> Condition:
    part = part.strip(" %_") or str(asked.values[0])  # wildcards would match what nobody asked for
    shown = asked.rng.choice((f'"{part}"', f'"{part}"', f"'{part}'"))
    verbs, participles = _LIKE[where]
    verb, _, rest = asked.rng.choice(verbs).partition(" ")
    predicate = f"{verb if is_plural(asked.word) else verb + 's'} {rest}".strip()
    owned = f"{asked.owned} {asked.rng.choice(participles)}"
    comparison = f"LIKE {literal(pattern.format(part))}"
    return asked.condition(comparison, f"{predicate} {shown}", f"{owned} {shown}")


def _either(asked: Asked) -> Condition:
    first, second = asked.several(2)
    column = f"{ALIAS}{name(asked.column.name)}"
    shown = f"{said(first)} or {said(second)}"
    return Condition(
        columns=(asked.column.name,),
        template=f"{column} = {literal(first)} OR {column} = {literal(second)}",
        word=asked.word,
        predicate=f"{asked.verb} {asked.rng.choice(('', 'either '))}{shown}",
        owned=f"{shown} as the {asked.word}",
    )


def _among(asked: Asked) -> Condition:
    values = asked.several(asked.rng.choice((2, 3, 3)))
    texts = [said(value) for value in values]
    inside = ", ".join(literal(value) for value in values)
    listed, lined = listing(texts, "or"), listing(texts, "and")
    how = asked.rng.choice((f"one of {listed}", f"among {lined}"))
    owned = f"one of {listed} as the {asked.word}"
    return asked.condition(f"IN ({inside})", f"{asked.verb} {how}", owned)


def _compare(asked: Asked) -> Condition:
    rng = asked.rng
    sign = rng.choices((">", "<", ">=", "<="), (3, 3, 1.5, 1.5))[0]
    value = _middle(asked)
    if asked.column.role == "date" and len(str(value)) > DAY:
        # A day is exact only where a moment of it cannot lie on the wrong side.
        sign, value = rng.choice((">=", "<")), str(value)[:DAY]
    if asked.is_year or asked.column.role == "date":
        how = rng.choice((_WHICH_YEAR if asked.is_year else _WHEN)[sign])
        shown, link = said(value), ""
    else:
        how, shown = rng.choice(_COMPARE[sign]), _measured(asked, value)
        link = rng.choice(("of ", "")) if how.split()[0] in ("at", "no", "not", "more") else ""
    predicate = f"{asked.verb} {how} {shown}"
    return asked.condition(
        f"{sign} {literal(value)}", predicate, f"{asked.owned} {link}{how} {shown}"
    )


def _measured(asked: Asked, value: SqlValue) -> str:
    """The number, now and then with its unit, unless the word says the unit already."""
    unit = asked.column.unit
    if unit is None or unit in asked.word or value == 1 or asked.rng.random() < 0.4:
        return said(value)
    return f"{said(value)} {unit}"


def _middle(asked: Asked) -> SqlValue:
    """A value from the middle of the column, sometimes rounded as people would."""
    values = sorted(asked.values, key=_order)
    low, high = len(values) // 6, max(len(values) // 6 + 1, len(values) * 5 // 6)
    value = values[asked.rng.randrange(low, high)]
    if asked.is_year or not isinstance(value, int | float) or asked.rng.random() < 0.35:
        return value
    rounded = float(f"{value:.2g}")
    return int(rounded) if rounded.is_integer() else rounded


def _order(value: SqlValue) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, str(value))


def _between(asked: Asked) -> Condition:
    low, high = sorted((_middle(asked), _middle(asked)), key=_order)
    if low == high:
        low, high = min(asked.values, key=_order), max(asked.values, key=_order)
    ends = f"{said(low)} and {said(high)}"
    shown = asked.rng.choice((f"between {ends}", f"in the range from {said(low)} to {said(high)}"))
    comparison = f"BETWEEN {literal(low)} AND {literal(high)}"
    return asked.condition(comparison, f"{asked.verb} {shown}", f"{asked.owned} {shown}")


def _during(asked: Asked) -> Condition:
    year = str(asked.rng.choice(asked.values))[:4]
    shown = asked.rng.choice((f"in {year}", f"in {year}", f"in the year {year}"))
    falls = "fall" if is_plural(asked.word) else "falls"
    return Condition(
        columns=(asked.column.name,),
        template=f"strftime('%Y', {ALIAS}{name(asked.column.name)}) = '{year}'",
        word=asked.word,
        predicate=f"{asked.rng.choice((asked.verb, falls))} {shown}",
        owned=f"{asked.owned} {shown}",
    )


def _missing(asked: Asked) -> Condition:
    how = asked.rng.choice(("missing", "unknown", "not known", "not recorded", "empty"))
    word = asked.word
    owned = asked.rng.choice((f"no {word}", f"no {word} on record", f"no known {word}"))
    return asked.condition("IS NULL", f"{asked.verb} {how}", owned)


def _present(asked: Asked) -> Condition:
    how = asked.rng.choice(("known", "recorded", "not missing"))
    owned = asked.rng.choice((article(f"known {asked.word}"), f"{asked.owned} on record"))
    return asked.condition("IS NOT NULL", f"{asked.verb} {how}", owned)


MAKERS: Mapping[str, Callable[[Asked], Condition]] = MappingProxyType(
    {
        "equal": _equal,
        "differ": _differ,
        "starts": _starts,
        "contains": _contains,
        "ends": _ends,
        "either": _either,
        "among": _among,
        "compare": _compare,
        "between": _between,
        "during": _during,
        "missing": _missing,
        "present": _present,
    }
)
