"""Patterns that combine two queries: UNION, INTERSECT and EXCEPT."""

from __future__ import annotations

import random
from itertools import combinations

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.conditions import condition
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.pattern import (
    Chosen,
    Filling,
    Pattern,
    choose,
    entity,
    qualified,
    spoken,
    where,
)
from sqlforge.corpus.synthetic.patterns_join import must_key, pick_link
from sqlforge.corpus.synthetic.phrases import plural
from sqlforge.corpus.synthetic.view import View


def _shared_column(view: View, rng: random.Random) -> tuple[DomainTable, DomainColumn] | None:
    """A column whose values repeat, so that two sets of rows can share some."""
    table = entity(view, rng)
    if table is None:
        return None
    options = [
        column
        for column in view.columns(table, ("category", "name", "year"), nulls=False)
        if not view.is_unique(table, column)
    ]
    return (table, rng.choice(options)) if options else None


def _two_sets(view: View, rng: random.Random, operator: str) -> Filling | None:
    """One column of the rows under one condition and of those under another."""
    found = _shared_column(view, rng)
    if found is None:
        return None
    table, column = found
    first = condition(view, table, rng, avoid=(column.name,))
    second = condition(view, table, rng, avoid=(column.name,))
    if first is None or second is None or first.template == second.template:
        return None
    noun = view.noun(table, rng)
    word = spoken(view, table, column, noun, rng)
    base = f"SELECT {qualified(column)} FROM {name(table.name)}"
    return Filling(
        f"{base}{where(first.sql())} {operator} {base}{where(second.sql())}",
        {
            "col": word,
            "cols": plural(word),
            "ns": noun.plural,
            "one": f"{noun.plural} {first.clause(rng)}",
            "two": f"{noun.plural} {second.clause(rng)}",
        },
    )


def _intersect(view: View, rng: random.Random) -> Filling | None:
    return _two_sets(view, rng, "INTERSECT")


def _except(view: View, rng: random.Random) -> Filling | None:
    """The values of all rows, or of some, without those of others."""
    if rng.random() < 0.5:
        return _two_sets(view, rng, "EXCEPT")
    found = _shared_column(view, rng)
    if found is None:
        return None
    table, column = found
    limit = condition(view, table, rng, avoid=(column.name,))
    if limit is None:
        return None
    noun = view.noun(table, rng)
    word = spoken(view, table, column, noun, rng)
    base = f"SELECT {qualified(column)} FROM {name(table.name)}"
    return Filling(
        f"{base} EXCEPT {base}{where(limit.sql())}",
        {
            "col": word,
            "cols": plural(word),
            "ns": noun.plural,
            "one": f"all {noun.plural}",
            "two": f"{noun.plural} {limit.clause(rng)}",
        },
    )


def _union(view: View, rng: random.Random) -> Filling | None:
    return _two_sets(view, rng, "UNION")


def _union_tables(view: View, rng: random.Random) -> Filling | None:
    """The names in two tables, in one list."""
    labelled = [(t, label) for t in view.entities if (label := view.label(t)) is not None]
    if len(labelled) < 2:
        return None
    (one, first), (two, second) = rng.choice(list(combinations(labelled, 2)))
    left, right = view.noun(one, rng), view.noun(two, rng)
    limit = condition(view, one, rng, avoid=(first.name,)) if rng.random() < 0.6 else None
    other = condition(view, two, rng, avoid=(second.name,)) if rng.random() < 0.6 else None
    mine = Chosen(one, (first,), (spoken(view, one, first, left, rng),))
    theirs = Chosen(two, (second,), (spoken(view, two, second, right, rng),))
    sql = f"SELECT {mine.sql()} FROM {name(one.name)}" + where(*([limit.sql()] if limit else []))
    sql += f" UNION SELECT {theirs.sql()} FROM {name(two.name)}"
    return Filling(
        sql + where(*([other.sql()] if other else [])),
        {
            "left": f"{mine.plurals[0]} of the {left.plural}"
            + (f" {limit.clause(rng)}" if limit else ""),
            "right": f"{theirs.plurals[0]} of the {right.plural}"
            + (f" {other.clause(rng)}" if other else ""),
        },
    )


def _keys_except(view: View, rng: random.Random) -> Filling | None:
    """Keys of the rows that nothing refers to: one set of ids without another."""
    link = pick_link(view, rng, alone=True)
    if link is None:
        return None
    key = must_key(link.parent)
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    if not view.words(link.parent, key):
        return None
    limit = condition(view, link.child, rng) if rng.random() < 0.6 else None
    chosen = choose(view, link.parent, noun, rng, 1, must=key)
    if chosen is None:
        return None
    sql = f"SELECT {qualified(key)} FROM {name(link.parent.name)} EXCEPT"
    sql += f" SELECT {qualified(link.column)} FROM {name(link.child.name)}"
    return Filling(
        sql + where(*([limit.sql()] if limit else [])),
        {
            **chosen.slots(),
            "n": noun.singular,
            "ns": noun.plural,
            "kids": other.plural + (f" {limit.clause(rng)}" if limit else ""),
        },
    )


PATTERNS = (
    Pattern(
        "intersect",
        "set",
        1.0,
        (
            "Which {cols} are found both among {one} and among {two}?",
            "{show} the {cols} that {one} have in common with {two}.",
            "{show} the {cols} shared by {one} and {two}.",
            "What {cols} do {one} share with {two}?",
            "Among {one} and also among {two}: which {cols} appear in both groups?",
        ),
        _intersect,
    ),
    Pattern(
        "except",
        "set",
        1.0,
        (
            "Which {cols} occur among {one} but not among {two}?",
            "{show} the {cols} of {one}, leaving out any {col} of {two}.",
            "{show} the {cols} found among {one} but never among {two}.",
            "Take the {cols} of {one} and remove those of {two}. What remains?",
            "Apart from the {cols} of {two}, which {cols} do {one} have?",
        ),
        _except,
    ),
    Pattern(
        "union",
        "set",
        0.8,
        (
            "{show} the {cols} of {one} combined with those of {two}, each once.",
            "Which {cols} belong to {one} or else to {two}? {show} {every} {col} once.",
            "Merge the {cols} of {one} and the {cols} of {two} into one list without duplicates.",
            "{show} in one list, without repeats, the {cols} of {one} and of {two}.",
            "What are the {cols} of {one}, together with those of {two}, no duplicates?",
        ),
        _union,
    ),
    Pattern(
        "union_tables",
        "set",
        0.8,
        (
            "{show} the {left} together with the {right}, each once.",
            "Merge the {left} and the {right} into one list without repeats.",
            "In one column and without repeats, {then} the {left} and the {right}.",
            "What are the {left}, combined with the {right}, no duplicates?",
            "I need one list, no duplicates, of the {left} and the {right}.",
        ),
        _union_tables,
    ),
    Pattern(
        "keys_except",
        "set",
        0.6,
        (
            "{show} the {cols} of the {ns}, leaving out those with {kids}.",
            "Take the {cols} of all {ns} except those that have {kids}.",
            "Which {cols} remain once the {ns} with {kids} are removed?",
            "Apart from {ns} that have {kids}, {then} {every} {col} of the {ns}.",
            "{show} all {cols} of {ns} minus those of {ns} with {kids}.",
        ),
        _keys_except,
    ),
)
