"""One spelling for queries that differ in spelling only."""

from __future__ import annotations

import logging
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import SqlglotError

from sqlforge.core.schema import Schema
from sqlforge.score.common_tables import inline_common_tables
from sqlforge.score.sources import rename_sources

MAX_CHARACTERS = 50_000  # a longer text is no query, and would take long to parse


def canonical_sql(sql: str, schema: Schema | None = None) -> str | None:
    """``sql`` in its canonical spelling, or ``None`` if it does not parse as one statement.

    Keywords, names and white space are normalised; quotes around names and needless parentheses
    go; ``!=`` becomes ``<>``; table aliases become the table's name (a table joined to itself is
    numbered in order of appearance), subqueries in FROM and common table expressions are
    numbered too; columns of a query over a single table lose their prefix. With a ``schema`` an
    unprefixed column of a join gets the prefix of the only table that has it, and a double-quoted
    word that names no column is a string. Literals, column aliases and the order of clauses'
    parts stay: two queries that mean the same may well differ.

    >>> canonical_sql('select T1."Name" from Shop as T1 where (T1.age <> 3)')
    'SELECT name FROM shop WHERE age <> 3'
    """
    return _canonical(sql, schema)


def exact_match(gold: str, predicted: str, schema: Schema | None = None) -> bool:
    """Whether both have the same canonical form.

    Where neither parses, their texts are compared without regard to white space.

    >>> exact_match("SELECT a FROM t", "select  t.a from t")
    True
    """
    if gold == predicted:
        return True
    canonical = canonical_sql(gold, schema), canonical_sql(predicted, schema)
    if canonical == (None, None):
        return gold.split() == predicted.split()
    return canonical[0] == canonical[1]


def canonical_tree(
    sql: str, schema: Schema | None = None, *, inline: bool = False
) -> exp.Expr | None:
    """The tree behind :func:`canonical_sql`, made anew at each call, or ``None`` likewise.

    ``inline`` puts common table expressions where they are named, as subqueries.
    """
    if len(sql) > MAX_CHARACTERS:
        return None
    logger = logging.getLogger("sqlglot")
    was_disabled, logger.disabled = logger.disabled, True  # it warns about every odd prediction
    try:
        statements = [s for s in sqlglot.parse(sql, dialect="sqlite") if s is not None]
        if len(statements) != 1 or isinstance(statements[0], exp.Command):
            return None
        tree = statements[0]
        _lower_names(tree, sql, schema)
        if inline:
            inline_common_tables(tree)
        rename_sources(tree, schema)
        for paren in reversed(list(tree.find_all(exp.Paren))):  # the innermost first
            if _is_needless(paren):
                paren.replace(paren.this)
        return tree
    except (SqlglotError, RecursionError, ValueError):
        return None
    finally:
        logger.disabled = was_disabled


@lru_cache(maxsize=8192)  # golds are compared with one model's answers after another's
def _canonical(sql: str, schema: Schema | None) -> str | None:
    tree = canonical_tree(sql, schema)
    try:
        if tree is None:
            return None
        return tree.sql(dialect="sqlite", comments=False, normalize_functions="upper")
    except (SqlglotError, RecursionError, ValueError):
        return None


def _lower_names(tree: exp.Expr, sql: str, schema: Schema | None) -> None:
    known = {c.name.lower() for t in schema.tables for c in t.columns} if schema else None
    known = known and known | {alias.alias.lower() for alias in tree.find_all(exp.Alias)}
    for name in list(tree.find_all(exp.Identifier)):
        column = name.parent
        if (
            known
            and f'"{name.name}"' in sql  # other quotes never make a string
            and isinstance(column, exp.Column)
            and not column.table
            and name.name.lower() not in known
        ):
            column.replace(exp.Literal.string(name.name))
            continue
        lowered = name.name.lower()
        name.set("this", lowered)
        name.set("quoted", needs_quotes(lowered))


def needs_quotes(name: str) -> bool:
    """Whether a name would not be read as one without quotes.

    >>> needs_quotes("shop"), needs_quotes("full name"), needs_quotes("order")
    (False, True, True)
    """
    return not (name.isidentifier() and name.isascii()) or name.upper() in _RESERVED


_RESERVED = {
    word
    for keyword, kind in SQLite.Tokenizer.KEYWORDS.items()
    if kind not in SQLite.Parser.TABLE_ALIAS_TOKENS
    for word in keyword.split()  # ORDER BY is one keyword
}
_OPERANDS = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Null)


def _is_needless(paren: exp.Paren) -> bool:
    inner, outer = paren.this, paren.parent
    if not isinstance(outer, exp.Binary | exp.Unary | exp.Between | exp.In | exp.Bracket):
        return True
    if isinstance(outer, exp.And) and isinstance(inner, exp.And):
        return True
    if isinstance(outer, exp.Or) and isinstance(inner, exp.Or | exp.And):
        return True
    if isinstance(outer, exp.Connector) and _is_comparison(inner):
        return True
    # AND and OR are functions to sqlglot, and some functions are written as operators.
    return isinstance(inner, _OPERANDS) and not isinstance(inner, exp.Binary)


def _is_comparison(node: exp.Expr) -> bool:
    return isinstance(node, exp.Predicate) and not isinstance(node, exp.Connector)
