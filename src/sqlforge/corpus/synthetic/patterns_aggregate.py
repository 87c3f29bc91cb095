"""Patterns over one table that count, add up and compare."""

from __future__ import annotations

import random
from collections.abc import Sequence

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.condition import Condition
from sqlforge.corpus.synthetic.conditions import combined, condition
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.pattern import (
    Filling,
    Pattern,
    entity,
    qualified,
    spoken,
    subject,
    where,
)
from sqlforge.corpus.synthetic.phrases import listing, plural
from sqlforge.corpus.synthetic.view import MEASURES, View

AGGREGATES = {
    "AVG": ("average", "mean", "average"),
    "SUM": ("total", "combined", "summed-up"),
    "MAX": ("highest", "maximum", "largest"),
    "MIN": ("lowest", "minimum", "smallest"),
}
_DATED = {"MAX": ("latest", "most recent"), "MIN": ("earliest",)}


def aggregate_word(function: str, column: DomainColumn, word: str, rng: random.Random) -> str:
    """The column's word with the aggregate said before it: "average price"."""
    if column.role in ("date", "year"):
        return f"{rng.choice(_DATED[function])} {word}"
    options = AGGREGATES[function]
    # "the total total amount" and "the average average rent" help nobody.
    fresh = [option for option in options if option not in word.split()]
    said = rng.choice(fresh or options)
    if word.startswith("number of ") and function == "SUM":
        said = "total"
    return f"{said} {word}"


def functions_of(column: DomainColumn) -> tuple[str, ...]:
    """The aggregates that make sense for a column."""
    if column.functions:
        return column.functions
    return ("AVG", "AVG", "SUM", "MAX", "MIN") if column.role in MEASURES else ("MAX", "MIN")


def averaged(columns: Sequence[DomainColumn]) -> list[DomainColumn]:
    """Those of the columns whose average makes sense."""
    return [column for column in columns if "AVG" in functions_of(column)]


def _count(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    if table is None:
        return None
    pick = rng.random()
    if pick < 0.12:
        limit = None
    else:
        make = condition if pick < 0.8 else combined
        limit = make(view, table, rng)
    sql = f"SELECT COUNT(*) FROM {name(table.name)}" + where(*([limit.sql()] if limit else []))
    return Filling(sql, subject(view.noun(table, rng), limit, rng))


def _count_distinct(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    if table is None:
        return None
    options = [
        column
        for column in view.columns(table, ("category", "name", "year"), nulls=False)
        if not view.is_unique(table, column)
    ]
    if not options:
        return None
    column = rng.choice(options)
    limit = condition(view, table, rng, avoid=(column.name,)) if rng.random() < 0.6 else None
    noun = view.noun(table, rng)
    word = spoken(view, table, column, noun, rng)
    sql = f"SELECT COUNT(DISTINCT {qualified(column)}) FROM {name(table.name)}"
    sql += where(*([limit.sql()] if limit else []))
    return Filling(sql, {**subject(noun, limit, rng), "col": word, "cols": plural(word)})


def _measure(view: View, table: DomainTable, rng: random.Random) -> DomainColumn | None:
    options = view.columns(table, (*MEASURES, *MEASURES, "date"))
    return rng.choice(options) if options else None


def _aggregate(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    column = _measure(view, table, rng) if table else None
    if table is None or column is None:
        return None
    limit: Condition | None = None
    if rng.random() < 0.75:
        limit = condition(view, table, rng, avoid=(column.name,))
    noun = view.noun(table, rng)
    function = rng.choice(functions_of(column))
    sql = f"SELECT {function}({qualified(column)}) FROM {name(table.name)}"
    sql += where(*([limit.sql()] if limit else []))
    word = aggregate_word(function, column, spoken(view, table, column, noun, rng), rng)
    return Filling(sql, {**subject(noun, limit, rng), "agg": word})


def _aggregates(view: View, rng: random.Random) -> Filling | None:
    """Two or three aggregates of one column, or of two."""
    table = entity(view, rng)
    column = _measure(view, table, rng) if table else None
    if table is None or column is None:
        return None
    noun = view.noun(table, rng)
    limit = condition(view, table, rng, avoid=(column.name,)) if rng.random() < 0.6 else None
    pool = list(dict.fromkeys(functions_of(column)))
    functions = rng.sample(pool, min(len(pool), rng.choice((2, 2, 3))))
    word = spoken(view, table, column, noun, rng)
    said = [aggregate_word(f, column, word, rng).removesuffix(f" {word}") for f in functions]
    chosen = [f"{function}({qualified(column)})" for function in functions]
    phrase = f"{listing(said)} {word}"
    if rng.random() < 0.3:
        chosen.insert(0, "COUNT(*)")
        phrase = f"number of {noun.plural} and the {phrase}"
        if limit:  # "the number of orders and the average total of the orders …" says it twice
            phrase = phrase.replace(f"number of {noun.plural}", "number", 1)
    sql = f"SELECT {', '.join(chosen)} FROM {name(table.name)}"
    sql += where(*([limit.sql()] if limit else []))
    return Filling(sql, {**subject(noun, limit, rng), "agg": phrase})


_AGGREGATE_FRAMES = (
    "What is the {agg} of all {ns}{cond}?",
    "{show} the {agg} of the {ns}{cond}.",
    "Calculate the {agg} across all {ns}{cond}.",
    "Among the {ns}{cond}, what is the {agg}?",
    "For the {ns}{cond}, compute the {agg}.",
    "Tell me the {agg} over all {ns}{cond}.",
    "Looking only at {ns}{cond}, what is the {agg}?",
)
PATTERNS = (
    Pattern(
        "count",
        "aggregate",
        2.0,
        (
            "How many {ns}{cond} are there?",
            "Count the {ns}{cond}.",
            "What is the number of {ns}{cond}?",
            "{show} the total number of {ns}{cond}.",
            "Tell me how many {ns} there are{cond}.",
            "I need a count of all {ns}{cond}.",
            "How many {ns}{cond} do we know of?",
        ),
        _count,
    ),
    Pattern(
        "count_distinct",
        "aggregate",
        0.8,
        (
            "How many different {cols} do the {ns}{cond} have?",
            "Count the distinct {cols} of the {ns}{cond}.",
            "What is the number of different {cols} among the {ns}{cond}?",
            "Among the {ns}{cond}, how many different {cols} occur?",
            "How many distinct {cols} are there among the {ns}{cond}?",
            "{show} how many different {cols} the {ns}{cond} have.",
        ),
        _count_distinct,
    ),
    Pattern("aggregate", "aggregate", 2.0, _AGGREGATE_FRAMES, _aggregate),
    Pattern("aggregates", "aggregate", 1.0, _AGGREGATE_FRAMES, _aggregates),
)
