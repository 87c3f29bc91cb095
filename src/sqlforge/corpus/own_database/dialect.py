"""The grammar's SQL, which is SQLite's, in the words of another database."""

from __future__ import annotations

import re
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

_ALIAS = re.compile(r"T[1-9]")
# sqlglot writes NOT before the column; people write it before IN, LIKE and NULL.
_NEGATED = re.compile(r"\bNOT ((?:\"[^\"]+\"|`[^`]+`|[\w.])+) (IS )?(IN|NULL|LIKE|BETWEEN)\b")


@dataclass(frozen=True, slots=True)
class Written:
    """A query in a database's own dialect.

    ``tables`` and ``columns`` are those it reads, lower case; ``shape`` is the query with its
    values masked, the same for two questions that ask the same thing of other values.
    ``joins_idly`` says that a table is joined for nothing but the column it is joined by.
    """

    sql: str
    tables: frozenset[str]
    columns: frozenset[str]
    shape: str
    joins_idly: bool


def written(sql: str, dialect: str) -> Written:
    """``sql`` as ``dialect`` (sqlglot's name) wants it.

    >>> written("SELECT a FROM t WHERE strftime('%Y', d) = '2019'", "postgres").sql
    "SELECT a FROM t WHERE d >= '2019-01-01' AND d < '2020-01-01'"
    >>> written('SELECT T1.n, COUNT(*) FROM "Order" AS T1 GROUP BY T1.id', "mysql").sql
    'SELECT T1.n, COUNT(*) FROM `Order` AS T1 GROUP BY T1.id, T1.n'
    """
    tree = sqlglot.parse_one(sql, dialect="sqlite")
    tables = frozenset(table.name.lower() for table in tree.find_all(exp.Table))
    columns = frozenset(column.name.lower() for column in tree.find_all(exp.Column))
    own = sql if dialect == "sqlite" else _in_dialect(tree, dialect)
    return Written(own, tables, columns, _masked(tree), _joins_idly(tree))


def _joins_idly(tree: exp.Expr) -> bool:
    for join in tree.find_all(exp.Join):
        on = join.args.get("on")
        if on is None:
            continue
        inside = {id(column) for column in on.find_all(exp.Column)}
        keys = {(c.table, c.name) for c in on.find_all(exp.Column)}
        alias = join.this.alias
        used = {(c.table, c.name) for c in tree.find_all(exp.Column) if id(c) not in inside}
        own = {pair for pair in used if pair[0] == alias}
        if own and own <= keys:
            return True
    return False


def _masked(tree: exp.Expr) -> str:
    masked = tree.copy()
    for literal in list(masked.find_all(exp.Literal, exp.Boolean)):
        literal.replace(exp.Literal.string("?"))
    return masked.sql(dialect="sqlite")


def _in_dialect(tree: exp.Expr, dialect: str) -> str:
    own = tree.copy()
    for node in list(own.find_all(exp.EQ)):
        year = _year_of(node)
        if year is not None:
            inner = isinstance(node.parent, exp.Or | exp.Not)
            node.replace(exp.paren(_within(*year)) if inner else _within(*year))
    for ordered in own.find_all(exp.Ordered):
        # Nothing is ordered by a column with NULL, so no dialect needs to be told where they go.
        falling = bool(ordered.args.get("desc"))
        by_default = {"duckdb": False, "postgres": falling}.get(dialect, not falling)
        ordered.set("nulls_first", by_default)
    for select in own.find_all(exp.Select):
        _group_by_all_shown(select)
    if dialect == "postgres":  # it folds bare names to lower case
        for name in own.find_all(exp.Identifier):
            if name.name != name.name.lower() and not _ALIAS.fullmatch(name.name):
                name.set("quoted", True)
    return _NEGATED.sub(r"\1 \2NOT \3", own.sql(dialect=dialect))


def _year_of(node: exp.EQ) -> tuple[exp.Expression, int] | None:
    """The column and the year of ``strftime('%Y', column) = 'year'``."""
    call, year = node.this, node.expression
    if not isinstance(call, exp.TimeToStr | exp.Anonymous) or not isinstance(year, exp.Literal):
        return None
    column = next(call.find_all(exp.Column), None)
    return (column, int(year.name)) if column is not None and year.name.isdigit() else None


def _within(column: exp.Expression, year: int) -> exp.Condition:
    first, after = (exp.Literal.string(f"{y}-01-01") for y in (year, year + 1))
    since = exp.GTE(this=column.copy(), expression=first)
    return exp.and_(since, exp.LT(this=column.copy(), expression=after))


def _group_by_all_shown(select: exp.Select) -> None:
    """SQLite lets a grouped query show what it does not group by; others want it said."""
    group = select.args.get("group")
    if group is None:
        return
    grouped = {expression.sql() for expression in group.expressions}
    for shown in select.expressions:
        if isinstance(shown, exp.Column) and shown.sql() not in grouped:
            group.append("expressions", shown.copy())
            grouped.add(shown.sql())
