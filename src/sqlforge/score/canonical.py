"""One spelling for queries that differ in spelling only."""

from __future__ import annotations

import logging
from collections import Counter
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from sqlforge.core.schema import Schema

MAX_CHARACTERS = 50_000  # a longer text is no query, and would take long to parse


def canonical_sql(sql: str, schema: Schema | None = None) -> str | None:
    """``sql`` in its canonical spelling, or ``None`` if it does not parse as one statement.

    Keywords, names and white space are normalised; quotes around names and needless parentheses
    go; ``!=`` becomes ``<>``; table aliases become the table's name (a table joined to itself is
    numbered in order of appearance); columns of a query over a single table lose their prefix.
    With a ``schema`` an unprefixed column of a join gets the prefix of the only table that has
    it, and a double-quoted word that names no column is a string. Literals, column aliases and
    the order of clauses' parts stay: two queries that mean the same may well differ.

    >>> canonical_sql('select T1."Name" from Shop as T1 where (T1.age <> 3)')
    'SELECT name FROM shop WHERE age <> 3'
    """
    return None if len(sql) > MAX_CHARACTERS else _canonical(sql, schema)


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


@lru_cache(maxsize=8192)  # golds are compared with one model's answers after another's
def _canonical(sql: str, schema: Schema | None) -> str | None:
    logger = logging.getLogger("sqlglot")
    was_disabled, logger.disabled = logger.disabled, True  # it warns about every odd prediction
    try:
        statements = [s for s in sqlglot.parse(sql, dialect="sqlite") if s is not None]
        if len(statements) != 1 or isinstance(statements[0], exp.Command):
            return None
        tree = statements[0]
        _lower_names(tree, sql, schema)
        for scope in traverse_scope(tree):
            _resolve_aliases(scope, schema)
        for paren in reversed(list(tree.find_all(exp.Paren))):  # the innermost first
            if _is_needless(paren):
                paren.replace(paren.this)
        return tree.sql(dialect="sqlite", comments=False, normalize_functions="upper")
    except (SqlglotError, RecursionError, ValueError):
        return None
    finally:
        logger.disabled = was_disabled


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
        name.set("this", name.name.lower())
        name.set("quoted", not name.name.isidentifier() or not name.name.isascii())


def _resolve_aliases(scope: Scope, schema: Schema | None) -> None:
    """Rename the tables of one SELECT, and with them the prefixes of its columns."""
    sources = {name: source for name, (_, source) in scope.selected_sources.items() if name}
    tables = {name: s.name for name, s in sources.items() if isinstance(s, exp.Table)}
    uses = Counter(tables.values())
    numbers: Counter[str] = Counter()
    names = {}
    for alias, table in tables.items():
        numbers[table] += 1
        names[alias] = table if uses[table] == 1 else f"{table}_{numbers[table]}"
    taken = [name for name in sources if name not in tables]
    if set(names.values()) & set(taken):  # a subquery carries the table's name: leave both
        return
    owners = _owners(tables, schema) if len(sources) == len(tables) > 1 else {}
    for column in scope.columns:
        is_own = column.parent_select is scope.expression
        if is_own and column.table and column.table not in sources:
            continue  # it belongs to a query around this one
        prefix = column.table or owners.get(column.name, "")
        new = names.get(prefix, prefix)
        keeps = new and (len(sources) > 1 or not is_own)
        column.set("table", exp.to_identifier(new) if keeps else None)
    for alias, source in sources.items():
        if isinstance(source, exp.Table):
            is_plain = names[alias] == source.name
            source.set(
                "alias",
                None if is_plain else exp.TableAlias(this=exp.to_identifier(names[alias])),
            )


def _owners(tables: dict[str, str], schema: Schema | None) -> dict[str, str]:
    """Column name → the only alias among ``tables`` whose table has such a column."""
    seen: dict[str, str] = {}
    shared = set()
    for alias, table_name in tables.items():
        table = schema.table(table_name) if schema else None
        if table is None:
            return {}
        for column in table.columns:
            name = column.name.lower()
            if name in seen:
                shared.add(name)
            seen[name] = alias
    return {name: alias for name, alias in seen.items() if name not in shared}


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
