"""What makes a question hard: tables in its gold, size of its schema, columns it does not spell."""

from __future__ import annotations

import re

from sqlforge.core.schema import Schema
from sqlforge.score.question_words import split_words

_TABLES = ("one table", "two tables", "three or more tables")
_COLUMNS = {10: "schema of up to 10 columns", 20: "11 to 20 columns", 40: "21 to 40 columns"}
_MOST = "more than 40 columns"
_SPELT, _UNSPELT = "columns spelt in the question", "columns not spelt in the question"
TRAITS = (*_TABLES, *_COLUMNS.values(), _MOST, _SPELT, _UNSPELT)

_NAME = r"(?:\w+|\"[^\"]*\"|`[^`]*`|\[[^\]]*\])"
_DOTTED = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
_FROM = re.compile(rf"\b(?:from|join)\s+({_NAME}(?:\s*,\s*{_NAME})*)", re.IGNORECASE)
_ON = re.compile(rf"\bon\s+{_DOTTED}\s*=\s*{_DOTTED}(?:\s+and\s+{_DOTTED}\s*=\s*{_DOTTED})*", re.I)
_WORD = re.compile(rf"'(?:[^']|'')*'|{_NAME}")


def traits_of(question: str, sql: str, schema: Schema) -> tuple[str, ...]:
    """The entries of :data:`TRAITS` that hold for a question with this gold query.

    Tables are counted once each, subqueries included. A column is spelt if all words of its name
    are among the question's; those that only join tables do not count, and a gold that names no
    other column has neither trait. Told by words, so for SQL that no parser reads too.

    >>> from sqlforge.core.schema import Column, Table
    >>> shop = Schema((Table("shop", (Column("id", "INT"), Column("home_city", "TEXT"))),))
    >>> traits_of("In which home cities?", "SELECT home_city FROM shop", shop)
    ('one table', 'schema of up to 10 columns', 'columns not spelt in the question')
    >>> traits_of("Which home city has shop 3?", "SELECT home_city FROM shop", shop)[-1]
    'columns spelt in the question'
    """
    tables = {table.name.lower(): table for table in schema.tables}
    named = {_bare(name) for some in _FROM.findall(sql) for name in re.findall(_NAME, some)}
    used = named & tables.keys()
    found = [_TABLES[min(3, len(used)) - 1]] if used else []
    size = sum(len(table.columns) for table in schema.tables)
    found.append(next((label for most, label in _COLUMNS.items() if size <= most), _MOST))
    known = {column.name.lower() for name in used for column in tables[name].columns}
    rest = _ON.sub(" ", _FROM.sub(" ", sql))
    words = {_bare(word) for word in _WORD.findall(rest) if not word.startswith("'")}
    if columns := words & known:
        asked = set(split_words(question))
        spelt = all(asked.issuperset(split_words(column)) for column in columns)
        found.append(_SPELT if spelt else _UNSPELT)
    return tuple(found)


def _bare(name: str) -> str:
    """A name without its quotes, in lower case."""
    return (name[1:-1] if name[0] in '"`[' else name).lower()
