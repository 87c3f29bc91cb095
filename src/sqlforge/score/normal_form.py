"""A query without regard to the order of what has none: the form that exact set match compares.

What is the same here: whatever :mod:`sqlglot` reads alike (quotes, aliases with and without AS,
``<>`` and ``!=``, IFNULL and COALESCE); common table expressions and the subqueries they stand for;
the order of the select list, of joined tables, of grouping columns, of the operands of AND, OR,
``=``, ``+``, ``*``, UNION and INTERSECT, and of an IN list; an inner join's ON and WHERE; USING and
ON; columns that an inner join makes equal; ``a < b`` and ``b > a``; ``NOT a = b`` and ``a <> b``;
output aliases and what they stand for. What is not: values, DISTINCT, the kind of join, CAST, the
order of ORDER BY.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from sqlforge.core.schema import Schema
from sqlforge.score.canonical import canonical_tree
from sqlforge.score.equal_columns import Pair, equal_columns
from sqlforge.score.references import resolve_references

Key = tuple[object, ...]
"""A nested tuple of texts: equal for queries that count as the same."""

_NOISE = {"big_int", "safe", "quoted", "comments", "nested", "nulls_first", "desc", "negate"}
_ORDERINGS: dict[type[exp.Expr], str] = {exp.LT: "LT", exp.LTE: "LTE", exp.GT: "LT", exp.GTE: "LTE"}
_NEGATED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.LT: exp.GTE,
    exp.GTE: exp.LT,
    exp.GT: exp.LTE,
    exp.LTE: exp.GT,
}
_COMMUTATIVE = (exp.EQ, exp.NEQ, exp.Add, exp.Mul, exp.NullSafeEQ, exp.NullSafeNEQ)


@dataclass(frozen=True, slots=True)
class Names:
    """What goes under another name.

    ``sources``: a table joined to itself is numbered in order of appearance, which one may want to
    swap. ``columns``: of columns that an inner join makes equal, one stands for all. ``schema``
    knows their types.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    schema: Schema | None = None


def normal_tree(sql: str, schema: Schema | None) -> exp.Expr | None:
    """The canonical tree with common table expressions and references put in place."""
    tree = canonical_tree(sql, schema, inline=True)
    if tree is not None:
        resolve_references(tree, schema)
    return tree


def key(node: exp.Expr | None, names: Names | None = None, *, is_outermost: bool = False) -> Key:
    """The normal form of a tree that :func:`normal_tree` made.

    Only the outermost select list is a set; in a subquery or set operation places matter.

    >>> a, b = (normal_tree(f"SELECT {s} FROM t", None) for s in ("a, b", "b, a"))
    >>> key(a, is_outermost=True) == key(b, is_outermost=True), key(a) == key(b)
    (True, False)
    """
    if node is None:
        return ()
    names = names or Names()
    if isinstance(node, exp.Select):
        return _select(node, names, is_outermost)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, names)
    if isinstance(node, exp.Connector):
        operands = {key(part, names) for part in conjuncts(node, type(node))}
        return (type(node).__name__, *_sorted(operands))
    if isinstance(node, exp.Column | exp.Table | exp.Subquery):
        return _named(node, names)
    if isinstance(node, exp.Paren | exp.Alias):
        return key(node.this, names)
    if isinstance(node, exp.Literal):
        return _literal(node)
    if isinstance(node, exp.Not | exp.Case | exp.If | exp.Ordered | exp.In):
        return _special(node, names)
    if type(node) in _ORDERINGS:
        sides = [key(node.this, names), key(node.expression, names)]
        is_falling = isinstance(node, exp.GT | exp.GTE)
        return (_ORDERINGS[type(node)], *(sides[::-1] if is_falling else sides))
    if isinstance(node, _COMMUTATIVE):
        sides = [key(node.this, names), key(node.expression, names)]
        return (type(node).__name__, *_sorted(sides))
    if node.args.get("negate"):  # NOT LIKE
        positive = node.copy()
        positive.set("negate", False)
        return ("Not", key(positive, names))
    return _generic(node, names)


def conjuncts(node: exp.Expr | None, connector: type[exp.Expr] = exp.And) -> Iterator[exp.Expr]:
    """The operands of nested ANDs (or ORs), parentheses left out."""
    while isinstance(node, exp.Paren):
        node = node.this
    if node is None or (isinstance(node, exp.Boolean) and node.this is True):
        return
    if isinstance(node, connector):
        yield from conjuncts(node.this, connector)
        yield from conjuncts(node.expression, connector)
    else:
        yield node


def inner_conditions(select: exp.Select) -> list[exp.Expr]:
    """WHERE's conditions and those of inner joins, which filter the same rows."""
    found = list(conjuncts(_this(select.args.get("where"))))
    if _joins_commute(select):
        for join in select.args.get("joins") or ():
            if not join.side:
                found += conjuncts(join.args.get("on"))
    return found


def _select(select: exp.Select, names: Names, is_outermost: bool) -> Key:
    conditions = inner_conditions(select)
    tied = equal_columns(select, conditions, names.schema)
    classes = _classes(tied, names)
    names = joined_names(select, names)
    equalities = {id(pair[0].parent) for pairs in tied for pair in pairs}
    items = [key(item, names) for item in select.expressions]
    group, having = select.args.get("group"), _this(select.args.get("having"))
    where = {key(part, names) for part in conditions if id(part) not in equalities}
    parts = (
        where | {("Same", *sorted(columns)) for columns in classes},
        {key(item, names) for item in group.expressions} if group else set(),
        {key(part, names) for part in conjuncts(having)},
    )
    return (
        "Select",
        bool(select.args.get("distinct")),
        tuple(_sorted(items) if is_outermost else items),
        _sources(select, names),
        *(tuple(_sorted(part)) for part in parts),
        *_ends(select, names),
    )


def _column(node: exp.Column, names: Names) -> tuple[str, str]:
    name = "*" if isinstance(node.this, exp.Star) else node.name
    found = (names.sources.get(node.table, node.table), name)
    return names.columns.get(found, found)


def joined_names(select: exp.Select, names: Names) -> Names:
    """``names`` with one column standing for all that the joins of a SELECT make equal."""
    classes = _classes(equal_columns(select, inner_conditions(select), names.schema), names)
    return replace(names, columns={**names.columns, **{c: min(k) for k in classes for c in k}})


def _classes(tied: list[list[Pair]], names: Names) -> list[set[tuple[str, str]]]:
    return [{_column(c, names) for pair in pairs for c in pair} for pairs in tied]


def _ends(query: exp.Expr, names: Names) -> tuple[Key, ...]:
    order = query.args.get("order")
    keys = tuple(key(item, names) for item in order.expressions) if order else ()
    limit, offset = query.args.get("limit"), query.args.get("offset")
    return (
        keys,
        key(limit.expression if limit else None, names),
        key(offset.expression if offset else None, names),
        key(query.args.get("with_"), names),  # what could not be put in place
    )


def _sources(select: exp.Select, names: Names) -> Key:
    """What a SELECT reads: the inner sources as a bag, then outer joins in order."""
    first, joins = _this(select.args.get("from_")), select.args.get("joins") or []
    if not _joins_commute(select):
        parts = [(*_kind(join), key(join.this, names), _on(join, names)) for join in joins]
        return ("ordered", key(first, names), *parts)
    inner = [key(first, names), *(key(join.this, names) for join in joins if not join.side)]
    outer = [(*_kind(join), key(join.this, names), _on(join, names)) for join in joins if join.side]
    return ("sources", tuple(_sorted(inner)), *outer)


def _joins_commute(select: exp.Select) -> bool:
    joins = select.args.get("joins") or ()
    return all(join.side in ("", "LEFT") and not join.method for join in joins)


def _kind(join: exp.Join) -> tuple[str, str]:
    return (join.side, join.method)


def _on(join: exp.Join, names: Names) -> Key:
    return tuple(_sorted({key(part, names) for part in conjuncts(join.args.get("on"))}))


def _set_operation(node: exp.SetOperation, names: Names) -> Key:
    operands = [key(part, names) for part in _operands(node)]
    if not isinstance(node, exp.Except):
        operands = _sorted(operands)
    name = f"{type(node).__name__} {'DISTINCT' if node.args.get('distinct') else 'ALL'}"
    return (name, *operands, _ends(node, names))


def _operands(node: exp.SetOperation) -> Iterator[exp.Expr]:
    """The queries that one set operation connects, chains of the same operation as one."""
    for side in (node.this, node.expression):
        inner = side
        while isinstance(inner, exp.Subquery | exp.Paren) and not inner.alias:
            inner = inner.this
        is_same = (
            type(inner) is type(node)
            and not isinstance(node, exp.Except)
            and inner.args.get("distinct") == node.args.get("distinct")
            and not any(inner.args.get(end) for end in ("order", "limit", "offset"))
        )
        if is_same and isinstance(inner, exp.SetOperation):
            yield from _operands(inner)
        else:
            yield inner


def _named(node: exp.Expr, names: Names) -> Key:
    if isinstance(node, exp.Column):
        return ("column", *_column(node, names))
    inner_joins = tuple(key(join, names) for join in node.args.get("joins") or ())
    alias = names.sources.get(node.alias, node.alias)
    if isinstance(node, exp.Table):
        return ("table", node.name, alias, *inner_joins)
    if not alias and not inner_joins:
        return ("query", key(node.this, names))
    return ("query", alias, key(node.this, names), *inner_joins)


def _literal(node: exp.Literal) -> Key:
    if node.is_string:
        return ("text", node.name)
    try:
        return ("number", str(float(node.name)) if not node.is_int else str(float(int(node.name))))
    except (ValueError, OverflowError):
        return ("number", node.name)


def _special(node: exp.Expr, names: Names) -> Key:
    if isinstance(node, exp.Not):
        inner = node.this.unnest()
        if isinstance(inner, exp.Not):
            return key(inner.this, names)
        if type(inner) in _NEGATED:
            negated = _NEGATED[type(inner)](this=inner.this, expression=inner.expression)
            return key(negated, names)
        return ("Not", key(inner, names))
    if isinstance(node, exp.Ordered):
        is_down = bool(node.args.get("desc"))
        nulls_first = bool(node.args.get("nulls_first"))
        return ("Ordered", key(node.this, names), is_down, nulls_first)
    if isinstance(node, exp.In):
        options = _sorted({key(option, names) for option in node.expressions})
        return ("In", key(node.this, names), tuple(options), key(node.args.get("query"), names))
    branches = [node] if isinstance(node, exp.If) else node.args["ifs"]  # IIF is a CASE
    default = node.args.get("false" if isinstance(node, exp.If) else "default")
    subject = node.this if isinstance(node, exp.Case) else None
    tests = [
        exp.EQ(this=subject.copy(), expression=branch.this.copy()) if subject else branch.this
        for branch in branches
    ]
    pairs = [
        (key(t, names), key(b.args.get("true"), names))
        for t, b in zip(tests, branches, strict=True)
    ]
    return ("Case", *pairs, key(default, names))


def _generic(node: exp.Expr, names: Names) -> Key:
    parts: list[object] = [type(node).__name__]
    if isinstance(node, exp.Anonymous):
        parts.append(node.name.lower())
    for name, value in sorted(node.args.items()):
        if value is None or value is False or value == [] or name in _NOISE:
            continue
        if isinstance(node, exp.Anonymous) and name == "this":
            continue
        values = value if isinstance(value, list) else [value]
        shown = [key(v, names) if isinstance(v, exp.Expr) else str(v) for v in values]
        parts.append((name, *shown))
    return tuple(parts)


def _this(clause: exp.Expr | None) -> exp.Expr | None:
    return clause.this if clause is not None else None


def _sorted(keys: object) -> list[Key]:
    assert isinstance(keys, list | set)
    return sorted(keys, key=repr)
