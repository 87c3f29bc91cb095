"""Names of tables and subqueries in a query: what each column belongs to, under one spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, count

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from sqlforge.core.schema import Schema

Names = dict[str, str]


def rename_sources(tree: exp.Expr, schema: Schema | None) -> None:
    """Rename, in place, what each SELECT reads from, and with it the prefixes of its columns.

    A table's alias becomes its name, numbered where one SELECT, or one around it, reads it
    already; a subquery in FROM becomes ``query_1``, …, a common table expression ``cte_1``, ….
    Columns of a SELECT with one source lose their prefix. With a ``schema``, an unprefixed column
    gets the prefix of the only source that has it. Names are in lower case already.

    Raises :class:`sqlglot.errors.OptimizeError` if two sources of a SELECT have the same name.
    """
    _name_nameless(tree)
    definitions = {id(cte.this): f"cte_{i}" for i, cte in enumerate(_definitions(tree), start=1)}
    scopes = traverse_scope(tree)
    renamed: dict[int, Names] = {}
    for scope in reversed(scopes):  # the outermost first
        renamed[id(scope)] = _new_names(scope, renamed, definitions, schema)
    # Everything is decided before anything is changed: a new name may be another's old one.
    prefixes: dict[int, tuple[exp.Column, str]] = {}
    for scope in scopes:  # the innermost first: a column belongs to the nearest that knows it
        for column, prefix in _prefixes(scope, renamed[id(scope)], schema):
            prefixes.setdefault(id(column), (column, prefix))
    for scope in scopes:
        _name_nodes(scope, renamed[id(scope)], definitions)
    for cte in _definitions(tree):
        cte.args["alias"].set("this", exp.to_identifier(definitions[id(cte.this)]))
    for column, prefix in prefixes.values():
        column.set("table", exp.to_identifier(prefix) if prefix else None)


def _name_nameless(tree: exp.Expr) -> None:
    """Subqueries in FROM may lack a name, and a definition may be recursive without saying so."""
    numbers = count(1)
    for query in tree.find_all(exp.Subquery):
        in_from = isinstance(query.parent, exp.From | exp.Join)
        if in_from and not query.alias and isinstance(query.this, exp.Query):
            query.set("alias", exp.TableAlias(this=exp.to_identifier(f" {next(numbers)}")))
    for cte in _definitions(tree):
        if cte.parent and any(table.name == cte.alias for table in cte.find_all(exp.Table)):
            cte.parent.set("recursive", True)


def _definitions(tree: exp.Expr) -> list[exp.CTE]:
    return list(tree.find_all(exp.CTE))


def _new_names(
    scope: Scope, renamed: dict[int, Names], definitions: dict[int, str], schema: Schema | None
) -> Names:
    """Old name → new name of each source of one SELECT."""
    outer = _names_around(scope, renamed)
    sources = scope.selected_sources
    bases = {name: _base(node, source, definitions) for name, (node, source) in sources.items()}
    uses, numbers = Counter(bases.values()), Counter[str]()
    is_alone = len(sources) == 1 and not scope.subquery_scopes and _is_closed(scope, schema)
    found: Names = {}
    for name, base in bases.items():
        is_plain = base != "query" and uses[base] == 1 and (is_alone or base not in outer)
        if is_plain:
            found[name] = base
            continue
        while True:
            numbers[base] += 1
            found[name] = f"{base}_{numbers[base]}"
            if found[name] not in outer:
                break
    return found


def _is_closed(scope: Scope, schema: Schema | None) -> bool:
    """Whether a SELECT with one source reads columns of that source only."""
    ((name, (_, source)),) = scope.selected_sources.items()
    known = _columns(source, schema)
    return all(
        column.table == name if column.table else known is None or column.name in known
        for column in scope.columns
    )


def _names_around(scope: Scope, renamed: dict[int, Names]) -> set[str]:
    found: set[str] = set()
    around = scope.parent
    while around is not None:
        found.update(renamed.get(id(around), {}).values())
        around = around.parent
    return found


def _base(node: exp.Expr, source: object, definitions: dict[int, str]) -> str:
    if not isinstance(node, exp.Table):
        return "query"
    return _definition(source, definitions) or node.name


def _definition(source: object, definitions: dict[int, str]) -> str | None:
    if not isinstance(source, Scope):
        return None
    cte = source.expression.find_ancestor(exp.CTE)
    return definitions.get(id(cte.this)) if cte is not None else None


def _prefixes(scope: Scope, new: Names, schema: Schema | None) -> Iterator[tuple[exp.Column, str]]:
    """The columns that belong to this SELECT's sources, each with its new prefix (may be "")."""
    columns = {
        name: _columns(source, schema) for name, (_, source) in scope.selected_sources.items()
    }
    are_known = None not in columns.values()
    for column in chain(scope.columns, scope.stars):
        if not isinstance(column, exp.Column):
            continue
        is_own = column.parent_select is scope.expression
        name = column.table
        if not name:
            owners = [n for n, known in columns.items() if known and column.name in known]
            if are_known and len(owners) == 1:
                name = owners[0]
            elif not is_own or (are_known and not owners and scope.parent is not None):
                continue  # it may belong to a query around this one
        if name and name not in new:
            continue
        keeps = name and (len(new) > 1 or not is_own)
        yield column, new[name] if keeps else ""


def _columns(source: object, schema: Schema | None) -> set[str] | None:
    """The names of a source's columns, ``None`` if they are not known."""
    if isinstance(source, Scope):
        query = source.expression
        if not isinstance(query, exp.Query) or query.is_star:
            return None
        return set(query.named_selects)
    table = schema.table(source.name) if schema and isinstance(source, exp.Table) else None
    return {column.name.lower() for column in table.columns} if table else None


def _name_nodes(scope: Scope, new: Names, definitions: dict[int, str]) -> None:
    for name, (node, source) in scope.selected_sources.items():
        if isinstance(node, exp.Table):
            if (defined := _definition(source, definitions)) is not None:
                node.set("this", exp.to_identifier(defined))
            alias = None if new[name] == node.name else new[name]
            node.set("alias", alias and exp.TableAlias(this=exp.to_identifier(alias)))
            continue
        query = node if isinstance(node, exp.Subquery) else node.find_ancestor(exp.Subquery)
        if query is not None and query.args.get("alias"):
            query.args["alias"].set("this", exp.to_identifier(new[name]))
