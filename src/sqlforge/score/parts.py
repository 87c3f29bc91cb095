"""What a query consists of, as bags that two queries can be compared by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from sqlforge.core.schema import Schema
from sqlforge.score.normal_form import Key, Names, conjuncts, inner_conditions, joined_names, key

_FLIPPED: dict[type[exp.Binary], type[exp.Binary]] = {exp.GT: exp.LT, exp.GTE: exp.LTE}
_FLIPPED |= {b: a for a, b in _FLIPPED.items()}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: what is compared, how (``"LT"``, ``"not In"``, …) and with what."""

    subject: Key
    operator: str
    value: Key


@dataclass(slots=True)
class Parts:
    """All parts of a query, those of its subqueries among them; filled by :func:`parts_of`."""

    items: Counter[Key] = field(default_factory=Counter)
    places: tuple[Key, ...] = ()  # of the outermost select list
    tables: Counter[str] = field(default_factory=Counter)
    joins: Counter[Key] = field(default_factory=Counter)
    aggregates: Counter[tuple[str, bool]] = field(default_factory=Counter)
    conditions: Counter[Condition] = field(default_factory=Counter)
    connectors: Counter[str] = field(default_factory=Counter)
    groups: Counter[Key] = field(default_factory=Counter)
    ends: list[Key] = field(default_factory=list)  # ORDER BY, LIMIT and OFFSET
    distinct: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    subqueries: Counter[str] = field(default_factory=Counter)  # by where they stand


def parts_of(tree: exp.Expr, schema: Schema | None = None) -> Parts:
    """The parts of a tree that :func:`sqlforge.score.normal_form.normal_tree` made.

    >>> import sqlglot
    >>> found = parts_of(sqlglot.parse_one("SELECT MAX(a) FROM t WHERE 3 < b"))
    >>> found.aggregates, [c.operator for c in found.conditions]
    (Counter({('Max', False): 1}), ['GT'])
    """
    parts = Parts()
    aliases = {
        table.alias: table.name for table in tree.find_all(exp.Table) if table.alias
    }  # one name for all copies of a table: which copy is meant is no part
    for operation in tree.find_all(exp.SetOperation):
        kind = "DISTINCT" if operation.args.get("distinct") else "ALL"
        parts.operations[f"{type(operation).__name__} {kind}"] += 1
        _add_ends(operation, Names(aliases), parts)
    outermost = _leftmost(tree)
    for select in tree.find_all(exp.Select):
        named = Names({**aliases, **_only_source(select)}, schema=schema)
        names = joined_names(select, named)
        items = [key(_without_aggregate(item), names) for item in select.expressions]
        if select is outermost:
            parts.places = tuple(items)
        parts.items.update(items)
        parts.distinct += bool(select.args.get("distinct"))
        _add_sources(select, named, parts)
        _add_conditions(select, names, parts)
        _add_aggregates(select, parts)
        group = select.args.get("group")
        parts.groups.update(key(item, names) for item in (group.expressions if group else ()))
        _add_ends(select, names, parts)
        parts.subqueries.update(_standing(select))
    return parts


def _without_aggregate(item: exp.Expr) -> exp.Expr:
    """Aggregates are parts of their own: ``MAX(a)`` and ``a`` show the same column."""
    inner = item.unalias().unnest()
    if isinstance(inner, exp.AggFunc) and isinstance(inner.this, exp.Expr):
        inner = inner.this
    one = isinstance(inner, exp.Distinct) and len(inner.expressions) == 1
    return inner.expressions[0] if one else inner


def _leftmost(tree: exp.Expr) -> exp.Expr:
    while isinstance(tree, exp.SetOperation):
        tree = tree.this.unnest()
    return tree


def _only_source(select: exp.Select) -> dict[str, str]:
    """The table that columns without prefix belong to."""
    first = select.args.get("from_")
    if first is None or select.args.get("joins") or not isinstance(first.this, exp.Table):
        return {}
    return {"": first.this.name}


def _add_sources(select: exp.Select, names: Names, parts: Parts) -> None:
    first, joins = select.args.get("from_"), select.args.get("joins") or ()
    for source in (first, *joins):
        if source is not None and isinstance(source.this, exp.Table):
            parts.tables[source.this.name] += 1
    for join in joins:
        if join.side or join.method:
            parts.joins[(join.side, join.method)] += 1
            parts.joins.update(key(c, names) for c in conjuncts(join.args.get("on")))
    parts.joins.update(key(c, names) for c in inner_conditions(select) if _is_join(c))


def _is_join(condition: exp.Expr) -> bool:
    if not isinstance(condition, exp.EQ):
        return False
    left, right = condition.this, condition.expression
    both = isinstance(left, exp.Column) and isinstance(right, exp.Column)
    return both and left.table != right.table


def _add_conditions(select: exp.Select, names: Names, parts: Parts) -> None:
    having = select.args.get("having")
    roots = [c for c in inner_conditions(select) if not _is_join(c)]
    for root in (*roots, *conjuncts(having.this if having else None)):
        for condition in _comparisons(root, names, "", parts):
            parts.conditions[condition] += 1


def _comparisons(node: exp.Expr, names: Names, sign: str, parts: Parts) -> Iterator[Condition]:
    node = node.unnest()
    if isinstance(node, exp.Connector):
        if isinstance(node, exp.Or):
            parts.connectors["Or"] += 1
        yield from _comparisons(node.this, names, sign, parts)
        yield from _comparisons(node.expression, names, sign, parts)
    elif isinstance(node, exp.Not):
        yield from _comparisons(node.this, names, "" if sign else "not ", parts)
    else:
        sign = "not " if node.args.get("negate") else sign
        yield _comparison(node, names, sign)


def _comparison(node: exp.Expr, names: Names, sign: str) -> Condition:
    if isinstance(node, exp.Between):
        low, high = (_value(node.args[end], names) for end in ("low", "high"))
        return Condition(key(node.this, names), f"{sign}Between", (low, high))
    if isinstance(node, exp.In):
        options = sorted((key(option, names) for option in node.expressions), key=repr)
        value = _value(node.args["query"], names) if node.args.get("query") else tuple(options)
        return Condition(key(node.this, names), f"{sign}In", value)
    if isinstance(node, exp.Exists):
        return Condition((), f"{sign}Exists", ("query",))
    if not isinstance(node, exp.Binary):
        return Condition(key(node, names), f"{sign}true", ())
    kind, left, right = type(node), node.this, node.expression
    is_turned = isinstance(left, exp.Literal) and not isinstance(right, exp.Literal)
    if is_turned:
        kind, left, right = _FLIPPED.get(kind, kind), right, left
    return Condition(key(left, names), f"{sign}{kind.__name__}", _value(right, names))


def _value(node: exp.Expr, names: Names) -> Key:
    inner = node.unnest()
    return ("query",) if isinstance(inner, exp.Query) else key(node, names)


def _add_aggregates(select: exp.Select, parts: Parts) -> None:
    for function in select.find_all(exp.AggFunc):
        if function.parent_select is select:
            is_distinct = isinstance(function.this, exp.Distinct)
            parts.aggregates[(type(function).__name__, is_distinct)] += 1


def _add_ends(query: exp.Expr, names: Names, parts: Parts) -> None:
    order = query.args.get("order")
    if order is not None:
        parts.ends.append(("order", *(key(item, names) for item in order.expressions)))
    for end in ("limit", "offset"):
        if query.args.get(end) is not None:
            parts.ends.append((end, key(query.args[end].expression, names)))


def _standing(select: exp.Select) -> Iterator[str]:
    """Where this SELECT stands, if inside another."""
    outer = select.parent
    while outer is not None and isinstance(outer, exp.Subquery | exp.Paren | exp.SetOperation):
        outer = outer.parent
    if outer is not None:
        yield "from" if isinstance(outer, exp.From | exp.Join) else "condition"
