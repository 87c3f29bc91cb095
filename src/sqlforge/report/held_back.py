"""Queries about private databases, shown without what their cells hold."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.schema import Schema

HELD_BACK = "(held back: it may hold values of a private database)"
_MARK = "…"
_ALIAS = re.compile(r"t\d+", re.I)


def masked_sql(sql: str, schema: Schema) -> str:
    """``sql`` with every literal, and every name that is not the schema's, replaced by ``…``.

    A value in double quotes reads as a name, so that names are not trusted either. What does not
    parse is held back whole.

    >>> from sqlforge.core.schema import Column, Table
    >>> shop = Schema((Table("cust", (Column("city", "TEXT"),)),))
    >>> masked_sql("SELECT city FROM cust AS t1 WHERE city = 'Oslo' OR city = \\"Bergen\\"", shop)
    "SELECT city FROM cust AS t1 WHERE city = '…' OR city = …"
    """
    try:
        tree = sqlglot.parse_one(sql, dialect=schema.dialect)
    except (SqlglotError, RecursionError):
        return HELD_BACK
    known = {table.name.lower() for table in schema.tables}
    known |= {column.name.lower() for table in schema.tables for column in table.columns}
    for node in list(tree.walk()):
        node.comments = None
        if isinstance(node, exp.Literal):
            node.replace(exp.Literal(this=_MARK, is_string=node.is_string))
        elif isinstance(node, exp.Identifier) and not _is_known(node.name, known):
            node.replace(exp.Identifier(this=_MARK, quoted=False))
        elif isinstance(node, exp.Anonymous | exp.Command):
            return HELD_BACK  # its text is whatever the model wrote
    return tree.sql(dialect=schema.dialect, comments=False)


def _is_known(name: str, known: set[str]) -> bool:
    return name.lower() in known or _ALIAS.fullmatch(name) is not None
