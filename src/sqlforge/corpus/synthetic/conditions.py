"""Conditions on one column, said in several ways and written in SQL in one."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlforge.core.records import SqlValue
from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.phrases import article, is_plural, listing, literal, said
from sqlforge.corpus.synthetic.view import View

_ALIAS = "\0"  # stands for the table's alias until the query knows whether it needs one
_LABEL = re.compile(r"\b(name|title)$")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, ready to be put into a question and a query.

    ``template`` is the SQL; ``predicate`` follows "whose <word>", ``owned`` follows "with" or
    "have", ``naming`` is a third form ("named Ada") where the language has one.
    """

    columns: tuple[str, ...]
    template: str
    word: str
    predicate: str
    owned: str
    naming: str | None = None
    joined: str | None = None  # the whole relative clause, where two conditions were combined

    def sql(self, alias: str = "", *, beside: bool = False) -> str:
        """The condition in SQL, its columns qualified by ``alias`` if there is one.

        ``beside`` says that it stands beside another one, so that an OR needs parentheses.
        """
        text = self.template.replace(_ALIAS, f"{alias}." if alias else "")
        return f"({text})" if beside and " OR " in text else text

    def clause(self, rng: random.Random) -> str:
        """A relative clause that follows a noun, singular or plural."""
        if self.joined:
            return self.joined
        if self.naming and rng.random() < 0.6:
            return self.naming
        pick = rng.random()
        if pick < 0.45:
            return f"whose {self.word} {self.predicate}"
        if pick < 0.6:
            return f"where the {self.word} {self.predicate}"
        return f"{'with' if pick < 0.9 else 'having'} {self.owned}"

    def have(self) -> str:
        """The form that follows "have"."""
        return self.owned


def condition(
    view: View,
    table: DomainTable,
    rng: random.Random,
    *,
    avoid: Sequence[str] = (),
    ways: Sequence[str] | None = None,
) -> Condition | None:
    """A condition on a column of ``table`` outside ``avoid``, its value taken from the rows.

    ``ways`` limits the choice to some of ``equal``, ``differ``, ``starts``, ``contains``,
    ``ends``, ``either``, ``among``, ``compare``, ``between``, ``during``, ``missing``,
    ``present``. ``None`` if the table has no column for that.
    """
    options = [
        (column, way, weight)
        for column in table.columns
        if column.name not in avoid and view.words(table, column)
        for way, weight in _ways(view, table, column)
        if ways is None or way in ways
    ]
    if not options:
        return None
    column, way, _ = rng.choices(options, [weight for *_, weight in options])[0]
    return _MAKERS[way](view, table, column, rng)


def combined(
    view: View, table: DomainTable, rng: random.Random, *, avoid: Sequence[str] = ()
) -> Condition | None:
    """Two conditions on different columns, joined by AND or OR."""
    first = condition(view, table, rng, avoid=avoid, ways=_SIMPLE)
    if first is None:
        return None
    second = condition(view, table, rng, avoid=(*avoid, *first.columns), ways=_SIMPLE)
    if second is None:
        return None
    word = "and" if rng.random() < 0.65 else "or"
    glue = f" {word} "
    pick = rng.random()
    if pick < 0.45:
        said_so = f"whose {first.word} {first.predicate}{glue}whose {second.word}"
        said_so += f" {second.predicate}"
    elif pick < 0.65:
        said_so = f"where the {first.word} {first.predicate}{glue}the {second.word}"
        said_so += f" {second.predicate}"
    else:
        both = "both " if word == "and" and rng.random() < 0.3 else ""
        both = "either " if word == "or" and rng.random() < 0.5 else both
        said_so = f"with {both}{first.owned}{glue}{second.owned}"
    return Condition(
        columns=(*first.columns, *second.columns),
        template=f"{first.template} {word.upper()} {second.template}",
        word=first.word,
        predicate=first.predicate,
        owned=f"{first.owned}{glue}{second.owned}",
        joined=said_so,
    )


_SIMPLE = ("equal", "compare", "starts", "contains", "missing", "present")


def _ways(view: View, table: DomainTable, column: DomainColumn) -> list[tuple[str, float]]:
    """The ways in which a column can be asked about, with how often."""
    values = view.values(table, column)
    if len(set(values)) < 2 or column.role in ("key", "foreign_key"):
        return []
    ways: list[tuple[str, float]] = []
    match column.role:
        case "category":
            ways = [("equal", 3.0), ("either", 0.5), ("among", 0.6), ("contains", 0.15)]
            ways += [] if view.has_null(table, column) else [("differ", 0.5)]
        case "name":
            ways = [("equal", 0.8), ("starts", 0.7), ("contains", 0.7), ("ends", 0.5)]
            ways += [("among", 0.3)]
        case "flag":
            ways = [("equal", 1.5)]
        case "number" | "money":
            ways = [("compare", 2.0), ("between", 0.7)]
            ways += [("equal", 0.5)] if len(set(values)) < len(values) / 2 else []
        case "date":
            ways = [("compare", 1.2), ("during", 0.9), ("between", 0.5)]
        case _:
            ways = [("compare", 1.2), ("equal", 0.8), ("between", 0.5)]
    if view.has_null(table, column):
        ways += [("missing", 0.8), ("present", 0.5)]
    return ways


def _spelled(value: SqlValue, rng: random.Random) -> str:
    """The value as the question shows it: bare, or now and then in quotation marks."""
    text = said(value)
    if isinstance(value, str) and not value[:1].isdigit() and rng.random() < 0.2:
        return f'"{text}"'
    return text


def _is(word: str) -> str:
    return "are" if is_plural(word) else "is"


def _equal(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    value = rng.choice(view.values(table, column))
    shown = _spelled(value, rng)
    if isinstance(value, str) and column.role == "category" and rng.random() < 0.05:
        shown = shown.lower()  # people type so; the stored spelling is what the query needs
    if isinstance(value, str):
        owned = rng.choice((f"the {word} {shown}", f"{shown} as the {word}"))
    else:
        shown = _measured(column, word, value, rng)
        owned = f"{article(word)} of {shown}"
    naming = None
    kind = _LABEL.search(word)
    if column is view.label(table) and kind:
        naming = {
            "name": rng.choice((f"named {shown}", f"called {shown}")),
            "title": f"titled {shown}",
        }[kind.group(1)]
    predicate = f"{_is(word)} {shown}"
    return _one(column, f"= {literal(value)}", word, predicate, owned, naming)


def _differ(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    value = rng.choice(view.values(table, column))
    shown = _spelled(value, rng)
    predicate = rng.choice((f"{_is(word)} not {shown}", f"{_is(word)} anything but {shown}"))
    return _one(
        column, f"!= {literal(value)}", word, predicate, f"{article(word)} other than {shown}"
    )


def _like(where: str) -> Callable[[View, DomainTable, DomainColumn, random.Random], Condition]:
    def make(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
        word = view.word(table, column, rng)
        part = _part(str(rng.choice(view.values(table, column))), where, rng)
        shown = rng.choice((f'"{part}"', f'"{part}"', f"'{part}'"))
        pattern = {"starts": f"{part}%", "contains": f"%{part}%", "ends": f"%{part}"}[where]
        many = is_plural(word)
        predicate = rng.choice(
            {
                "starts": ("start with", "begin with"),
                "contains": ("contain", "include"),
                "ends": ("end with", "end in"),
            }[where]
        )
        owned = {
            "starts": rng.choice(("starting with", "beginning with")),
            "contains": rng.choice(("containing", "including", "that contains")),
            "ends": rng.choice(("ending with", "ending in")),
        }[where]
        verb, _, rest = predicate.partition(" ")
        predicate = f"{verb if many else verb + 's'} {rest}".strip()
        return _one(
            column,
            f"LIKE {literal(pattern)}",
            word,
            f"{predicate} {shown}",
            f"{article(word)} {owned} {shown}",
        )

    return make


def _part(text: str, where: str, rng: random.Random) -> str:
    """A piece of ``text`` worth searching for: some letters, or a whole word."""
    length = rng.choice((1, 2, 3))
    if where == "starts":
        first = re.match(r"[A-Za-z]{3,}(?= )", text)
        return first.group() if first and rng.random() < 0.4 else text[:length].strip()
    if where == "ends":
        last = re.search(r"(?<= )[A-Za-z]{3,}$", text)
        return last.group() if last and rng.random() < 0.4 else text[-length:].strip()
    words: list[str] = re.findall(r"[A-Za-z]{3,}", text) or [text]
    word = rng.choice(words)
    if rng.random() < 0.5 or len(word) < 5:
        return word
    start = rng.randrange(len(word) - 3)
    return word[start : start + 3].lower()


def _either(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    first, second = _different(view, table, column, rng, 2)
    spelling = name(column.name)
    shown = f"{said(first)} or {said(second)}"
    return Condition(
        (column.name,),
        f"{_ALIAS}{spelling} = {literal(first)} OR {_ALIAS}{spelling} = {literal(second)}",
        word,
        rng.choice((f"{_is(word)} {shown}", f"{_is(word)} either {shown}")),
        f"{shown} as the {word}",
    )


def _among(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    count = min(rng.choice((2, 3, 3)), len(set(view.values(table, column))))
    values = _different(view, table, column, rng, count)
    shown = listing([said(value) for value in values], rng.choice(("and", "or")))
    inside = ", ".join(literal(value) for value in values)
    return _one(
        column,
        f"IN ({inside})",
        word,
        rng.choice((f"{_is(word)} one of {shown}", f"{_is(word)} among {shown}")),
        f"one of {shown} as the {word}",
    )


def _different(
    view: View, table: DomainTable, column: DomainColumn, rng: random.Random, count: int
) -> list[SqlValue]:
    return rng.sample(sorted(set(view.values(table, column)), key=str), count)


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


def _compare(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    sign = rng.choices((">", "<", ">=", "<="), (3, 3, 1.5, 1.5))[0]
    value = _middle(view, table, column, rng)
    if column.role in ("date", "year"):
        how = rng.choice(_WHEN[sign])
        if column.role == "year" and how.startswith("on or"):
            how = {"on or after": "no earlier than", "on or before": "no later than"}[how]
        shown, link = said(value), ""
    else:
        how, shown = rng.choice(_COMPARE[sign]), _measured(column, word, value, rng)
        link = rng.choice(("of ", "")) if how.split()[0] in ("at", "no", "not", "more") else ""
    return _one(
        column,
        f"{sign} {literal(value)}",
        word,
        f"{_is(word)} {how} {shown}",
        f"{article(word)} {link}{how} {shown}",
    )


def _measured(column: DomainColumn, word: str, value: SqlValue, rng: random.Random) -> str:
    """The number, now and then with its unit, unless the word says the unit already."""
    unit = column.unit
    if unit is None or unit in word or value == 1 or rng.random() < 0.4:
        return said(value)
    return f"{said(value)} {unit}"


def _middle(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> SqlValue:
    """A value from the middle of the column, sometimes rounded as people would."""
    values = sorted(view.values(table, column), key=_order)
    low, high = len(values) // 6, max(len(values) // 6 + 1, len(values) * 5 // 6)
    value = values[rng.randrange(low, high)]
    if column.role in ("number", "money") and isinstance(value, int | float) and rng.random() < 0.6:
        rounded = float(f"{value:.2g}")
        return int(rounded) if rounded.is_integer() else rounded
    return value


def _order(value: SqlValue) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, int | float) else (0.0, str(value))


def _between(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    low, high = sorted(
        (_middle(view, table, column, rng), _middle(view, table, column, rng)), key=_order
    )
    ends = f"{said(low)} and {said(high)}"
    shown = rng.choice((f"between {ends}", f"in the range from {said(low)} to {said(high)}"))
    return _one(
        column,
        f"BETWEEN {literal(low)} AND {literal(high)}",
        word,
        f"{_is(word)} {shown}",
        f"{article(word)} {shown}",
    )


def _during(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    year = str(rng.choice(view.values(table, column)))[:4]
    shown = rng.choice((f"in {year}", f"in {year}", f"in the year {year}"))
    return Condition(
        (column.name,),
        f"strftime('%Y', {_ALIAS}{name(column.name)}) = '{year}'",
        word,
        rng.choice((f"{_is(word)} {shown}", f"fall{'' if is_plural(word) else 's'} {shown}")),
        f"{article(word)} {shown}",
    )


def _missing(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    how = rng.choice(("missing", "unknown", "not known", "not recorded", "empty"))
    return _one(
        column,
        "IS NULL",
        word,
        f"{_is(word)} {how}",
        rng.choice((f"no {word}", f"no {word} on record", f"no known {word}")),
    )


def _present(view: View, table: DomainTable, column: DomainColumn, rng: random.Random) -> Condition:
    word = view.word(table, column, rng)
    how = rng.choice(("known", "recorded", "not missing"))
    return _one(
        column,
        "IS NOT NULL",
        word,
        f"{_is(word)} {how}",
        rng.choice((f"{article('known ' + word)}", f"{article(word)} on record")),
    )


def _one(
    column: DomainColumn,
    comparison: str,
    word: str,
    predicate: str,
    owned: str,
    naming: str | None = None,
) -> Condition:
    template = f"{_ALIAS}{name(column.name)} {comparison}"
    return Condition((column.name,), template, word, predicate, owned, naming)


_MAKERS: dict[str, Callable[[View, DomainTable, DomainColumn, random.Random], Condition]] = {
    "equal": _equal,
    "differ": _differ,
    "starts": _like("starts"),
    "contains": _like("contains"),
    "ends": _like("ends"),
    "either": _either,
    "among": _among,
    "compare": _compare,
    "between": _between,
    "during": _during,
    "missing": _missing,
    "present": _present,
}
