"""Whether a query has one answer only on some rows, or SQLite happened to choose one.

Rows that tie at ORDER BY, and columns that are neither grouped by nor aggregated, leave SQLite a
choice. A probe is the query with the choice made in one way; where two ways give different
answers, an equivalent query may rightly answer otherwise, and the instance tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from sqlforge.score.suite.names import scope_tables

_AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.GroupConcat)


def probes(tree: exp.Expr) -> tuple[str, ...]:
    """Variants that all answer as ``tree`` does where its answer is the only one.

    Ties are broken by the output columns, once upwards and once downwards: if both orders give
    the same rows, every order does. Bare columns become their group's minimum, then its maximum;
    the rule by which SQLite takes them from the row of a single MIN or MAX is let stand.

    >>> from sqlforge.score.suite.hints import parsed
    >>> for sql in probes(parsed("SELECT name FROM t ORDER BY age LIMIT 1")): print(sql)
    SELECT name FROM t ORDER BY age, 1 ASC LIMIT 1
    SELECT name FROM t ORDER BY age, 1 DESC LIMIT 1
    >>> probes(parsed("SELECT a, b FROM t GROUP BY a"))
    ('SELECT a, MIN(b) FROM t GROUP BY a', 'SELECT a, MAX(b) FROM t GROUP BY a')
    """
    found: list[str] = []
    if any(True for _ in _sorted_queries(tree)):
        found += [_without_ties(tree, desc) for desc in (False, True)]
    if any(True for _ in _bare_columns(tree)):
        found += [_without_bare_columns(tree, kind) for kind in (exp.Min, exp.Max)]
    return tuple(found)


def limit_ties(tree: exp.Expr) -> tuple[tuple[str, str], ...]:
    """For each ORDER BY with a LIMIT, the sort keys of the last row within and the first beyond.

    Equal answers are a tie: ``ORDER BY age LIMIT 1`` and ``WHERE age = (SELECT min(age) …)`` both
    answer "who is the youngest", and differ where two are.

    >>> from sqlforge.score.suite.hints import parsed
    >>> for sql in limit_ties(parsed("SELECT a FROM t ORDER BY b LIMIT 2"))[0]: print(sql)
    SELECT b FROM t ORDER BY b LIMIT 1 OFFSET 1
    SELECT b FROM t ORDER BY b LIMIT 1 OFFSET 2
    """
    found = []
    for select in tree.find_all(exp.Select):
        order, limit = select.args.get("order"), select.args.get("limit")
        if order is None or limit is None or select.args.get("offset") is not None:
            continue
        text = limit.expression.name if isinstance(limit.expression, exp.Literal) else ""
        if text.isdigit() and int(text) > 0:
            offsets = (int(text) - 1, int(text))
            found.append((_keys_at(select, offsets[0]), _keys_at(select, offsets[1])))
    return tuple(found)


def _keys_at(select: exp.Select, offset: int) -> str:
    copy = select.copy()
    names = {e.alias.lower(): e.unalias() for e in copy.expressions if e.alias}
    keys = [ordered.this for ordered in copy.args["order"].expressions]
    columns = [_meant(key, names, copy.expressions).copy() for key in keys]
    copy.set("expressions", columns)
    copy.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    copy.set("offset", exp.Offset(expression=exp.Literal.number(offset)))
    return str(copy.sql(dialect="sqlite"))


def _meant(key: exp.Expr, names: Mapping[str, exp.Expr], columns: Sequence[exp.Expr]) -> exp.Expr:
    """The expression behind a sort key that is an alias or an output column's number."""
    if isinstance(key, exp.Literal) and key.name.isdigit() and 0 < int(key.name) <= len(columns):
        return columns[int(key.name) - 1].unalias()
    return names.get(key.sql().lower(), key)


def _sorted_queries(tree: exp.Expr) -> Iterator[exp.Query]:
    for query in tree.find_all(exp.Query):
        columns = query.selects if isinstance(query, exp.Query) else []
        if query.args.get("order") is not None and not any(c.is_star for c in columns):
            yield query


def _without_ties(tree: exp.Expr, desc: bool) -> str:
    copy = tree.copy()
    for query in list(_sorted_queries(copy)):
        order = query.args["order"]
        for number in range(1, len(query.selects) + 1):
            place = exp.Literal.number(number)
            order.append("expressions", exp.Ordered(this=place, desc=desc, nulls_first=not desc))
    return copy.sql(dialect="sqlite")


def _bare_columns(tree: exp.Expr) -> Iterator[exp.Column]:
    """Columns of aggregating SELECTs that stand outside GROUP BY and every aggregate."""
    for select in tree.find_all(exp.Select):
        group = select.args.get("group")
        grouped = {_text(e) for e in group.expressions} if group is not None else set()
        aggregates = list(_own(select, *_AGGREGATES))
        single = [a for a in aggregates if isinstance(a, exp.Min | exp.Max)]
        if (group is None and not aggregates) or len(single) == 1:
            continue
        aliases = {alias for alias, _ in scope_tables(select)}
        for column in _own(select, exp.Column):
            assert isinstance(column, exp.Column)
            here = not column.table or column.table.lower() in aliases
            if here and not _is_covered(column, select, grouped):
                yield column


def _own(select: exp.Select, *kinds: type[exp.Expr]) -> Iterator[exp.Expr]:
    """Nodes of the select list, HAVING and ORDER BY, without those of subqueries."""
    parts = [*select.expressions, select.args.get("having"), select.args.get("order")]
    for part in parts:
        for node in part.find_all(*kinds) if part is not None else ():
            if node.find_ancestor(exp.Select) is select:
                yield node


def _is_covered(column: exp.Column, select: exp.Select, grouped: set[str]) -> bool:
    node: exp.Expr | None = column
    names = {e.alias.lower() for e in select.expressions if e.alias}
    if not column.table and column.name.lower() in names:
        return True
    while node is not None and node is not select:
        if isinstance(node, _AGGREGATES) or _text(node) in grouped:
            return True
        node = node.parent
    return False


def _text(node: exp.Expr) -> str:
    return str(node.sql(dialect="sqlite")).lower().replace('"', "").replace("`", "")


def _without_bare_columns(tree: exp.Expr, kind: type[exp.Expr]) -> str:
    copy = tree.copy()
    for column in list(_bare_columns(copy)):
        column.replace(kind(this=column.copy()))
    return str(copy.sql(dialect="sqlite"))
