"""Choose a condition for a table: one column, or two joined by AND or OR."""

from __future__ import annotations

import random
from collections.abc import Sequence

from sqlforge.corpus.synthetic.comparisons import DAY, MAKERS
from sqlforge.corpus.synthetic.condition import Asked, Condition
from sqlforge.corpus.synthetic.domain import DomainColumn, DomainTable
from sqlforge.corpus.synthetic.view import View

_COMBINABLE = ("equal", "compare", "starts", "contains", "missing", "present")


def condition(
    view: View,
    table: DomainTable,
    rng: random.Random,
    *,
    avoid: Sequence[str] = (),
    ways: Sequence[str] | None = None,
) -> Condition | None:
    """A condition on a column of ``table`` outside ``avoid``, its value taken from the rows.

    ``ways`` limits the choice to some of :data:`~.comparisons.MAKERS`. ``None`` if the table has
    no column for that.
    """
    options = [
        (column, way, weight)
        for column in table.columns
        if column.name not in avoid and view.words(table, column)
        for way, weight in _ways(view, table, column)
        if ways is None or way in ways
    ]
    if not options:
        return None
    column, way, _ = rng.choices(options, [weight for *_, weight in options])[0]
    return MAKERS[way](Asked.about(view, table, column, rng))


def combined(
    view: View, table: DomainTable, rng: random.Random, *, avoid: Sequence[str] = ()
) -> Condition | None:
    """Two conditions on different columns, joined by AND or OR."""
    first = condition(view, table, rng, avoid=avoid, ways=_COMBINABLE)
    if first is None:
        return None
    second = condition(view, table, rng, avoid=(*avoid, *first.columns), ways=_COMBINABLE)
    if second is None:
        return None
    word = "and" if rng.random() < 0.65 else "or"
    return Condition(
        columns=(*first.columns, *second.columns),
        template=f"{first.template} {word.upper()} {second.template}",
        word=first.word,
        predicate=first.predicate,
        owned=f"{first.owned} {word} {second.owned}",
        joined=_both(first, second, word, rng),
    )


def _both(first: Condition, second: Condition, word: str, rng: random.Random) -> str:
    """The relative clause for two conditions."""
    pick = rng.random()
    if pick < 0.65:
        opening, again = ("whose", "whose") if pick < 0.45 else ("where the", "the")
        return (
            f"{opening} {first.word} {first.predicate}"
            f" {word} {again} {second.word} {second.predicate}"
        )
    signal = {"and": rng.choice(("", "", "both ")), "or": rng.choice(("", "either "))}[word]
    return f"with {signal}{first.owned} {word} {second.owned}"


def _ways(view: View, table: DomainTable, column: DomainColumn) -> list[tuple[str, float]]:
    """The ways in which a column can be asked about, with how often."""
    values = view.values(table, column)
    if column.role in ("key", "foreign_key") or len(set(values)) < 2:
        return []
    missing = view.has_null(table, column)
    ways: list[tuple[str, float]] = []
    match column.role:
        case "category":
            ways = [("equal", 3.0), ("either", 0.5), ("among", 0.6)]
            ways += [("contains", 0.15)] if isinstance(values[0], str) else []
            # NULL is not "different from Paris" to SQL, but it is to a reader.
            ways += [] if missing else [("differ", 0.5)]
        case "name":
            ways = [("equal", 0.8), ("starts", 0.7), ("contains", 0.7), ("ends", 0.5)]
            ways += [("among", 0.3)]
        case "flag":
            ways = [("equal", 1.5)]
        case "code":
            ways = [("equal", 0.6), ("among", 0.15)]
        case "text":
            ways = [("contains", 0.4)]
        case "number" | "money":
            ways = [("compare", 2.0), ("between", 0.7)]
            ways += [("equal", 0.5)] if len(set(values)) < len(values) / 2 else []
        case "date":
            ways = [("compare", 1.2), ("during", 0.9)]
            # The last day of a range ends at its midnight, not at its start.
            ways += [("between", 0.5)] if all(len(str(v)) <= DAY for v in values[:50]) else []
        case _:
            ways = [("compare", 1.2), ("equal", 0.8), ("between", 0.5)]
    return [*ways, ("missing", 0.8), ("present", 0.5)] if missing else ways
