"""Values for a column's perturbed instances: seen ones, literals, their neighbours, new ones.

Two spellings that differ in case or outer blanks only are never made up: ``LIKE 'oslo'`` and
``= 'Oslo'`` are the same to everybody but SQLite. Made-up reals are multiples of a quarter, whose
sums are exact in every order.
"""

from __future__ import annotations

import datetime
import math
import random
import string
from collections.abc import Iterable, Sequence

from sqlforge.core.records import SqlValue
from sqlforge.score.suite.profile import ColumnProfile

_WORDS = ("ba", "den", "fo", "gil", "ka", "lor", "mi", "nu", "pra", "ro", "sel", "ti", "vo", "zan")
_SPREAD = 40


def near(column: ColumnProfile, literals: Sequence[SqlValue], rng: random.Random) -> list[SqlValue]:
    """The literals as the column would store them, and values just beside them.

    >>> from sqlforge.score.suite.profile import ColumnProfile
    >>> age = ColumnProfile(("t", "age"), "age", "integer", (30, 50), False, False, None)
    >>> near(age, [40], random.Random(0))
    [40, 39, 41]
    """
    found: list[SqlValue] = []
    for literal in literals:
        if isinstance(literal, str) and ("%" in literal or column.kind == "text"):
            found.extend(_near_text(column, literal, rng))
        else:
            found.extend(_near_number(column, literal))
    if column.closed:  # the literals themselves are asked for, whatever the column held so far
        found = [v for v in found if v in column.values or v in literals]
    return list(dict.fromkeys(value for value in found if _fits(column, value)))


def fresh(column: ColumnProfile, rng: random.Random) -> SqlValue:
    """One value of the column's kind, near those it holds but not necessarily among them."""
    if column.closed:
        return rng.choice(column.values)
    seen = rng.choice(column.values) if column.values else None
    if column.kind == "bytes":
        return seen
    if column.kind in ("integer", "real"):
        return _fresh_number(column, seen, rng)
    if column.kind == "number text":
        return summable(column, _fresh_number_text(str(seen), rng))
    if column.kind == "date text":
        return _shifted(str(seen), rng.choice((-365, -31, -1, 1, 31, 365)) * rng.randint(1, 5))
    return _fresh_text(column, rng)


def summable(column: ColumnProfile, value: SqlValue) -> SqlValue:
    """The value, or the nearest of as many digits whose sums are exact in every order.

    >>> from sqlforge.score.suite.profile import ColumnProfile
    >>> price = ColumnProfile(("t", "price"), "price", "real", (9.99,), False, False, None)
    >>> summable(price, 9.99), summable(price, "9.990")
    (10.0, '9.750')
    """
    if isinstance(value, float) and math.isfinite(4 * value):
        return round(4 * value) / 4
    if isinstance(value, str) and column.kind in ("number text", "real") and "." in value:
        whole, _, digits = value.partition(".")
        if digits.isdigit() and digits.strip("0"):
            quarter = "5" if len(digits) == 1 else ("25", "50", "75")[int(digits[0]) * 3 // 10]
            return f"{whole}.{quarter.ljust(len(digits), '0')}"
    return value


def distinct_values(
    column: ColumnProfile, wanted: Sequence[SqlValue], size: int, rng: random.Random
) -> list[SqlValue]:
    """Up to ``size`` different values, some of ``wanted`` first, for keys and columns without ties.

    >>> from sqlforge.score.suite.profile import ColumnProfile
    >>> key = ColumnProfile(("t", "id"), "id", "integer", (1, 2), False, False, None)
    >>> len(set(distinct_values(key, [7], 20, random.Random(0))))
    20
    """
    known = [*wanted, *rng.sample(column.values, min(len(column.values), size))]
    chosen = list(dict.fromkeys(known))[:size]
    taken = {_folded(value) for value in chosen}
    for _ in range(20 * size):
        if len(chosen) == size:
            break
        value = fresh(column, rng)
        if value is not None and _folded(value) not in taken:
            taken.add(_folded(value))
            chosen.append(value)
    if column.kind in ("integer", "real"):  # a small range is used up
        top = max(_ordinary(chosen), default=0)
        chosen += [int(top) + 1 + i for i in range(size - len(chosen))]
    rng.shuffle(chosen)
    return chosen


def _ordinary(values: Iterable[SqlValue]) -> list[int | float]:
    """The numbers that may be counted on from and still fit into SQLite's 64 bits."""
    return [v for v in values if isinstance(v, int | float) and abs(v) <= 2**62]


def _folded(value: SqlValue) -> SqlValue:
    return value.strip().lower() if isinstance(value, str) else value


def _fits(column: ColumnProfile, value: SqlValue) -> bool:
    if isinstance(value, str):
        return column.max_length is None or len(value) <= column.max_length
    return True


def _near_number(column: ColumnProfile, literal: SqlValue) -> list[SqlValue]:
    if column.kind == "date text":
        return [literal, *(_shifted(str(literal), days) for days in (-1, 1))]
    try:
        number = float(literal) if literal is not None else 0.0
    except (ValueError, TypeError):
        return [literal]
    except OverflowError:  # an integer of more than 300 digits
        return []
    if not math.isfinite(number):
        return []
    whole = number == int(number)
    beside = (number, number - 1, number + 1) if whole else (number, number - 0.5, number + 0.5)
    if column.kind == "real":
        return list(beside)
    if column.kind == "integer":
        return [math.floor(value) for value in _ordinary(beside)]
    return [f"{value:.0f}" if whole else f"{value:g}" for value in beside]


def _near_text(column: ColumnProfile, literal: str, rng: random.Random) -> list[SqlValue]:
    if "%" not in literal:
        other = [v for v in column.values if _folded(v) != _folded(literal)]
        longer = (f"{literal} {rng.choice(_WORDS)}", f"{rng.choice(_WORDS)} {literal}")
        alike = literal[:1] + rng.choice(_WORDS) + rng.choice(_WORDS)
        return [literal, *rng.sample(other, min(2, len(other))), rng.choice(longer), alike]
    parts = [part for part in literal.split("%") if part]
    core = rng.choice(_WORDS).join(parts)
    before, after = rng.choice(_WORDS), rng.choice(_WORDS)
    if column.kind in ("number text", "integer", "real"):
        before, after = "1", "2"
    made: list[SqlValue] = [f"{before}{core}{after}", f"{core}{after}", f"{before}{core}", core]
    known = [v for v in column.values if parts and parts[0].lower() in str(v).lower()]
    return [*made, *known[:3]]


def _fresh_number(column: ColumnProfile, seen: SqlValue, rng: random.Random) -> SqlValue:
    numbers = _ordinary(column.values)
    low, high = (min(numbers), max(numbers)) if numbers else (0, _SPREAD)
    if rng.random() < 0.5 and (beside := _ordinary([seen])):
        value = beside[0] + rng.choice((-2, -1, 1, 2))
    else:
        room = max(5, int(min(high - low, 10**12) / 5))
        value = rng.randint(int(low) - room, int(high) + room)
    if low >= 0:
        value = abs(value)
    return round(4 * value) / 4 if column.kind == "real" else int(value)


def _fresh_number_text(seen: str, rng: random.Random) -> str:
    """Another number of as many digits, so that text order stays number order."""
    digits = [rng.choice("0123456789") if c.isdigit() else c for c in seen]
    for place, character in enumerate(seen):
        if character.isdigit():
            digits[place] = rng.choice("123456789") if character != "0" else "0"
            break
    return "".join(digits)


def _shifted(seen: str, days: int) -> str:
    """A date some days on, in its own spelling; what is no date becomes one."""
    try:
        year, month, rest = seen[:10].split("-")
        date = datetime.date(int(year), int(month), int(rest.split(" ")[0]))
        moved = date + datetime.timedelta(days=days)
    except (ValueError, OverflowError):
        return (datetime.date(2015, 6, 15) + datetime.timedelta(days=days)).isoformat()
    return moved.isoformat() + seen[10:]


def _fresh_text(column: ColumnProfile, rng: random.Random) -> str:
    lengths = [len(str(value)) for value in column.values] or [8]
    length = max(1, min(rng.choice(lengths), column.max_length or 24, 24))
    if length <= 3:
        return "".join(rng.choice(string.ascii_uppercase) for _ in range(length))
    text = "".join(rng.choice(_WORDS) for _ in range(1 + length // 2))[:length]
    return text.capitalize()
