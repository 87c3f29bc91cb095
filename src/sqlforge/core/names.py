"""Names as SQL needs them spelled, in one place: gold SQL and prompts must agree."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Where a column is expected, SQLite refuses these bare, reads them as something else
# (``current_date``), or sqlglot does.
_KEYWORDS = frozenset(
    "add all alter and as autoincrement between case cast check collate commit constraint "
    "create cross current_date current_time current_timestamp default deferrable delete "
    "distinct drop else escape except exists false for foreign from glob group having if in "
    "index inner insert intersect into is isnull join like limit natural not nothing notnull "
    "null on or order outer primary raise references regexp returning rollback select set "
    "table then to transaction true union unique update using values when where with".split()
)


def sql_name(name: str, dialect: str = "sqlite") -> str:
    """``name`` as ``dialect`` needs it spelled: quoted only where a bare word would not do.

    >>> sql_name("city"), sql_name("No. of laps"), sql_name("group")
    ('city', '"No. of laps"', '"group"')
    >>> sql_name("group", "mysql")
    '`group`'
    """
    if _PLAIN_NAME.match(name) and name.lower() not in _KEYWORDS:
        return name
    # To MySQL a double-quoted word is a string.
    quote = "`" if dialect == "mysql" else '"'
    return quote + name.replace(quote, quote * 2) + quote


def words_of(name: str) -> list[str]:
    """The words that a name is made of, in lower case.

    >>> words_of("CustomerID"), words_of("No. of laps"), words_of("line_2total")
    (['customer', 'id'], ['no', 'of', 'laps'], ['line', '2', 'total'])
    """
    return [word.lower() for word in _WORD.findall(name)] or ["name"]
