"""The grammar's SQL, which is SQLite's, in the words of another database."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Written:
    """A query in a database's own dialect.

    ``tables`` are those it reads, lower case; ``shape`` is the query with its values masked, the
    same for two questions that ask the same thing of other values.
    """

    sql: str
    tables: frozenset[str]
    columns: frozenset[str]
    shape: str


def written(sql: str, dialect: str) -> Written:
    """``sql`` as ``dialect`` (sqlglot's name) wants it.

    >>> written("SELECT a FROM t WHERE strftime('%Y', d) = '2019'", "postgres").sql
    "SELECT a FROM t WHERE (d >= '2019-01-01' AND d < '2020-01-01')"
    >>> written('SELECT T1.n, COUNT(*) FROM "Order" AS T1 GROUP BY T1.id', "mysql").sql
    'SELECT T1.n, COUNT(*) FROM `Order` AS T1 GROUP BY T1.id, T1.n'
    """
    tree = sqlglot.parse_one(sql, dialect="sqlite")
    tables = frozenset(table.name.lower() for table in tree.find_all(exp.Table))
    columns = frozenset(column.name.lower() for column in tree.find_all(exp.Column))
    own = sql if dialect == "sqlite" else _in_dialect(tree, dialect)
    return Written(own, tables, columns, _masked(tree))


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
            node.replace(_within(*year))
    for ordered in own.find_all(exp.Ordered):
        # Nothing is ordered by a column with NULL, so no dialect needs to be told where they go.
        falling = bool(ordered.args.get("desc"))
        by_default = {"duckdb": False, "postgres": falling}.get(dialect, not falling)
        ordered.set("nulls_first", by_default)
    for select in own.find_all(exp.Select):
        _group_by_all_shown(select)
    return own.sql(dialect=dialect)


def _year_of(node: exp.EQ) -> tuple[exp.Expression, int] | None:
    """The column and the year of ``strftime('%Y', column) = 'year'``."""
    call, year = node.this, node.expression
    if not isinstance(call, exp.TimeToStr | exp.Anonymous) or not isinstance(year, exp.Literal):
        return None
    column = next(call.find_all(exp.Column), None)
    return (column, int(year.name)) if column is not None and year.name.isdigit() else None


def _within(column: exp.Expression, year: int) -> exp.Expression:
    first, after = (exp.Literal.string(f"{y}-01-01") for y in (year, year + 1))
    return exp.paren(
        exp.and_(
            exp.GTE(this=column.copy(), expression=first),
            exp.LT(this=column.copy(), expression=after),
        )
    )


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
