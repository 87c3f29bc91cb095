"""SQL as a model writes it (SQLite's) in the dialect of the database that will answer.

What SQLite forgives and others do not is put right on the way: names are spelled as the database
has them, a double-quoted word that is no column is the text it was meant as, columns outside an
aggregate are grouped by, and texts are compared with texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from sqlforge.core.names import sql_name
from sqlforge.core.schema import Column, Schema, Table

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")
_TEXT = re.compile(r"char|text|clob|string|enum|uuid", re.I)
_TRUTH = re.compile(r"bool", re.I)
# Reserved somewhere, and no keyword of sqlglot's.
_RESERVED = frozenset(
    "analyse analyze both cast check condition do end fetch freeze function generated grant groups "
    "grouping initially key keys lateral leading lead lag limit lines local mode name nth_value "
    "offset only option others overlaps placing position rank range read row rows session_user "
    "similar some symmetric system trailing usage user variadic verbose window write "
    "year_month".split()
)


def translated(sql: str, schema: Schema, dialect: str) -> str:
    """``sql``, a query in SQLite's words, in sqlglot's ``dialect``; unchanged if nothing reads it.

    Args:
        sql: one query.
        schema: the whole schema of the database, names spelled as it spells them.
        dialect: ``postgres``, ``mysql``, ``duckdb``, ...; for ``sqlite`` nothing is done.

    >>> staff = Schema((Table("Staff", (Column("fullName", "TEXT"), Column("age", "INT"))),))
    >>> translated("SELECT fullname FROM staff WHERE age > 3", staff, "postgres")
    'SELECT "fullName" FROM "Staff" WHERE age > 3'
    """
    if dialect == "sqlite":
        return sql
    try:
        query = sqlglot.parse_one(sql, dialect="sqlite")
        _same_meaning(query, dialect)
        for select in list(query.find_all(exp.Select)):
            _spell(select, schema, dialect)
            _group(select)
        return query.sql(dialect=dialect)
    except (SqlglotError, ValueError, RecursionError):
        return sql


def _spell(select: exp.Select, schema: Schema, dialect: str) -> None:
    """Names as the database has them, quoted where it needs that."""
    local = {cte.alias.lower() for cte in _root(select).find_all(exp.CTE)}
    around = dict(_sources(select, schema, local))
    outer = select.parent_select
    while outer is not None:  # correlated subqueries see the tables around them
        around = dict(_sources(outer, schema, local)) | around
        outer = outer.parent_select
    made = {name.lower() for part in _root(select).find_all(exp.Alias) for name in (part.alias,)}
    for node in _own(select, exp.Column):
        assert isinstance(node, exp.Column)
        found = _column(node, around)
        if found is None:
            if _is_text(node, made, local):
                node.replace(exp.Literal.string(node.name))
            continue
        table, column = found
        node.this.replace(_identifier(column.name, dialect))
        if node.table and node.table.lower() == table.name.lower():
            node.args["table"].replace(_identifier(table.name, dialect))
        _compare(node, column)
    for table_node in _own(select, exp.Table):
        known = schema.table(table_node.name)
        if known is not None and table_node.name.lower() not in local:
            table_node.this.replace(_identifier(known.name, dialect))


def _root(node: exp.Expr) -> exp.Expr:
    return node.root()


def _own(select: exp.Select, kind: type[exp.Expr]) -> list[exp.Expr]:
    """Nodes of ``kind`` that belong to ``select`` and to no select inside it."""
    return [node for node in select.find_all(kind) if node.parent_select is select]


def _sources(select: exp.Select, schema: Schema, local: set[str]) -> Iterator[tuple[str, Table]]:
    """What the tables of a FROM are called, and which they are."""
    for node in _own(select, exp.Table):
        known = schema.table(node.name)
        if known is not None and node.name.lower() not in local:
            yield (node.alias or node.name).lower(), known


def _column(node: exp.Column, sources: dict[str, Table]) -> tuple[Table, Column] | None:
    if node.table:
        owner = sources.get(node.table.lower())
        found = owner.column(node.name) if owner is not None else None
        return (owner, found) if owner is not None and found is not None else None
    for table in sources.values():
        if (found := table.column(node.name)) is not None:
            return table, found
    return None


def _is_text(node: exp.Column, made: set[str], local: set[str]) -> bool:
    """SQLite takes a double-quoted word that names nothing for a string."""
    quoted = isinstance(node.this, exp.Identifier) and node.this.quoted
    return quoted and not node.table and node.name.lower() not in made and not local


def _identifier(name: str, dialect: str) -> exp.Identifier:
    bare = _PLAIN.match(name) and name not in _RESERVED and name not in _keywords(dialect)
    return exp.to_identifier(name, quoted=not bare or sql_name(name) != name)


@lru_cache(maxsize=16)
def _keywords(dialect: str) -> frozenset[str]:
    known = Dialect.get_or_raise(dialect).tokenizer_class.KEYWORDS
    return frozenset(word.lower() for keyword in known for word in keyword.split())


def _compare(node: exp.Column, column: Column) -> None:
    """A number beside a text column is a text, one beside a truth value is one too."""
    parent = node.parent
    if not isinstance(parent, exp.Binary) or not isinstance(parent, exp.Predicate):
        return
    other = parent.expression if parent.this is node else parent.this
    if not isinstance(other, exp.Literal) or other.is_string:
        return
    if _TEXT.search(column.type):
        other.replace(exp.Literal.string(other.name))
    elif _TRUTH.search(column.type) and other.name in ("0", "1"):
        other.replace(exp.Boolean(this=other.name == "1"))


def _group(select: exp.Select) -> None:
    """Columns that stand outside of every aggregate are grouped by, as the others demand it."""
    group = select.args.get("group")
    if group is None:
        _row_of_the_extreme(select)
        return
    made = {part.alias.lower() for part in select.expressions if isinstance(part, exp.Alias)}
    grouped = {part.sql() for part in group.expressions}
    grouped |= {
        part.this.sql()
        for part in select.expressions
        if isinstance(part, exp.Alias) and part.alias in grouped
    }
    if any(isinstance(part, exp.Literal) for part in group.expressions):
        return
    parts = [*select.expressions]
    parts += [part for key in ("order", "having") if (part := select.args.get(key)) is not None]
    for part in parts:
        if part.sql() in grouped or (isinstance(part, exp.Alias) and part.this.sql() in grouped):
            continue
        for column in list(part.find_all(exp.Column)):
            bare = column.find_ancestor(exp.AggFunc, exp.Select)
            alone = not isinstance(bare, exp.AggFunc) and column.parent_select is select
            is_alias = part not in select.expressions and column.name.lower() in made
            if alone and not is_alias and column.sql() not in grouped:
                grouped.add(column.sql())
                group.append("expressions", column.copy())


def _row_of_the_extreme(select: exp.Select) -> None:
    """``SELECT name, MAX(age) FROM t`` gives SQLite's users the oldest one's row."""
    extremes = [part.unalias() for part in select.expressions]
    found = [part for part in extremes if isinstance(part, exp.Max | exp.Min)]
    others = [part for part in extremes if not isinstance(part, exp.Max | exp.Min)]
    plain = all(isinstance(part, exp.Column) for part in others)
    if len(found) != 1 or not others or not plain or select.args.get("order") is not None:
        return
    inner = found[0].this
    direction = "DESC" if isinstance(found[0], exp.Max) else "ASC"
    found[0].replace(inner.copy())
    select.where(exp.Not(this=exp.Is(this=inner.copy(), expression=exp.Null())), copy=False)
    select.order_by(f"{inner.sql(dialect='sqlite')} {direction}", dialect="sqlite", copy=False)
    select.limit(1, copy=False)


def _same_meaning(query: exp.Expr, dialect: str) -> None:
    """Functions and operators that other databases read otherwise, or do not know."""
    if dialect in ("postgres", "duckdb"):  # to SQLite, LIKE does not know capitals
        for like in list(query.find_all(exp.Like)):
            like.replace(exp.ILike(this=like.this, expression=like.expression))
    for call in list(query.find_all(exp.Anonymous)):
        if call.name.lower() == "total" and len(call.expressions) == 1:
            summed = exp.Sum(this=call.expressions[0])
            call.replace(exp.Coalesce(this=summed, expressions=[exp.Literal.number(0)]))
