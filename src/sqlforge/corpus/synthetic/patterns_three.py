"""Patterns over three linked tables."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.conditions import condition
from sqlforge.corpus.synthetic.pattern import Filling, Pattern, choose, how_many, qualified, where
from sqlforge.corpus.synthetic.patterns_join import (
    CHILD_FRAMES,
    PARENT_FRAMES,
    attached,
    joined,
    must_key,
)
from sqlforge.corpus.synthetic.view import Link, View


def pick_pair(view: View, rng: random.Random) -> tuple[Link, Link] | None:
    """Two foreign keys of one table to two different tables."""
    pairs = [
        (one, other)
        for one in view.links
        for other in view.links
        if one.child is other.child and one.parent is not other.parent and one.alone and other.alone
    ]
    return rng.choice(pairs) if pairs else None


def bridged(one: Link, other: Link) -> str:
    """FROM and JOINs from ``one``'s parent (T1) through the child (T2) to ``other``'s (T3)."""
    return (
        f"{joined(one, parent_first=True)} JOIN {name(other.parent.name)} AS T3"
        f" ON T2.{qualified(other.column)} = T3.{qualified(must_key(other.parent))}"
    )


def _through(view: View, rng: random.Random) -> Filling | None:
    """Rows of one table that a third table links with rows of another."""
    pair = pick_pair(view, rng)
    if pair is None:
        return None
    one, other = pair
    noun, between = view.noun(one.parent, rng), view.noun(one.child, rng)
    far = view.noun(other.parent, rng)
    limit = condition(view, other.parent, rng)
    chosen = choose(view, one.parent, noun, rng, how_many(rng, 2))
    if limit is None or chosen is None:
        return None
    return Filling(
        f"SELECT DISTINCT {chosen.sql('T1')} {bridged(one, other)}{where(limit.sql('T3'))}",
        {
            "ns": noun.plural,
            "n": noun.singular,
            "kids": f"{between.plural} {attached(other, far, limit, rng)}",
            **chosen.slots(),
        },
    )


def _both_ends(view: View, rng: random.Random) -> Filling | None:
    """A column from each end of a linking table, row by row."""
    pair = pick_pair(view, rng)
    if pair is None:
        return None
    one, other = pair
    left, right = view.noun(one.parent, rng), view.noun(other.parent, rng)
    between = view.noun(one.child, rng)
    near, far = choose(view, one.parent, left, rng, 1), choose(view, other.parent, right, rng, 1)
    limit = condition(view, one.child, rng) if rng.random() < 0.6 else None
    if near is None or far is None:
        return None
    child, key = name(one.child.name), qualified(must_key(one.parent))
    sql = (
        f"SELECT {near.sql('T2')}, {far.sql('T3')} FROM {child} AS T1"
        f" JOIN {name(one.parent.name)} AS T2 ON T1.{qualified(one.column)} = T2.{key}"
        f" JOIN {name(other.parent.name)} AS T3"
        f" ON T1.{qualified(other.column)} = T3.{qualified(must_key(other.parent))}"
    )
    return Filling(
        sql + where(*([limit.sql("T1")] if limit else [])),
        {
            "n": between.singular,
            "ns": between.plural,
            "cond": f" {limit.clause(rng)}" if limit else "",
            "near": f"{near.words[0]} of the {left.singular}",
            "far": f"{far.words[0]} of the {right.singular}",
        },
    )


def _chain(view: View, rng: random.Random) -> Filling | None:
    """Children of children: orders placed by customers living in cities that…"""
    chains = [
        (one, two)
        for one in view.links
        for two in view.links
        if one.parent is two.child and two.parent is not one.child
    ]
    if not chains:
        return None
    one, two = rng.choice(chains)
    limit = condition(view, two.parent, rng)
    noun, middle = view.noun(one.child, rng), view.noun(one.parent, rng)
    chosen = choose(view, one.child, noun, rng, how_many(rng, 2))
    if limit is None or chosen is None:
        return None
    sql = (
        f"SELECT {chosen.sql('T1')} {joined(one)} JOIN {name(two.parent.name)} AS T3"
        f" ON T2.{qualified(two.column)} = T3.{qualified(must_key(two.parent))}"
        f"{where(limit.sql('T3'))}"
    )
    clause = f"{one.verb} {middle.plural} {attached(two, view.noun(two.parent, rng), limit, rng)}"
    return Filling(
        sql, {"n": noun.singular, "ns": noun.plural, "cond": f" {clause}", **chosen.slots()}
    )


_TWO_COLUMNS = (
    "{show} the {near} and the {far} for {every} {n}{cond}.",
    "For {every} {n}{cond}, what are the {near} and the {far}?",
    "What are the {near} and the {far} of {every} {n}{cond}?",
    "Go through the {ns}{cond} and {then} the {near} and the {far} for each.",
    "{show} all {ns}{cond} with the {near} and the {far}.",
)
PATTERNS = (
    Pattern("through", "join", 1.3, PARENT_FRAMES, _through),
    Pattern("both_ends", "join", 1.0, _TWO_COLUMNS, _both_ends),
    Pattern("chain", "join", 1.2, CHILD_FRAMES, _chain),
)
