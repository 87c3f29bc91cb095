"""Patterns with a query inside a query."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.conditions import condition
from sqlforge.corpus.synthetic.pattern import (
    Filling,
    Pattern,
    choose,
    entity,
    how_many,
    qualified,
    spoken,
    subject,
    where,
)
from sqlforge.corpus.synthetic.patterns_aggregate import averaged
from sqlforge.corpus.synthetic.patterns_join import must_key, pick_link
from sqlforge.corpus.synthetic.phrases import article, is_plural
from sqlforge.corpus.synthetic.view import MEASURES, ORDERED, View


def _against_average(view: View, rng: random.Random, *, count: bool = False) -> Filling | None:
    table = entity(view, rng)
    options = averaged(view.columns(table, MEASURES, nulls=False)) if table else []
    if table is None or not options:
        return None
    column = rng.choice(options)
    noun = view.noun(table, rng)
    chosen = choose(view, table, noun, rng, how_many(rng, 2), avoid=(column.name,))
    if chosen is None:
        return None
    above = rng.random() < 0.6
    word = spoken(view, table, column, noun, rng)
    shown, source = "COUNT(*)" if count else chosen.sql(), f"FROM {name(table.name)}"
    sql = f"SELECT {shown} {source} WHERE {qualified(column)} {'>' if above else '<'}"
    return Filling(
        f"{sql} (SELECT AVG({qualified(column)}) {source})",
        {
            **subject(noun, None, rng),
            **chosen.slots(),
            "by": word,
            "by_is": "are" if is_plural(word) else "is",
            "a_by": article(word),
            "side": "an above" if above else "a below",
            "level": rng.choice(("above", "greater than") if above else ("below", "less than")),
        },
    )


def _count_against_average(view: View, rng: random.Random) -> Filling | None:
    return _against_average(view, rng, count=True)


def _extreme(view: View, rng: random.Random) -> Filling | None:
    """All rows that hold the largest or smallest value, however many there are."""
    table = entity(view, rng)
    options = view.columns(table, ORDERED) if table else []
    if table is None or not options:
        return None
    column = rng.choice(options)
    noun = view.noun(table, rng)
    chosen = choose(view, table, noun, rng, how_many(rng, 2), avoid=(column.name,))
    if chosen is None:
        return None
    most = rng.random() < 0.6
    dated = column.role in ("date", "year")
    extreme = ("latest" if most else "earliest") if dated else ("highest" if most else "lowest")
    source = f"FROM {name(table.name)}"
    inner = f"SELECT {'MAX' if most else 'MIN'}({qualified(column)}) {source}"
    return Filling(
        f"SELECT {chosen.sql()} {source} WHERE {qualified(column)} = ({inner})",
        {
            **subject(noun, None, rng),
            **chosen.slots(),
            "by": f"{extreme} {spoken(view, table, column, noun, rng)}",
        },
    )


def _against_row(view: View, rng: random.Random) -> Filling | None:
    """Rows that exceed a named row in some measure."""
    table = entity(view, rng)
    label = view.label(table) if table else None
    options = view.columns(table, ORDERED, nulls=False) if table else []
    if table is None or label is None or not options or not view.is_unique(table, label):
        return None
    column = rng.choice(options)
    others = [c.name for c in table.columns if c is not label]
    limit = condition(view, table, rng, avoid=others, ways=("equal",))
    noun = view.noun(table, rng)
    chosen = choose(view, table, noun, rng, how_many(rng, 2), avoid=(column.name,))
    if limit is None or chosen is None:
        return None
    more = rng.random() < 0.5
    dated = column.role in ("date", "year")
    level = ("later" if more else "earlier") if dated else ("higher" if more else "lower")
    source, measure = f"FROM {name(table.name)}", qualified(column)
    sql = f"SELECT {chosen.sql()} {source} WHERE {measure} {'>' if more else '<'}"
    return Filling(
        f"{sql} (SELECT {measure} {source}{where(limit.sql())})",
        {
            **subject(noun, None, rng),
            **chosen.slots(),
            "a_by": article(f"{level} {spoken(view, table, column, noun, rng)}"),
            "row": f"the {noun.singular} {limit.clause(rng)}",
        },
    )


def _without_children(view: View, rng: random.Random, *, count: bool = False) -> Filling | None:
    """Rows that nothing (of a kind) refers to."""
    link = pick_link(view, rng, alone=True)
    if link is None:
        return None
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    chosen = choose(view, link.parent, noun, rng, how_many(rng, 2))
    if chosen is None:
        return None
    limit = condition(view, link.child, rng) if rng.random() < 0.45 else None
    key = qualified(must_key(link.parent))
    inner = f"SELECT {qualified(link.column)} FROM {name(link.child.name)}"
    inner += where(*([limit.sql()] if limit else []))
    shown = "COUNT(*)" if count else chosen.sql()
    return Filling(
        f"SELECT {shown} FROM {name(link.parent.name)} WHERE {key} NOT IN ({inner})",
        {
            **subject(noun, None, rng),
            **chosen.slots(),
            "kids": other.plural + (f" {limit.clause(rng)}" if limit else ""),
        },
    )


def _count_without_children(view: View, rng: random.Random) -> Filling | None:
    return _without_children(view, rng, count=True)


def _no_such_child(view: View, rng: random.Random) -> Filling | None:
    """The same asked as "for which there exists no …", answered with NOT EXISTS."""
    link = pick_link(view, rng, alone=True)
    if link is None:
        return None
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    chosen = choose(view, link.parent, noun, rng, how_many(rng, 2))
    if chosen is None:
        return None
    limit = condition(view, link.child, rng) if rng.random() < 0.6 else None
    pair = f"T2.{qualified(link.column)} = T1.{qualified(must_key(link.parent))}"
    inside = where(pair, *([limit.sql("T2", beside=True)] if limit else []))
    return Filling(
        f"SELECT {chosen.sql('T1')} FROM {name(link.parent.name)} AS T1"
        f" WHERE NOT EXISTS (SELECT * FROM {name(link.child.name)} AS T2{inside})",
        {
            **subject(noun, None, rng),
            **chosen.slots(),
            "kid": other.singular + (f" {limit.clause(rng)}" if limit else ""),
        },
    )


def _with_some_child(view: View, rng: random.Random) -> Filling | None:
    """Rows with at least one child of a kind, each once, answered with IN."""
    link = pick_link(view, rng, alone=True)
    if link is None:
        return None
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    limit = condition(view, link.child, rng)
    chosen = choose(view, link.parent, noun, rng, how_many(rng, 2))
    if limit is None or chosen is None:
        return None
    inner = f"SELECT {qualified(link.column)} FROM {name(link.child.name)}{where(limit.sql())}"
    key, clause = qualified(must_key(link.parent)), limit.clause(rng)
    return Filling(
        f"SELECT {chosen.sql()} FROM {name(link.parent.name)} WHERE {key} IN ({inner})",
        {
            **subject(noun, None, rng),
            **chosen.slots(),
            "kid": f"{other.singular} {clause}",
            "kids": f"{other.plural} {clause}",
        },
    )


PATTERNS = (
    Pattern(
        "against_average",
        "nested",
        1.3,
        (
            "{show} the {cols} of the {ns} whose {by} {by_is} {level} the average.",
            "What are the {cols} of all {ns} with {a_by} {level} the average {by}?",
            "Find the {ns} whose {by} {by_is} {level} the mean and {then} the {cols}.",
            "Compared with the average {by} of all {ns}, which are {level} it? {show} the {cols}.",
            "For the {ns} with {side}-average {by}, {then} the {cols}.",
        ),
        _against_average,
    ),
    Pattern(
        "count_against_average",
        "nested",
        0.5,
        (
            "How many {ns} have {a_by} {level} the average?",
            "Count the {ns} whose {by} {by_is} {level} the average.",
            "What is the number of {ns} with {a_by} {level} the mean {by}?",
            "{show} how many {ns} have {side}-average {by}.",
            "Taking the average {by} of all {ns}, how many {ns} are {level} it?",
        ),
        _count_against_average,
    ),
    Pattern(
        "extreme",
        "nested",
        1.0,
        (
            "{show} the {cols} of all {ns} that have the {by}.",
            "What are the {cols} of all the {ns} sharing the {by}?",
            "Find all {ns} with the {by} and {then} their {cols}.",
            "Which {ns} have the {by}? {show} the {cols}, including ties.",
            "For all {ns} that reach the {by}, {then} the {cols}.",
        ),
        _extreme,
    ),
    Pattern(
        "against_row",
        "nested",
        1.0,
        (
            "{show} the {cols} of the {ns} with {a_by} than {row}.",
            "What are the {cols} of all {ns} that have {a_by} than {row}?",
            "Find the {ns} with {a_by} than {row} and {then} their {cols}.",
            "Which {ns} have {a_by} than {row}? {show} their {cols}.",
            "Compared with {row}, which {ns} have {a_by}? {show} the {cols}.",
        ),
        _against_row,
    ),
    Pattern(
        "without_children",
        "nested",
        1.3,
        (
            "{show} the {cols} of the {ns} without any {kids}.",
            "What are the {cols} of all {ns} that have no {kids}?",
            "Find the {ns} that don't have any {kids} and {then} the {cols}.",
            "Which {ns} have no {kids}? {show} the {cols}.",
            "For the {ns} with no {kids}, {then} the {cols}.",
            "{show} the {cols} of those {ns} that never had {kids}.",
        ),
        _without_children,
    ),
    Pattern(
        "count_without_children",
        "nested",
        0.5,
        (
            "How many {ns} have no {kids}?",
            "Count the {ns} without any {kids}.",
            "What is the number of {ns} that don't have any {kids}?",
            "{show} the number of {ns} with no {kids}.",
            "For how many {ns} are there no {kids}?",
        ),
        _count_without_children,
    ),
    Pattern(
        "no_such_child",
        "nested",
        0.8,
        (
            "{show} the {cols} of the {ns} for which there is no {kid}.",
            "What are the {cols} of the {ns} for which no {kid} exists?",
            "Find the {ns} for which not a single {kid} exists and {then} their {cols}.",
            "For which {ns} does no {kid} exist? {show} the {cols}.",
            "There are {ns} for which no {kid} exists. {show} their {cols}.",
        ),
        _no_such_child,
    ),
    Pattern(
        "with_some_child",
        "nested",
        1.2,
        (
            "{show} the {cols} of the {ns} that have at least one {kid}.",
            "What are the {cols} of all {ns} with at least one {kid}?",
            "Find the {ns} that have one or more {kids} and {then} their {cols}.",
            "Which {ns} have at least one {kid}? {show} their {cols}.",
            "For {every} {n} with at least one {kid}, {then} the {col}.",
        ),
        _with_some_child,
    ),
)
