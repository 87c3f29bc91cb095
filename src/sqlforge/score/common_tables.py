"""Common table expressions put where they are named."""

from __future__ import annotations

from sqlglot import exp

MAX_NODES = 2_000  # that are copied for one query: each definition may name another twice


def inline_common_tables(tree: exp.Expr) -> None:
    """Replace, in place, the names of common table expressions by their bodies as subqueries.

    Names are in lower case already. Recursive ones, and those that rename the columns of a star,
    stay where they are; so do all others once ``MAX_NODES`` have been copied.

    >>> import sqlglot
    >>> tree = sqlglot.parse_one("WITH x AS (SELECT a FROM t) SELECT a FROM x AS y")
    >>> inline_common_tables(tree)
    >>> tree.sql()
    'SELECT a FROM (SELECT a FROM t) AS y'
    """
    left = MAX_NODES
    for with_ in reversed(list(tree.find_all(exp.With))):  # the innermost first
        for definition in list(with_.expressions):
            left -= _inline(definition, with_, left)
        if not with_.expressions:
            with_.pop()


def _inline(definition: exp.CTE, with_: exp.With, most: int) -> int:
    """Put one definition where it is named; how many nodes that took, at most ``most``."""
    name, query = definition.alias, with_.parent
    references = [] if query is None else _references(query, name)
    if any(reference.find_ancestor(exp.CTE) is definition for reference in references):
        return 0  # it is recursive
    body = definition.this
    size = len(references) * sum(1 for _ in body.walk())
    columns = [column.name for column in definition.args["alias"].columns]
    if size > most or (columns and not _name_columns(body, columns)):
        return 0
    for reference in references:
        alias = exp.TableAlias(this=exp.to_identifier(reference.alias or name))
        inlined = exp.Subquery(this=body.copy(), alias=alias)
        inlined.set("joins", reference.args.get("joins"))
        reference.replace(inlined)
    definition.pop()
    return size


def _references(query: exp.Expr, name: str) -> list[exp.Table]:
    return [
        table
        for table in query.find_all(exp.Table)
        if table.name == name and not table.db and not table.args.get("pivots")
    ]


def _name_columns(body: exp.Expr, names: list[str]) -> bool:
    """Give the columns of a query these names; whether that can be done."""
    while isinstance(body, exp.SetOperation):
        body = body.this.unnest()
    items = body.selects if isinstance(body, exp.Select) else []
    if len(items) != len(names) or any(item.is_star for item in items):
        return False
    named = (exp.alias_(item.unalias(), name) for item, name in zip(items, names, strict=True))
    body.set("expressions", list(named))
    return True
