"""SQL as a fingerprint: one spelling for what differs in spelling only, its literals apart.

Meant for finding the same query again in other data sets, not for scoring: names lose case, blanks
and underscores (``"No. of caps"`` and ``no_of_caps`` are one), the opaque table names of WikiSQL
are all ``t``, and what AND and OR join is sorted. :mod:`sqlforge.score.canonical` folds none of
these: there a query that differs in any of them is another one.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.corpus.folding import fold_literal, fold_name, fold_table

MAX_CHARACTERS = 50_000  # a longer text is no query, and would take long to parse
_LITERAL = re.compile(r"'([^']*)'")
_LISTED = re.compile(r"\?(?:, \?)+")
_SYMMETRIC = (exp.EQ, exp.NEQ)


@dataclass(frozen=True, slots=True)
class CanonicalSql:
    """A query in canonical spelling; ``literals`` stand in the order of ``masked``'s ``?``.

    ``text`` holds the literals, in lower case and without punctuation.
    """

    text: str
    masked: str
    literals: tuple[str, ...]


def canonical_sql(
    sql: str | exp.Expr, *, dialect: str = "sqlite", names: Collection[str] = ()
) -> CanonicalSql | None:
    """The canonical form of one statement; ``None`` if it does not parse as one.

    Args:
        sql: the text, or its tree as sqlglot parsed it (left as it is).
        dialect: sqlglot's name of the SQL's dialect.
        names: columns that exist, folded (:func:`sqlforge.corpus.folding.fold_name`). A
            double-quoted word that is none of them is a string, as SQLite has it. Without
            ``names`` it is one where a value is compared (``country = "France"``).

    >>> found = canonical_sql("select T1.Name from Shop as T1 where T1.city = 'Bath' and age>3")
    >>> found.masked
    'SELECT name FROM shop WHERE age > ? AND city = ?'
    >>> found.literals
    ('3', 'bath')
    >>> canonical_sql('SELECT "No. of caps" FROM table_1_10_2 LIMIT 5').masked
    'SELECT noofcaps FROM t LIMIT ?'
    """
    logger = logging.getLogger("sqlglot")
    was_disabled, logger.disabled = logger.disabled, True  # it warns about every odd query
    try:
        tree = _parsed(sql, dialect)
        if tree is None:
            return None
        _mark_literals(tree, names)
        _name_sources(tree)
        _drop_aliases(tree)
        _fold_names(tree)
        _drop_noise(tree)
        _sort_operands(tree)
        text = _written(tree)
    except (SqlglotError, RecursionError, ValueError):
        return None
    finally:
        logger.disabled = was_disabled
    return CanonicalSql(text, _masked(text), tuple(_LITERAL.findall(text)))


def skeleton(sql: str, dialect: str = "sqlite") -> str | None:
    """The masked query with all its names left out, for sources that give no column names.

    >>> skeleton("SELECT MAX(age) FROM shop WHERE city = 'Bath'")
    'SELECT MAX(_) FROM _ WHERE _ = ?'
    """
    found = canonical_sql(sql, dialect=dialect)
    if found is None:
        return None
    tree = sqlglot.parse_one(found.masked, dialect="sqlite")
    for name in tree.find_all(exp.Identifier):
        name.set("this", "_")
        name.set("quoted", False)
    _sort_operands(tree)
    return _written(tree)


def _parsed(sql: str | exp.Expr, dialect: str) -> exp.Expr | None:
    if not isinstance(sql, str):
        return sql.copy()
    if len(sql) > MAX_CHARACTERS:
        return None
    statements = [s for s in sqlglot.parse(sql, dialect=dialect) if s is not None]
    if len(statements) != 1 or isinstance(statements[0], exp.Command):
        return None
    return statements[0]


def _mark_literals(tree: exp.Expr, names: Collection[str]) -> None:
    """Make every value a folded string, signs and quoted words included."""
    for node in list(tree.find_all(exp.Column, exp.Literal)):
        if isinstance(node, exp.Column):
            if _is_string(node, names):
                node.replace(exp.Literal.string(fold_literal(node.name)))
        elif isinstance(node.parent, exp.Neg):
            node.parent.replace(exp.Literal.string(fold_literal(f"-{node.name}")))
        else:
            node.replace(exp.Literal.string(fold_literal(node.name)))


def _is_string(column: exp.Column, names: Collection[str]) -> bool:
    if column.table or not column.this.args.get("quoted"):
        return False
    if names:
        return fold_name(column.name) not in names
    parent = column.parent
    if isinstance(parent, exp.In | exp.Between | exp.Like):
        return column.arg_key != "this"
    return isinstance(parent, exp.Predicate) and column.arg_key == "expression"


def _name_sources(tree: exp.Expr) -> None:
    """Give the tables of every SELECT their own names, and the columns the same prefixes."""
    selects = list(tree.find_all(exp.Select))
    names = {id(select): _sources(select) for select in selects}
    for column in list(tree.find_all(exp.Column)):
        if column.table:
            _set_prefix(column, names)
    for select in selects:
        for source in _from_and_joins(select):
            _set_alias(source, names[id(select)])


def _from_and_joins(select: exp.Expr) -> list[exp.Expr]:
    start = select.args.get("from_")
    joins = select.args.get("joins") or []
    return [part.this for part in ([start] if start is not None else []) + joins]


def _sources(select: exp.Expr) -> dict[str, str]:
    """What each table or subquery is called in this SELECT → its canonical name."""
    seen: Counter[str] = Counter()
    found = {}
    for source in _from_and_joins(select):
        called = source.alias_or_name.lower()
        own = fold_table(source.name) if isinstance(source, exp.Table) else "subquery"
        seen[own] += 1
        found[called] = own if seen[own] == 1 else f"{own}_{seen[own]}"
    return found


def _set_prefix(column: exp.Column, names: dict[int, dict[str, str]]) -> None:
    select = column.parent_select
    own = True
    while select is not None:
        known = names.get(id(select), {})
        name = known.get(column.table.lower())
        if name is not None:
            keeps = not own or len(known) > 1
            column.set("table", exp.to_identifier(name) if keeps else None)
            column.set("db", None)
            return
        select, own = select.parent_select, False


def _set_alias(source: exp.Expr, names: dict[str, str]) -> None:
    name = names[source.alias_or_name.lower()]
    is_table = isinstance(source, exp.Table)
    plain = is_table and name == fold_table(source.name)
    alias = None if plain else exp.TableAlias(this=exp.to_identifier(name))
    if is_table or isinstance(source, exp.Subquery):
        source.set("alias", alias)


def _drop_aliases(tree: exp.Expr) -> None:
    """Names of result columns go where nothing refers to them."""
    aliases = list(tree.find_all(exp.Alias))
    used = {column.name.lower() for column in tree.find_all(exp.Column)} if aliases else set()
    for alias in aliases:
        if isinstance(alias.parent, exp.Select) and alias.alias.lower() not in used:
            alias.replace(alias.this)


def _fold_names(tree: exp.Expr) -> None:
    for name in tree.find_all(exp.Identifier):
        parent = name.parent
        is_table = isinstance(parent, exp.Table) and name.arg_key == "this"
        numbered = isinstance(parent, exp.TableAlias) or name.arg_key == "table"
        if not numbered:
            name.set("this", fold_table(name.name) if is_table else fold_name(name.name))
        name.set("quoted", not name.name.isidentifier())


def _drop_noise(tree: exp.Expr) -> None:
    """ASC, INNER, OUTER beside a side, and brackets that change nothing."""
    parens = []
    for node in tree.find_all(exp.Ordered, exp.Join, exp.Paren):
        if isinstance(node, exp.Paren):
            parens.append(node)
        elif isinstance(node, exp.Ordered):
            node.set("desc", node.args.get("desc") or None)
        elif node.args.get("kind") in ("INNER", "OUTER" if node.args.get("side") else "INNER"):
            node.set("kind", None)
    for paren in reversed(parens):  # the innermost first
        inner, outer = paren.this, paren.parent
        same = isinstance(inner, exp.Connector) and type(inner) is type(outer)
        alone = isinstance(outer, exp.Where | exp.Having | exp.Join | exp.Paren)
        simple = isinstance(inner, exp.Predicate | exp.Column | exp.Literal | exp.Func | exp.Paren)
        if same or alone or (simple and not isinstance(inner, exp.Connector)):
            paren.replace(inner)


def _sort_operands(tree: exp.Expr) -> None:
    """Sort what AND, OR, = and IN join; the innermost first, so that outer ones sort by it."""
    for node in reversed(list(tree.bfs())):
        if isinstance(node, exp.And | exp.Or) and type(node.parent) is not type(node):
            operands = sorted(node.flatten(unnest=False), key=_order)
            joined = operands[0].copy()
            for operand in operands[1:]:
                joined = type(node)(this=joined, expression=operand.copy())
            if node.parent is None:
                continue
            node.replace(joined)
        elif isinstance(node, _SYMMETRIC):
            left, right = node.this, node.expression
            both_columns = isinstance(left, exp.Column) and isinstance(right, exp.Column)
            value_first = isinstance(left, exp.Literal) and not isinstance(right, exp.Literal)
            if value_first or (both_columns and _order(right) < _order(left)):
                node.set("this", right)
                node.set("expression", left)
        elif isinstance(node, exp.In) and node.expressions:
            node.set("expressions", sorted(node.expressions, key=_order))


def _order(node: exp.Expr) -> tuple[str, str]:
    text = _written(node)
    return _masked(text), text


def _written(tree: exp.Expr) -> str:
    return tree.sql(dialect="sqlite", comments=False, normalize_functions="upper")


def _masked(text: str) -> str:
    return _LISTED.sub("?", _LITERAL.sub("?", text))
