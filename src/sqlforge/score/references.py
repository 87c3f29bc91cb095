"""Names that stand for something else in the same query, replaced by what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from sqlforge.core.schema import Schema


def resolve_references(tree: exp.Expr, schema: Schema | None) -> None:
    """Replace, in place, output aliases and column numbers by the expressions they mean.

    In ORDER BY, GROUP BY, HAVING and WHERE; the ORDER BY of a set operation names its columns by
    number instead. Columns of a subquery in FROM are numbered (``c1``, …) wherever they are
    used, USING becomes ON. Output aliases then mean nothing any more. ``tree`` is canonical
    (:func:`sqlforge.score.canonical.canonical_tree`).

    >>> import sqlglot
    >>> tree = sqlglot.parse_one("SELECT a AS x, COUNT(*) FROM t GROUP BY 1 ORDER BY x")
    >>> resolve_references(tree, None)
    >>> tree.sql()
    'SELECT a AS x, COUNT(*) FROM t GROUP BY a ORDER BY a'
    """
    for select in tree.find_all(exp.Select):
        _using_as_on(select, schema)
        _resolve(select, schema)
    for operation in tree.find_all(exp.SetOperation):
        _number_order(operation)
    for scope in traverse_scope(tree):
        _number_columns(scope)


def _resolve(select: exp.Select, schema: Schema | None) -> None:
    items = select.expressions
    outputs = {item.alias_or_name: item.unalias() for item in reversed(items) if not item.is_star}
    aliases = {item.alias: item.unalias() for item in items if item.alias}
    columns = _columns_read(select, schema)
    inside = {name: node for name, node in aliases.items() if name not in columns}
    for clause in ("group", "order"):
        for entry in select.args[clause].expressions if select.args.get(clause) else ():
            place = entry.this if isinstance(entry, exp.Ordered) else entry
            _resolve_place(place, items, outputs if clause == "order" else inside)
    for clause in ("where", "group", "having", "order"):
        if select.args.get(clause) is not None:
            _replace_names(select.args[clause], inside, select)


def _resolve_place(place: exp.Expr, items: list[exp.Expr], outputs: Mapping[str, exp.Expr]) -> None:
    if isinstance(place, exp.Literal) and place.is_int:
        number = int(place.name)
        if 0 < number <= len(items) and not any(item.is_star for item in items[:number]):
            place.replace(items[number - 1].unalias().copy())
    elif isinstance(place, exp.Column) and not place.table and place.name in outputs:
        place.replace(outputs[place.name].copy())


def _replace_names(clause: exp.Expr, aliases: Mapping[str, exp.Expr], select: exp.Select) -> None:
    for column in list(clause.find_all(exp.Column)):
        if not column.table and column.name in aliases and column.parent_select is select:
            column.replace(aliases[column.name].copy())


def _columns_read(select: exp.Select, schema: Schema | None) -> set[str]:
    """The columns of the tables that a SELECT reads, as far as the schema knows them."""
    tables = [join.this for join in select.args.get("joins") or ()]
    if (first := select.args.get("from_")) is not None:
        tables.append(first.this)
    known = (schema.table(t.name) for t in tables if schema and isinstance(t, exp.Table))
    return {column.name.lower() for table in known if table for column in table.columns}


def _number_order(operation: exp.SetOperation) -> None:
    order = operation.args.get("order")
    if order is None or isinstance(operation.parent, exp.SetOperation):
        return
    names = [item.alias_or_name for item in operation.selects]
    for entry in order.expressions:
        column = entry.this
        if isinstance(column, exp.Column) and column.name in names:
            column.replace(exp.Literal.number(names.index(column.name) + 1))


def _number_columns(scope: Scope) -> None:
    """Columns of subqueries in FROM get numbers for names, inside and where they are used."""
    numbers: dict[str, dict[str, str]] = {}
    for name, (node, source) in scope.selected_sources.items():
        query = source.expression if isinstance(source, Scope) else None
        if isinstance(node, exp.Table) or not isinstance(query, exp.Query) or query.is_star:
            continue
        outputs = query.named_selects
        numbers[name] = {output: f"c{i}" for i, output in enumerate(outputs, start=1)}
    if not numbers:
        return
    # The scope leaves out what may be an output alias; those are resolved by now.
    own = (c for c in scope.find_all(exp.Column) if c.parent_select is scope.expression)
    for column in {id(c): c for c in chain(scope.columns, own)}.values():
        owner = column.table
        if (
            not owner
            and len(scope.selected_sources) == 1
            and column.parent_select is scope.expression
        ):
            owner = next(iter(scope.selected_sources))
        if column.name in numbers.get(owner, {}):
            column.set("this", exp.to_identifier(numbers[owner][column.name]))


def _using_as_on(select: exp.Select, schema: Schema | None) -> None:
    first = select.args.get("from_")
    sources = [first.this] if first is not None else []
    for join in select.args.get("joins") or ():
        for name in join.args.get("using") or ():
            left = next((s for s in sources if _has(s, name.name, schema)), sources[0])
            sides = (exp.column(name.name, table=s.alias_or_name) for s in (left, join.this))
            join.on(exp.EQ(this=next(sides), expression=next(sides)), copy=False)
            for column in select.find_all(exp.Column):
                is_shared = column.name == name.name and not column.table
                if is_shared and column.parent_select is select and not join.side:
                    column.set("table", exp.to_identifier(left.alias_or_name))
        join.set("using", None)
        sources.append(join.this)


def _has(source: exp.Expr, name: str, schema: Schema | None) -> bool:
    table = schema.table(source.name) if schema and isinstance(source, exp.Table) else None
    return table is not None and table.column(name) is not None
