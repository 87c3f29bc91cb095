"""Patterns over two linked tables."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.build import key_of, name
from sqlforge.corpus.synthetic.condition import Condition
from sqlforge.corpus.synthetic.conditions import condition
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.pattern import (
    Filling,
    Pattern,
    choose,
    how_many,
    qualified,
    spoken,
    where,
)
from sqlforge.corpus.synthetic.patterns_aggregate import aggregate_word, functions_of
from sqlforge.corpus.synthetic.phrases import article, listing
from sqlforge.corpus.synthetic.view import MEASURES, Link, Noun, View, content


def pick_link(view: View, rng: random.Random, *, alone: bool = False) -> Link | None:
    """A foreign key to ask about; ``alone`` leaves out those whose meaning needs the verb."""
    links = [link for link in view.links if link.alone or not alone]
    return rng.choice(links) if links else None


def joined(link: Link, *, parent_first: bool = False) -> str:
    """FROM and JOIN; the table whose rows are asked about is T1."""
    child, parent = name(link.child.name), name(link.parent.name)
    column, key = qualified(link.column), qualified(must_key(link.parent))
    if parent_first:
        return f"FROM {parent} AS T1 JOIN {child} AS T2 ON T1.{key} = T2.{column}"
    return f"FROM {child} AS T1 JOIN {parent} AS T2 ON T1.{column} = T2.{key}"


def must_key(table: DomainTable) -> DomainColumn:
    """The key of a table that something refers to."""
    key = key_of(table)
    if key is None:
        raise ValueError(f"{table.name} has no key, but something refers to it")
    return key


def attached(link: Link, parent: Noun, limit: Condition, rng: random.Random) -> str:
    """How the child's rows are limited by their parent: "placed by customers whose…"."""
    clause = limit.clause(rng)
    if limit.naming and clause == limit.naming:
        return f"{link.verb} the {parent.singular} {clause}"
    one = article(parent.singular)
    some = one if link.verb.startswith("whose ") else rng.choice((one, parent.plural))
    return f"{link.verb} {some} {clause}"


def _child_by_parent(view: View, rng: random.Random) -> Filling | None:
    """Columns of the child under a condition on the parent, sometimes with one of its own."""
    link = pick_link(view, rng)
    if link is None or len(content(link.child)) < 1:
        return None
    noun, other = view.noun(link.child, rng), view.noun(link.parent, rng)
    limit = condition(view, link.parent, rng)
    own = condition(view, link.child, rng) if rng.random() < 0.25 else None
    avoid = own.columns if own else ()
    chosen = choose(view, link.child, noun, rng, how_many(rng), avoid=avoid)
    if limit is None or chosen is None:
        return None
    both = own is not None
    limits = [limit.sql("T2", beside=both), *([own.sql("T1", beside=True)] if own else [])]
    clause = attached(link, other, limit, rng)
    if own:
        clause = f"{clause}, but only those {own.clause(rng)}"
    return Filling(
        f"SELECT {chosen.sql('T1')} {joined(link)}{where(*limits)}",
        {"n": noun.singular, "ns": noun.plural, "cond": f" {clause}", **chosen.slots()},
    )


def _parent_by_child(view: View, rng: random.Random) -> Filling | None:
    """Columns of the parent under a condition on some child of it."""
    link = pick_link(view, rng, alone=True)
    if link is None:
        return None
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    limit = condition(view, link.child, rng)
    chosen = choose(view, link.parent, noun, rng, how_many(rng, 2))
    if limit is None or chosen is None:
        return None
    return Filling(
        f"SELECT DISTINCT {chosen.sql('T1')} {joined(link, parent_first=True)}"
        f"{where(limit.sql('T2'))}",
        {
            "ns": noun.plural,
            "n": noun.singular,
            "kids": f"{other.plural} {limit.clause(rng)}",
            **chosen.slots(),
        },
    )


def _side_by_side(view: View, rng: random.Random) -> Filling | None:
    """Columns of the child beside those of its parent."""
    link = pick_link(view, rng, alone=True)
    if link is None:
        return None
    noun, other = view.noun(link.child, rng), view.noun(link.parent, rng)
    limit = condition(view, link.child, rng) if rng.random() < 0.6 else None
    mine = choose(
        view, link.child, noun, rng, how_many(rng, 2), avoid=limit.columns if limit else ()
    )
    theirs = choose(view, link.parent, other, rng, 1)
    if mine is None or theirs is None:
        return None
    clause = f" {limit.clause(rng)}" if limit else ""
    word = theirs.words[0]
    return Filling(
        f"SELECT {mine.sql('T1')}, {theirs.sql('T2')} {joined(link)}"
        + where(*([limit.sql("T1")] if limit else [])),
        {
            "ns": noun.plural,
            "n": noun.singular,
            "cond": clause,
            "col": listing(mine.words),
            "cols": listing(mine.plurals),
            "theirs": word,
            "all_theirs": theirs.plurals[0],
            "its": view.its(link.child),
            "parent": other.singular,
            "parents": other.plural,
        },
    )


def _count_by_parent(view: View, rng: random.Random) -> Filling | None:
    """How many children belong to parents of a kind."""
    link = pick_link(view, rng)
    if link is None:
        return None
    limit = condition(view, link.parent, rng)
    if limit is None:
        return None
    noun, other = view.noun(link.child, rng), view.noun(link.parent, rng)
    return Filling(
        f"SELECT COUNT(*) {joined(link)}{where(limit.sql('T2'))}",
        {"ns": noun.plural, "n": noun.singular, "cond": f" {attached(link, other, limit, rng)}"},
    )


def _aggregate_by_parent(view: View, rng: random.Random) -> Filling | None:
    """A total or average over the children of parents of a kind."""
    link = pick_link(view, rng)
    measures = view.columns(link.child, MEASURES) if link else []
    if link is None or not measures:
        return None
    limit = condition(view, link.parent, rng)
    if limit is None:
        return None
    noun, other = view.noun(link.child, rng), view.noun(link.parent, rng)
    column = rng.choice(measures)
    function = rng.choice(functions_of(column))
    word = aggregate_word(function, column, spoken(view, link.child, column, noun, rng), rng)
    return Filling(
        f"SELECT {function}(T1.{qualified(column)}) {joined(link)}{where(limit.sql('T2'))}",
        {"ns": noun.plural, "agg": word, "cond": f" {attached(link, other, limit, rng)}"},
    )


CHILD_FRAMES = (
    "What are the {cols} of the {ns}{cond}?",
    "{show} the {col} of {every} {n}{cond}.",
    "{show} the {cols} of all {ns}{cond}.",
    "Find the {ns}{cond} and {then} their {cols}.",
    "For the {ns}{cond}, {then} the {cols}.",
    "I want to see the {cols} of the {ns}{cond}.",
    "Can you {then} the {cols} of the {ns}{cond}?",
)
PARENT_FRAMES = (
    "What are the different {cols} of the {ns} that have {kids}?",
    "{show} the distinct {cols} of all {ns} with {kids}.",
    "Which {ns} have {kids}? {show} their {cols} without repeats.",
    "Without duplicates, {then} the {cols} of the {ns} that have {kids}.",
    "For the {ns} with {kids}, {then} the different {cols}.",
    "Looking for {ns} that have {kids}: {then} each distinct {col}.",
)
PATTERNS = (
    Pattern("child_by_parent", "join", 2.5, CHILD_FRAMES, _child_by_parent),
    Pattern("parent_by_child", "join", 1.5, PARENT_FRAMES, _parent_by_child),
    Pattern(
        "side_by_side",
        "join",
        2.0,
        (
            "{show} the {col} of {every} {n}{cond} together with the {theirs} of {its} {parent}.",
            "For {every} {n}{cond}, what are the {col} and the {parent}'s {theirs}?",
            "What are the {cols} of the {ns}{cond}, and the {all_theirs} of their {parents}?",
            "{show} all {ns}{cond} with their {cols} and the {theirs} of the {parent}.",
            "Beside the {col} of {every} {n}{cond}, {then} the {theirs} of the {parent}.",
            "I need the {col} and the {parent}'s {theirs} for {every} {n}{cond}.",
        ),
        _side_by_side,
    ),
    Pattern(
        "count_by_parent",
        "join",
        1.0,
        (
            "How many {ns}{cond} are there?",
            "Count the {ns}{cond}.",
            "What is the number of {ns}{cond}?",
            "{show} the number of {ns}{cond}.",
            "Tell me how many {ns} there are{cond}.",
            "I need a count of the {ns}{cond}.",
        ),
        _count_by_parent,
    ),
    Pattern(
        "aggregate_by_parent",
        "join",
        0.8,
        (
            "What is the {agg} of the {ns}{cond}?",
            "{show} the {agg} of all {ns}{cond}.",
            "Calculate the {agg} of the {ns}{cond}.",
            "For the {ns}{cond}, compute the {agg}.",
            "Considering only {ns}{cond}, what is the {agg}?",
        ),
        _aggregate_by_parent,
    ),
)
