"""WikiSQL's rows, checked and typed: tables, structured queries, numbers inside text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from sqlforge.corpus.files import fields

AGGREGATES = ("", "MAX", "MIN", "COUNT", "SUM", "AVG")
OPERATORS = ("=", ">", "<")

Cell = str | int | float | None
_MOST_COLUMNS = 2000  # SQLite's limit
_NUMBER = re.compile(r"(?:[-+]?\d*\.)?\d+")  # without a point the sign is dropped, as officially


@dataclass(frozen=True, slots=True)
class WikiTable:
    """A table without its rows; ``columns`` are unique names, ``types`` ``text`` or ``real``."""

    id: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    title: str | None = None

    @property
    def sql_name(self) -> str:
        """The official table name, safe to write without quotes.

        >>> WikiTable("1-10015132-11", ("Player",), ("text",)).sql_name
        'table_1_10015132_11'
        """
        return "table_" + re.sub(r"\W", "_", self.id, flags=re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """One question with its structured query; conditions are (column, operator, value)."""

    table_id: str
    question: str
    selected: int
    aggregate: int
    conditions: tuple[tuple[int, int, str | int | float], ...]


def convert_table(value: object) -> tuple[WikiTable, list[list[Cell]]]:
    """A line of ``*.tables.jsonl`` as a table and its typed rows.

    Raises:
        ValueError: a field is missing, or the lists do not fit together.

    >>> convert_table({"id": "1-2-3", "header": ["A", ""], "types": ["text", "real"],
    ...                "rows": [["x", "1,250"]]})
    (WikiTable(id='1-2-3', columns=('A', 'column_2'), types=('text', 'real'), title=None),
     [['x', 1250]])
    """
    found = cast("dict[str, Any]", fields(value, id=str, header=list, types=list, rows=list))
    header, types = found["header"], found["types"]
    if not 0 < len(header) <= _MOST_COLUMNS:
        raise ValueError(f"{len(header)} columns, not 1 to {_MOST_COLUMNS}")
    if len(header) != len(types):
        raise ValueError(f"{len(header)} headers but {len(types)} types")
    if not set(types) <= {"text", "real"}:
        raise ValueError(f"column types {sorted(set(map(str, types)))}, not text or real")
    if any(not isinstance(row, list) or len(row) != len(header) for row in found["rows"]):
        raise ValueError("a row with more or fewer cells than headers")
    table = WikiTable(found["id"], unique_names(header), tuple(types), _title(value))
    rows = [
        [_cell(cell, kind) for cell, kind in zip(row, types, strict=True)] for row in found["rows"]
    ]
    return table, rows


def convert_query(value: object) -> Query:
    """A line of ``train.jsonl`` and its like.

    Raises:
        ValueError: a field is missing or out of range.

    >>> convert_query({"table_id": "1-2-3", "question": "Which A? ", "sql":
    ...     {"sel": 0, "agg": 0, "conds": [[1, 1, 5]]}})
    Query(table_id='1-2-3', question='Which A?', selected=0, aggregate=0, conditions=((1, 1, 5),))
    """
    outer = cast("dict[str, Any]", fields(value, table_id=str, question=str, sql=dict))
    sql = cast("dict[str, Any]", fields(outer["sql"], sel=int, agg=int, conds=list))
    if not 0 <= sql["agg"] < len(AGGREGATES):
        raise ValueError(f"the aggregate {sql['agg']}, not 0 to {len(AGGREGATES) - 1}")
    conditions = tuple(_condition(condition) for condition in sql["conds"])
    question = " ".join(outer["question"].split())
    return Query(outer["table_id"], question, sql["sel"], sql["agg"], conditions)


def unique_names(header: list[object]) -> tuple[str, ...]:
    """Headers as column names: white space collapsed, never empty, unique without case.

    >>> unique_names(["Year", " year", "", "Games\\nplayed"])
    ('Year', 'year 2', 'column_3', 'Games played')
    """
    names: list[str] = []
    taken: set[str] = set()
    for place, text in enumerate(header, 1):
        base = " ".join(str(text).split()) or f"column_{place}"
        name, number = base, 1
        while name.lower() in taken:
            number += 1
            name = f"{base} {number}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names)


def exact_number(text: str) -> int | float | None:
    """The number that a whole text spells, commas ignored; ``None`` if it spells none.

    >>> exact_number("36,642"), exact_number("-0.50"), exact_number("12th"), exact_number("")
    (36642, -0.5, None, None)
    """
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 300:
        return None
    whole = number == number.to_integral_value() and abs(number) < 2**53
    return int(number) if whole else float(number)


def number_in(value: str | int | float) -> int | float | None:
    """The number that a condition on a ``real`` column compares with, as officially read.

    >>> number_in("36,642"), number_in("about 12.5 km"), number_in(7), number_in("none")
    (36642, 12.5, 7, None)
    """
    if not isinstance(value, str):
        return value
    whole = exact_number(value)
    if whole is not None:
        return whole
    found = _NUMBER.search(value)
    return exact_number(found.group()) if found else None


def _cell(value: object, kind: str) -> Cell:
    if value is None or isinstance(value, (int, float)):
        return value if kind == "real" or value is None else str(value)
    text = str(value)
    number = exact_number(text) if kind == "real" else None
    return text if number is None else number


def _condition(value: object) -> tuple[int, int, str | int | float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError("a condition that is not [column, operator, value]")
    column, operator, operand = value
    if not isinstance(column, int) or operator not in range(len(OPERATORS)):
        raise ValueError(f"the condition {value!r} with an unknown operator")
    if not isinstance(operand, (str, int, float)):
        raise ValueError(f"the condition {value!r} without a value")
    return column, operator, operand


def _title(value: object) -> str | None:
    """Page and section title, where the published row has them."""
    if not isinstance(value, dict):
        return None
    parts = [value.get(name) for name in ("page_title", "section_title")]
    told = " – ".join(" ".join(p.split()) for p in parts if isinstance(p, str) and p.strip())
    return told or None
