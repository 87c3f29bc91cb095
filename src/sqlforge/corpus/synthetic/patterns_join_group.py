"""Patterns that group or order rows across linked tables."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.pattern import Filling, Pattern, Ties, choose, qualified, spoken
from sqlforge.corpus.synthetic.patterns_aggregate import aggregate_word, functions_of
from sqlforge.corpus.synthetic.patterns_group import groupable, tally
from sqlforge.corpus.synthetic.patterns_join import joined, must_key, pick_link
from sqlforge.corpus.synthetic.patterns_order import superlative
from sqlforge.corpus.synthetic.phrases import number_word, plural
from sqlforge.corpus.synthetic.view import MEASURES, ORDERED, Link, View


def _parent(view: View, link: Link, rng: random.Random) -> tuple[str, dict[str, str]] | None:
    """The parent's column to show (its name if it has one) and the slots for both tables."""
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    chosen = choose(view, link.parent, noun, rng, 1, must=view.label(link.parent))
    if chosen is None:
        return None
    slots = {
        "n": noun.singular,
        "ns": noun.plural,
        "kid": other.singular,
        "kids": other.plural,
        "its": view.its(link.parent),
        # A join leaves out parents without children: where there are some, the question says so.
        "skip": "" if view.covers(link) else f", leaving out {noun.plural} without any",
    }
    return chosen.sql("T1"), {**slots, **chosen.slots()}


def _grouped(link: Link) -> str:
    key = qualified(must_key(link.parent), "T1")
    return f"{joined(link, parent_first=True)} GROUP BY {key}"


def _count_per_parent(view: View, rng: random.Random) -> Filling | None:
    link = pick_link(view, rng, alone=True)
    found = _parent(view, link, rng) if link else None
    if link is None or found is None:
        return None
    column, slots = found
    return Filling(f"SELECT {column}, COUNT(*) {_grouped(link)}", slots)


def _aggregate_per_parent(view: View, rng: random.Random) -> Filling | None:
    link = pick_link(view, rng, alone=True)
    found = _parent(view, link, rng) if link else None
    measures = view.columns(link.child, MEASURES) if link else []
    if link is None or found is None or not measures:
        return None
    column, slots = found
    measure = rng.choice(measures)
    function = rng.choice(functions_of(measure))
    word = aggregate_word(function, measure, view.word(link.child, measure, rng), rng)
    sql = f"SELECT {column}, {function}(T2.{qualified(measure)}) {_grouped(link)}"
    return Filling(sql, {**slots, "agg": word})


def _busiest_parent(view: View, rng: random.Random) -> Filling | None:
    link = pick_link(view, rng, alone=True)
    found = _parent(view, link, rng) if link else None
    if link is None or found is None:
        return None
    column, slots = found
    most, count = rng.random() < 0.75, rng.choice((1, 1, 1, 3))
    tail = f"{_grouped(link)} ORDER BY COUNT(*){' DESC' if most else ''}"
    slots |= {
        "most": "most" if most else "fewest",
        "largest": "largest" if most else "smallest",
        "any": "" if most else " (but at least one)",
    }
    if count > 1:
        slots |= {"n": f"{number_word(count)} {slots['ns']}", "col": slots["cols"], "is": "are"}
        slots |= {"has": "have"}
    else:
        slots |= {"has": "has"}
    sql = f"SELECT {column} {tail} LIMIT {count}"
    return Filling(sql, slots, Ties(f"SELECT COUNT(*) {tail}", count))


def _having_children(view: View, rng: random.Random) -> Filling | None:
    link = pick_link(view, rng, alone=True)
    found = _parent(view, link, rng) if link else None
    if link is None or found is None:
        return None
    column, slots = found
    sign, number, said = tally(rng)
    if sign in ("<", "<="):  # a parent without children would count too, but is not in the join
        sign, said = ">=", f"at least {number_word(number)}"
    sql = f"SELECT {column} {_grouped(link)} HAVING COUNT(*) {sign} {number}"
    return Filling(sql, {**slots, "tally": said})


def _by_parent_category(view: View, rng: random.Random) -> Filling | None:
    """Children counted or averaged by a property of their parent."""
    link = pick_link(view, rng, alone=True)
    options = groupable(view, link.parent) if link else []
    if link is None or not options:
        return None
    column = rng.choice(options)
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    word = spoken(view, link.parent, column, noun, rng)
    measures = view.columns(link.child, MEASURES)
    target, said = "COUNT(*)", f"number of {other.plural}"
    if measures and rng.random() < 0.5:
        measure = rng.choice(measures)
        function = rng.choice(functions_of(measure))
        target = f"{function}(T1.{qualified(measure)})"
        inner = spoken(view, link.child, measure, other, rng)
        said = f"{aggregate_word(function, measure, inner, rng)} of the {other.plural}"
    group = qualified(column, "T2")
    return Filling(
        f"SELECT {group}, {target} {joined(link)} GROUP BY {group}",
        {"group": word, "groups": plural(word), "n": noun.singular, "ns": noun.plural, "agg": said},
    )


def _parent_of_best(view: View, rng: random.Random) -> Filling | None:
    """A column of the parent of the child that leads an order."""
    link = pick_link(view, rng, alone=True)
    keys = view.columns(link.child, ORDERED, nulls=False) if link else []
    if link is None or not keys:
        return None
    by = rng.choice(keys)
    noun, other = view.noun(link.parent, rng), view.noun(link.child, rng)
    chosen = choose(view, link.parent, noun, rng, 1)
    if chosen is None:
        return None
    most = rng.random() < 0.6
    before, after = superlative(view, link.child, by, other, rng, most=most)
    kid = f"{before} {other.singular}{after}"
    older = f"belongs to the {kid}"
    tail = f"{joined(link)} ORDER BY {qualified(by, 'T1')}{' DESC' if most else ''}"
    return Filling(
        f"SELECT {chosen.sql('T2')} {tail} LIMIT 1",
        {
            "n": noun.singular,
            "kid": kid,
            "belongs": f"the {kid} belongs to" if view.kid_belongs else older,
            "does_belong": f"does the {kid} belong to" if view.kid_belongs else older,
            **chosen.slots(),
            "its": view.its(link.parent),
        },
        Ties(f"SELECT {qualified(by, 'T1')} {tail}", 1),
    )


PATTERNS = (
    Pattern(
        "count_per_parent",
        "join_group",
        1.3,
        (
            "How many {kids} does each {n} have{skip}? {show} the {col} and the number.",
            "For each {n} with any {kids}, {then} the {col} and the number of {kids}.",
            "{show} the {col} of {every} {n}, along with {its} number of {kids}{skip}.",
            "Count the {kids} of each {n}{skip} and {then} the {n}'s {col} and the count.",
            "What are the {cols} of the {ns} that have {kids}, and how many {kids} for each?",
            "{show} the {cols} of the {ns} and their numbers of {kids}{skip}.",
        ),
        _count_per_parent,
    ),
    Pattern(
        "aggregate_per_parent",
        "join_group",
        1.2,
        (
            "For each {n} with any {kids}, {then} the {col} and the {agg} of {its} {kids}.",
            "{show} the {col} of {every} {n} that has {kids}, with the {agg} of {its} {kids}.",
            "What is the {agg} of the {kids} of each {n}{skip}? {show} it after the {n}'s {col}.",
            "What are the {cols} of the {ns} that have {kids}, and the {agg} of those {kids}?",
            "Per {n}{skip}, compute the {agg} of {its} {kids}; put the {n}'s {col} first.",
            "Beside the {col} of {every} {n} that has {kids}, {then} the {agg} of those {kids}.",
        ),
        _aggregate_per_parent,
    ),
    Pattern(
        "busiest_parent",
        "join_group",
        1.0,
        (
            "What {is} the {col} of the {n} with the {most} {kids}{any}?",
            "{show} the {col} of the {n} that {has} the {most} {kids}{any}.",
            "Which {n} {has} the {largest} number of {kids}{any}? {show} the {col}.",
            "Find the {n} with the {largest} number of {kids}{any} and {then} the {col}.",
            "By number of {kids}{any}, which {n} {has} the {most}? {show} the {col}.",
        ),
        _busiest_parent,
    ),
    Pattern(
        "having_children",
        "join_group",
        1.2,
        (
            "Which {ns} have {tally} {kids}? {show} the {col}.",
            "{show} the {cols} of the {ns} with {tally} {kids}.",
            "What are the {cols} of all {ns} that have {tally} {kids}?",
            "Find every {n} with {tally} {kids} and {then} the {col}.",
            "For {ns} that have {tally} {kids}, {then} the {col}.",
            "{show} the {col} of {every} {n} for which there are {tally} {kids}.",
        ),
        _having_children,
    ),
    Pattern(
        "by_parent_category",
        "join_group",
        1.2,
        (
            "What is the {agg} for each {group} of the {n}?",
            "For each {n} {group}, {then} the {agg}.",
            "{show} the {groups} of the {ns}, each with the {agg}.",
            "Grouped by the {group} of the {n}, what is the {agg}?",
            "Per {group} of the {n}, {then} the {agg}.",
        ),
        _by_parent_category,
    ),
    Pattern(
        "parent_of_best",
        "join_group",
        1.0,
        (
            "What is the {col} of the {n} of the {kid}?",
            "For the {kid}, what is the {col} of the {n}?",
            "{show} the {col} of the {n} that {belongs}.",
            "Find the {kid} and {then} the {n}'s {col}.",
            "Which {n} {does_belong}? {show} {its} {col}.",
        ),
        _parent_of_best,
    ),
)
