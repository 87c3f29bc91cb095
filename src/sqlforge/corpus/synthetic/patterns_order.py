"""Patterns over one table that put rows in an order: sorted lists, the first, the first few."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.conditions import condition
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.pattern import (
    Filling,
    Pattern,
    Ties,
    choose,
    entity,
    how_many,
    qualified,
    spoken,
    subject,
    where,
)
from sqlforge.corpus.synthetic.phrases import number_word, plural
from sqlforge.corpus.synthetic.view import ORDERED, TEXT, Noun, View


def superlative(
    view: View,
    table: DomainTable,
    column: DomainColumn,
    noun: Noun,
    rng: random.Random,
    *,
    most: bool,
    count: int = 1,
) -> tuple[str, str]:
    """What stands before and after the noun: ("cheapest", "") or ("", "with the lowest price")."""
    adjectives = view.superlatives(table, column)
    if adjectives and rng.random() < 0.6:
        return adjectives[0 if most else 1], ""
    word = spoken(view, table, column, noun, rng)
    if column.role in ("date", "year"):
        extreme = rng.choice(("latest", "most recent")) if most else "earliest"
    else:
        extreme = rng.choice(("highest", "largest") if most else ("lowest", "smallest"))
    return "", f" with the {extreme} {word if count == 1 else plural(word)}"


def _sorted(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    keys = view.columns(table, (*ORDERED, "name"), nulls=False) if table else []
    if table is None or not keys:
        return None
    by = rng.choice(keys)
    limit = condition(view, table, rng, avoid=(by.name,)) if rng.random() < 0.6 else None
    noun = view.noun(table, rng)
    hidden = (*limit.columns, by.name) if limit and rng.random() < 0.5 else (by.name,)
    must = by if rng.random() < 0.4 else None
    chosen = choose(view, table, noun, rng, how_many(rng), avoid=() if must else hidden, must=must)
    if chosen is None:
        return None
    falling = rng.random() < 0.5
    tail = f"FROM {name(table.name)}" + where(*([limit.sql()] if limit else []))
    tail += f" ORDER BY {qualified(by)}{' DESC' if falling else ''}"
    word = chosen.words[chosen.columns.index(by)] if must else spoken(view, table, by, noun, rng)
    return Filling(
        f"SELECT {chosen.sql()} {tail}",
        {
            **subject(noun, limit, rng),
            **chosen.slots(),
            "by": word,
            "way": rng.choice(_direction(by, falling)),
        },
        Ties(f"SELECT {qualified(by)} {tail}", None),
    )


def _direction(column: DomainColumn, falling: bool) -> tuple[str, ...]:
    """How people say in which direction a list runs."""
    plain = ("in descending order",) if falling else ("in ascending order",)
    if column.role in ("date", "year"):
        more = ("latest first", "from newest to oldest") if falling else ("earliest first",)
    elif column.role in TEXT:
        more = ("in reverse alphabetical order",) if falling else ("in alphabetical order",)
    else:
        more = ("highest first", "from high to low") if falling else ("lowest first",)
    return (*plain, *more)


def _best(view: View, rng: random.Random, count: int) -> Filling | None:
    """The first ``count`` rows in the order of a column."""
    table = entity(view, rng)
    keys = view.columns(table, ORDERED, nulls=False) if table else []
    if table is None or not keys:
        return None
    by = rng.choice(keys)
    limit = condition(view, table, rng, avoid=(by.name,)) if rng.random() < 0.35 else None
    noun = view.noun(table, rng)
    hidden = (by.name, *(limit.columns if limit else ()))
    chosen = choose(view, table, noun, rng, how_many(rng, 2), avoid=hidden)
    if chosen is None:
        return None
    most = rng.random() < 0.6
    before, after = superlative(view, table, by, noun, rng, most=most, count=count)
    tail = f"FROM {name(table.name)}" + where(*([limit.sql()] if limit else []))
    order = f" ORDER BY {qualified(by)}{' DESC' if most else ''}"
    slots = {**subject(noun, limit, rng), **chosen.slots()}
    slots |= {"adj": before, "top": after, "k": rng.choice((number_word(count), str(count)))}
    slots["its"] = view.its(table)
    slots["among"] = f" among the {noun.plural}{slots['cond']}" if limit else ""
    return Filling(
        f"SELECT {chosen.sql()} {tail}{order} LIMIT {count}",
        slots,
        Ties(f"SELECT {qualified(by)} {tail}{order}", count),
    )


def _best_one(view: View, rng: random.Random) -> Filling | None:
    return _best(view, rng, 1)


def _best_some(view: View, rng: random.Random) -> Filling | None:
    return _best(view, rng, rng.choice((2, 3, 3, 4, 5, 5, 6, 8, 10)))


_BEST_FRAMES = (
    "What {is} the {col} of the {adj} {n}{top}{among}?",
    "{show} the {col} of the {adj} {n}{top}{among}.",
    "For the {adj} {n}{top}{among}, {then} the {col}.",
    "Find the {adj} {n}{top}{among} and {then} {its} {col}.",
    "I'd like to know the {col} of the {adj} {n}{top}{among}.",
    "Which is the {adj} {n}{top}{among}? {show} the {col}.",
)
PATTERNS = (
    Pattern(
        "sorted",
        "order",
        1.2,
        (
            "{show} the {col} of {every} {n}{cond}, ordered by {by} {way}.",
            "What are the {cols} of the {ns}{cond}, sorted by {by} {way}?",
            "Sort the {ns}{cond} by {by} {way} and {then} their {cols}.",
            "In order of {by}, {way}, what are the {cols} of the {ns}{cond}?",
            "{show} the {cols} of all {ns}{cond}. Order them by {by}, {way}.",
            "I need the {cols} of the {ns}{cond} in a list sorted by {by} {way}.",
        ),
        _sorted,
    ),
    Pattern("best", "order", 1.5, _BEST_FRAMES, _best_one),
    Pattern(
        "best_some",
        "order",
        1.2,
        (
            "What are the {cols} of the {k} {adj} {ns}{top}{among}?",
            "{show} the {cols} of the {k} {adj} {ns}{top}{among}.",
            "For the {k} {adj} {ns}{top}{among}, {then} the {cols}.",
            "Find the {k} {adj} {ns}{top}{among} and {then} their {cols}.",
            "Which are the {k} {adj} {ns}{top}{among}? {show} their {cols}.",
            "I want the {cols} of the {k} {adj} {ns}{top}{among}.",
        ),
        _best_some,
    ),
)
