"""Patterns over one table: aggregates, GROUP BY and HAVING."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.conditions import Condition, combined, condition
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.pattern import (
    Filling,
    Pattern,
    Ties,
    entity,
    qualified,
    spoken,
    subject,
    where,
)
from sqlforge.corpus.synthetic.phrases import listing, number_word, plural
from sqlforge.corpus.synthetic.view import MEASURES, Noun, View

AGGREGATES = {
    "AVG": ("average", "mean", "average"),
    "SUM": ("total", "combined", "summed-up"),
    "MAX": ("highest", "maximum", "largest"),
    "MIN": ("lowest", "minimum", "smallest"),
}
_DATED = {"MAX": ("latest", "most recent"), "MIN": ("earliest", "first")}


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
    return ("AVG", "AVG", "SUM", "MAX", "MIN") if column.role in MEASURES else ("MAX", "MIN")


def tally(rng: random.Random) -> tuple[str, int, str]:
    """A comparison for counts: sign, number and how it is said ("at least three")."""
    number = rng.choice((2, 2, 3, 3, 4, 5, 6))
    sign, said = rng.choice(
        (
            (">=", ("at least", "no fewer than")),
            (">", ("more than", "over")),
            ("<", ("fewer than", "less than")),
            ("<=", ("at most", "no more than")),
            ("=", ("exactly",)),
        )
    )
    shown = number_word(number) if rng.random() < 0.5 else str(number)
    return sign, number, f"{rng.choice(said)} {shown}"


def groupable(view: View, table: DomainTable) -> list[DomainColumn]:
    """Columns whose values divide the rows: few values, none missing."""
    return [
        column
        for column in view.columns(table, ("category", "flag", "year", "name"), nulls=False)
        if 2 <= len(set(view.values(table, column))) <= 0.7 * len(view.rows[table.name])
    ]


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


def _group_count(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    options = groupable(view, table) if table else []
    if table is None or not options:
        return None
    column = rng.choice(options)
    noun = view.noun(table, rng)
    limit = condition(view, table, rng, avoid=(column.name,)) if rng.random() < 0.5 else None
    tail = where(*([limit.sql()] if limit else []))
    sql = f"SELECT {qualified(column)}, COUNT(*) FROM {name(table.name)}{tail}"
    return Filling(
        f"{sql} GROUP BY {qualified(column)}",
        {**subject(noun, limit, rng), **_group_words(view, table, column, noun, rng)},
    )


def _group_words(
    view: View, table: DomainTable, column: DomainColumn, noun: Noun, rng: random.Random
) -> dict[str, str]:
    word = spoken(view, table, column, noun, rng)
    return {"group": word, "groups": plural(word)}


def _group_aggregate(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    options = groupable(view, table) if table else []
    measures = view.columns(table, MEASURES) if table else []
    if table is None or not options or not measures:
        return None
    column, measure = rng.choice(options), rng.choice(measures)
    noun = view.noun(table, rng)
    avoid = (column.name, measure.name)
    limit = condition(view, table, rng, avoid=avoid) if rng.random() < 0.35 else None
    function = rng.choice(functions_of(measure))
    word = aggregate_word(function, measure, spoken(view, table, measure, noun, rng), rng)
    sql = f"SELECT {qualified(column)}, {function}({qualified(measure)}) FROM {name(table.name)}"
    sql += where(*([limit.sql()] if limit else [])) + f" GROUP BY {qualified(column)}"
    words = _group_words(view, table, column, noun, rng)
    return Filling(sql, {**subject(noun, limit, rng), **words, "agg": word})


def _having(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    options = groupable(view, table) if table else []
    if table is None or not options:
        return None
    column = rng.choice(options)
    noun = view.noun(table, rng)
    limit = condition(view, table, rng, avoid=(column.name,)) if rng.random() < 0.3 else None
    sign, number, said = tally(rng)
    shown, also = "", ""
    if rng.random() < 0.3:
        shown, also = ", COUNT(*)", " along with that number"
    sql = f"SELECT {qualified(column)}{shown} FROM {name(table.name)}"
    sql += where(*([limit.sql()] if limit else []))
    sql += f" GROUP BY {qualified(column)} HAVING COUNT(*) {sign} {number}"
    many = noun.plural if not said.endswith((" one", " 1")) else noun.singular
    words = _group_words(view, table, column, noun, rng)
    slots = {**subject(noun, limit, rng), **words, "tally": said, "rows": many, "also": also}
    return Filling(sql, slots)


def _having_average(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    options = groupable(view, table) if table else []
    measures = view.columns(table, MEASURES, nulls=False) if table else []
    if table is None or not options or not measures:
        return None
    column, measure = rng.choice(options), rng.choice(measures)
    noun = view.noun(table, rng)
    values = [value for value in view.values(table, measure) if isinstance(value, int | float)]
    middle = float(f"{sum(values) / len(values):.2g}")
    level = int(middle) if middle.is_integer() else middle
    sign, said = rng.choice(((">", "above"), (">", "more than"), ("<", "below"), ("<", "under")))
    word = aggregate_word("AVG", measure, spoken(view, table, measure, noun, rng), rng)
    sql = f"SELECT {qualified(column)} FROM {name(table.name)} GROUP BY {qualified(column)}"
    return Filling(
        f"{sql} HAVING AVG({qualified(measure)}) {sign} {level}",
        {
            **subject(noun, None, rng),
            **_group_words(view, table, column, noun, rng),
            "agg": word,
            "level": f"{said} {level}",
        },
    )


def _commonest(view: View, rng: random.Random) -> Filling | None:
    table = entity(view, rng)
    options = groupable(view, table) if table else []
    if table is None or not options:
        return None
    column = rng.choice(options)
    noun = view.noun(table, rng)
    limit = condition(view, table, rng, avoid=(column.name,)) if rng.random() < 0.3 else None
    most = rng.random() < 0.7
    tail = f"FROM {name(table.name)}" + where(*([limit.sql()] if limit else []))
    tail += f" GROUP BY {qualified(column)} ORDER BY COUNT(*){' DESC' if most else ''}"
    slots = {
        **subject(noun, limit, rng),
        **_group_words(view, table, column, noun, rng),
        "common": rng.choice(("most common", "most frequent"))
        if most
        else rng.choice(("least common", "rarest")),
        "most": "most" if most else "fewest",
        "largest": "largest" if most else "smallest",
    }
    return Filling(
        f"SELECT {qualified(column)} {tail} LIMIT 1", slots, Ties(f"SELECT COUNT(*) {tail}", 1)
    )


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
    Pattern(
        "group_count",
        "group",
        1.5,
        (
            "How many {ns}{cond} are there for each {group}?",
            "For each {group}, count the {ns}{cond}.",
            "{show} {every} {group} with the number of {ns}{cond}.",
            "What are the {groups} of the {ns}{cond}, and how many {ns} belong to each?",
            "Count the {ns}{cond}, grouped by {group}.",
            "{show} the {groups} and how many {ns}{cond} there are in each.",
            "Per {group}, what is the number of {ns}{cond}?",
        ),
        _group_count,
    ),
    Pattern(
        "group_aggregate",
        "group",
        1.3,
        (
            "What is the {agg} of the {ns}{cond} for each {group}?",
            "For each {group}, {then} the {agg} of the {ns}{cond}.",
            "{show} {every} {group} with the {agg} of its {ns}{cond}.",
            "Group the {ns}{cond} by {group} and {then} the {agg} of each group.",
            "Per {group}, what is the {agg} of the {ns}{cond}?",
            "{show} the {groups} of the {ns}{cond} together with the {agg} for each.",
        ),
        _group_aggregate,
    ),
    Pattern(
        "having",
        "group",
        1.0,
        (
            "Which {groups} are shared by {tally} {rows}{cond}{also}?",
            "{show} the {groups} that {tally} {rows}{cond} have{also}.",
            "Find every {group} that occurs for {tally} {rows}{cond}{also}.",
            "What are the {groups} with {tally} {rows}{cond}{also}?",
            "For which {groups} are there {tally} {rows}{cond}{also}?",
            "{show} {every} {group} with {tally} {rows}{cond}{also}.",
        ),
        _having,
    ),
    Pattern(
        "having_average",
        "group",
        0.6,
        (
            "Which {groups} have {ns} with an {agg} {level}?",
            "{show} the {groups} where the {agg} of the {ns} is {level}.",
            "For which {groups} is the {agg} of the {ns} {level}?",
            "Find every {group} whose {ns} have an {agg} {level}.",
            "Group the {ns} by {group}: where is the {agg} {level}? {show} the {groups}.",
        ),
        _having_average,
    ),
    Pattern(
        "commonest",
        "group",
        0.8,
        (
            "What is the {common} {group} among the {ns}{cond}?",
            "Which {group} is the {common} for the {ns}{cond}?",
            "{show} the {group} that has the {most} {ns}{cond}.",
            "Which {group} has the {largest} number of {ns}{cond}?",
            "Find the {group} shared by the {most} {ns}{cond}.",
            "{show} the {common} {group} of all {ns}{cond}.",
        ),
        _commonest,
    ),
)
