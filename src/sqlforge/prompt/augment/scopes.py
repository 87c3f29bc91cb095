"""Which names a place in a query can see, as SQLite looks them up."""

from __future__ import annotations

from sqlglot import exp

from sqlforge.core.schema import Schema

_OWN = frozenset(("rowid", "oid", "_rowid_"))
_DEEPEST = 40  # common table expressions that name each other


def is_string(column: exp.Column, sql: str, schema: Schema) -> bool:
    """Whether ``column`` is a double-quoted word that names nothing in sight: SQLite's string."""
    name = column.this
    if column.table or not isinstance(name, exp.Identifier) or not name.quoted:
        return False
    if sql[name.meta.get("start", 0)] != '"':
        return False
    return not _is_visible(name.name.lower(), column, schema)


def _is_visible(name: str, place: exp.Expr, schema: Schema) -> bool:
    """Whether a query around ``place`` has a source or a result column of that name."""
    below, node = place, place.parent
    is_source = False  # a query in FROM or WITH does not see the query that it is a source of
    while node is not None:
        if isinstance(node, exp.From | exp.Join | exp.CTE) and isinstance(below, exp.Query):
            is_source = True
        elif isinstance(node, exp.Select):
            listed = below.arg_key == "expressions"  # there, SELECT's own aliases do not count
            if not is_source and name in _in_scope(node, schema, with_aliases=not listed):
                return True
            is_source = False
        elif isinstance(node, exp.SetOperation):
            if below is node.args.get("order") and name in _outputs(node, schema, 0):
                return True
        elif isinstance(node, exp.Update | exp.Delete) and name in _of_table(
            node.find(exp.Table), schema, 0
        ):
            return True
        below, node = node, node.parent
    return False


def _in_scope(select: exp.Select, schema: Schema, *, with_aliases: bool) -> set[str]:
    aliases = {e.alias.lower() for e in select.expressions if isinstance(e, exp.Alias)}
    return (aliases if with_aliases else set()) | _source_columns(select, schema, 0)


def _source_columns(select: exp.Select, schema: Schema, depth: int) -> set[str]:
    joins = [join.this for join in select.args.get("joins") or ()]
    first = select.args.get("from_") or select.args.get("from")
    found: set[str] = set()
    for source in [*([first.this] if first else []), *joins]:
        found |= _of_source(source, schema, depth)
    return found


def _of_source(source: exp.Expr, schema: Schema, depth: int) -> set[str]:
    nested = [join.this for join in source.args.get("joins") or ()]  # (a JOIN b)
    found = set().union(*(_of_source(inner, schema, depth) for inner in nested))
    if isinstance(source, exp.Table):
        return found | _of_table(source, schema, depth)
    alias = source.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        return found | {column.name.lower() for column in alias.columns}
    inner = source.this
    if isinstance(inner, exp.Table):
        return found | _of_source(inner, schema, depth)
    return found | (_outputs(inner, schema, depth) if isinstance(inner, exp.Query) else set())


def _of_table(table: exp.Table | None, schema: Schema, depth: int) -> set[str]:
    if table is None or depth > _DEEPEST:
        return set()
    definition = _definition(table)
    if definition is not None:
        alias = definition.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            return {column.name.lower() for column in alias.columns}
        return _outputs(definition.this, schema, depth + 1)
    known = schema.table(table.name)
    return {column.name.lower() for column in known.columns} | _OWN if known else set()


def _definition(table: exp.Table) -> exp.CTE | None:
    """The common table expression that ``table`` means, if one of that name is in sight."""
    name, node = table.name.lower(), table.parent
    while node is not None:
        clause = node.args.get("with_") or node.args.get("with")
        for expression in clause.expressions if clause is not None else ():
            if expression.alias.lower() == name:
                return expression if isinstance(expression, exp.CTE) else None
        node = node.parent
    return None


def _outputs(query: exp.Expr, schema: Schema, depth: int) -> set[str]:
    """Names of the columns that a query gives, ``*`` spelled out."""
    if isinstance(query, exp.SetOperation):
        return _outputs(query.left, schema, depth) | _outputs(query.right, schema, depth)
    if isinstance(query, exp.Subquery):
        return _outputs(query.this, schema, depth)
    if not isinstance(query, exp.Select) or depth > _DEEPEST:
        return set()
    found: set[str] = set()
    for expression in query.expressions:
        if expression.is_star:
            found |= _source_columns(query, schema, depth + 1)
        else:
            found.add(expression.alias_or_name.lower())
    return found
