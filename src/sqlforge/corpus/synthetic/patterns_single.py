"""Patterns over one table: projections, filters and distinct values."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.build import key_of, name
from sqlforge.corpus.synthetic.condition import Condition
from sqlforge.corpus.synthetic.conditions import combined, condition
from sqlforge.corpus.synthetic.domain import DomainTable
from sqlforge.corpus.synthetic.pattern import (
    Chosen,
    Filling,
    Pattern,
    choose,
    entity,
    how_many,
    spoken,
    subject,
    where,
)
from sqlforge.corpus.synthetic.view import View


def _columns(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    if table is None:
        return None
    noun = view.noun(table, rng)
    chosen = choose(view, table, noun, rng, how_many(rng))
    if chosen is None:
        return None
    slots = {**subject(noun, None, rng), **chosen.slots()}
    return Filling(f"SELECT {chosen.sql()} FROM {name(table.name)}", slots)


def _everything(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    if table is None:
        return None
    limit = condition(view, table, rng) if rng.random() < 0.75 else None
    sql = f"SELECT * FROM {name(table.name)}" + where(*([limit.sql()] if limit else []))
    return Filling(sql, subject(view.noun(table, rng), limit, rng))


def _limited(
    view: View, table: DomainTable, limit: Condition | None, rng: random.Random
) -> Filling | None:
    """Some columns of the rows under one condition."""
    if limit is None:
        return None
    noun = view.noun(table, rng)
    chosen = choose(view, table, noun, rng, how_many(rng), avoid=limit.columns)
    if chosen is None:
        return None
    sql = f"SELECT {chosen.sql()} FROM {name(table.name)}{where(limit.sql())}"
    return Filling(sql, {**subject(noun, limit, rng), **chosen.slots()})


def _filter(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    return _limited(view, table, condition(view, table, rng), rng) if table else None


def _filter_two(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    return _limited(view, table, combined(view, table, rng), rng) if table else None


def _named(view: View, rng: random.Random) -> Filling | None:
    """Only the names of the rows under a condition: "Name the customers who…"."""
    table = entity(view, rng)
    label = view.label(table) if table else None
    if table is None or label is None:
        return None
    limit = condition(view, table, rng, avoid=(label.name,))
    if limit is None:
        return None
    noun = view.noun(table, rng)
    chosen = Chosen(table, (label,), (spoken(view, table, label, noun, rng),))
    sql = f"SELECT {chosen.sql()} FROM {name(table.name)}{where(limit.sql())}"
    return Filling(sql, {**subject(noun, limit, rng), **chosen.slots()})


def _lookup(view: View, rng: random.Random) -> Filling | None:
    """Something about the one row that has a certain name."""
    table = entity(view, rng)
    label = view.label(table) if table else None
    if table is None or label is None or not view.is_unique(table, label):
        return None
    others = [column.name for column in table.columns if column is not label]
    limit = condition(view, table, rng, avoid=others, ways=("equal",))
    noun = view.noun(table, rng)
    chosen = choose(view, table, noun, rng, how_many(rng, 2), avoid=(label.name,))
    if limit is None or chosen is None:
        return None
    sql = f"SELECT {chosen.sql()} FROM {name(table.name)}{where(limit.sql())}"
    return Filling(sql, {**subject(noun, limit, rng), **chosen.slots(), "its": view.its(table)})


def _distinct(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    if table is None:
        return None
    options = [
        column
        for column in view.columns(table, ("category", "year", "number", "name"), nulls=False)
        if not view.is_unique(table, column)
    ]
    if not options:
        return None
    column = rng.choice(options)
    limit = condition(view, table, rng, avoid=(column.name,)) if rng.random() < 0.65 else None
    noun = view.noun(table, rng)
    chosen = Chosen(table, (column,), (spoken(view, table, column, noun, rng),))
    sql = f"SELECT DISTINCT {chosen.sql()} FROM {name(table.name)}"
    sql += where(*([limit.sql()] if limit else []))
    return Filling(sql, {**subject(noun, limit, rng), **chosen.slots()})


def _compared_columns(view: View, rng: random.Random) -> Filling | None:
    """A key beside other columns, for questions about numbers and ids."""
    table = entity(view, rng)
    key = key_of(table) if table else None
    if table is None or key is None or not view.words(table, key):
        return None
    limit = condition(view, table, rng)
    noun = view.noun(table, rng)
    chosen = choose(view, table, noun, rng, how_many(rng, 2), must=key)
    if limit is None or chosen is None:
        return None
    sql = f"SELECT {chosen.sql()} FROM {name(table.name)}{where(limit.sql())}"
    return Filling(sql, {**subject(noun, limit, rng), **chosen.slots()})


_FILTER_FRAMES = (
    "What are the {cols} of the {ns}{cond}?",
    "{show} the {col} of {every} {n}{cond}.",
    "{show} the {cols} of all {ns}{cond}.",
    "For {every} {n}{cond}, {then} the {col}.",
    "Find the {ns}{cond} and {then} their {cols}.",
    "Which {ns}{have}? {show} their {cols}.",
    "I want to know the {cols} of all {ns}{cond}.",
    "Can you {then} the {cols} of the {ns}{cond}?",
    "{ns}{cond}: {then} their {cols}.",
    "I'm interested in the {ns}{cond}. What are their {cols}?",
)
PATTERNS = (
    Pattern(
        "columns",
        "projection",
        3.0,
        (
            "What are the {cols} of all {ns}?",
            "{show} the {col} of {every} {n}.",
            "For {every} {n}, {then} the {col}.",
            "{show} all {ns} with their {cols}.",
            "I need the {cols} of all the {ns}.",
            "The {col} of {every} {n}, please.",
            "Can you {then} the {cols} for all {ns}?",
            "{show} the {cols} of the {ns}.",
        ),
        _columns,
    ),
    Pattern(
        "everything",
        "projection",
        1.0,
        (
            "{show} all the information about the {ns}{cond}.",
            "{show} everything known about the {ns}{cond}.",
            "{show} all details of {every} {n}{cond}.",
            "What is stored about the {ns}{cond}? Include every column.",
            "I need the complete records of the {ns}{cond}.",
            "For the {ns}{cond}, {then} all columns.",
        ),
        _everything,
    ),
    Pattern("filter", "filter", 4.0, _FILTER_FRAMES, _filter),
    Pattern("filter_two", "filter", 2.0, _FILTER_FRAMES, _filter_two),
    Pattern("filter_key", "filter", 0.5, _FILTER_FRAMES, _compared_columns),
    Pattern(
        "named",
        "filter",
        1.2,
        (
            "{show} just the {col} of {every} {n}{cond}.",
            "Which {ns}{have}? Give just the {col}.",
            "{show} only the {cols} of the {ns}{cond}.",
            "Find all {ns}{cond}; only the {col} is needed.",
            "What are the {ns}{cond} called? Return the {col}.",
        ),
        _named,
    ),
    Pattern(
        "lookup",
        "filter",
        1.2,
        (
            "What {is} the {col} of the {n}{cond}?",
            "{show} the {col} of the {n}{cond}.",
            "For the {n}{cond}, what {is} the {col}?",
            "I'm looking for the {col} of the {n}{cond}.",
            "Can you tell me the {col} of the {n}{cond}?",
            "The {n}{cond}: what {is} {its} {col}?",
        ),
        _lookup,
    ),
    Pattern(
        "distinct",
        "distinct",
        1.0,
        (
            "What are the different {cols} of the {ns}{cond}?",
            "{show} the distinct {cols} of all {ns}{cond}.",
            "Which different {cols} occur among the {ns}{cond}?",
            "{show} the {cols} of the {ns}{cond} without repeating any.",
            "{show} {every} {col} found among the {ns}{cond}, once each.",
            "Without duplicates, what are the {cols} of the {ns}{cond}?",
        ),
        _distinct,
    ),
)
