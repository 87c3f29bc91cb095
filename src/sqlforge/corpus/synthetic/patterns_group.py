"""Patterns over one table with GROUP BY and HAVING."""

from __future__ import annotations

import random

from sqlforge.corpus.synthetic.build import name
from sqlforge.corpus.synthetic.conditions import condition
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
from sqlforge.corpus.synthetic.patterns_aggregate import aggregate_word, averaged, functions_of
from sqlforge.corpus.synthetic.phrases import article, number_word, plural
from sqlforge.corpus.synthetic.view import MEASURES, Noun, View


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
        if 2 <= len(set(values := view.values(table, column))) <= 0.7 * len(values)
    ]


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
        shown, also = ", COUNT(*)", " Show that number as well."
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
    measures = averaged(view.columns(table, MEASURES, nulls=False)) if table else []
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
            "a_agg": article(word),
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


PATTERNS = (
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
            "Group the {ns}{cond} by {group}; {then} each {group} and the {agg}.",
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
            "Which {groups} are shared by {tally} {rows}{cond}?{also}",
            "{show} the {groups} that {tally} {rows}{cond} have.{also}",
            "Find every {group} that occurs for {tally} {rows}{cond}.{also}",
            "What are the {groups} with {tally} {rows}{cond}?{also}",
            "For which {groups} are there {tally} {rows}{cond}?{also}",
            "{show} {every} {group} with {tally} {rows}{cond}.{also}",
        ),
        _having,
    ),
    Pattern(
        "having_average",
        "group",
        0.6,
        (
            "Which {groups} have {ns} with {a_agg} {level}?",
            "{show} the {groups} where the {agg} of the {ns} is {level}.",
            "For which {groups} is the {agg} of the {ns} {level}?",
            "Find every {group} whose {ns} have {a_agg} {level}.",
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
