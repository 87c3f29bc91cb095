"""Rewrites of a query that keep its meaning, whatever the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from sqlforge.core.schema import Schema
from sqlforge.score.suite.names import scope_tables

Rewrite = Callable[[exp.Expr, Schema], None]

_NEGATED = {
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.GT: exp.LTE,
    exp.GTE: exp.LT,
    exp.LT: exp.GTE,
    exp.LTE: exp.GT,
}
_TURNED = {
    exp.EQ: exp.EQ,
    exp.NEQ: exp.NEQ,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
}


def rewritten(tree: exp.Expr, schema: Schema) -> Iterator[tuple[str, str]]:
    """The name of each rewrite that changes the query, and what it makes of it."""
    before = tree.sql(dialect="sqlite")
    for rewrite in REWRITES:
        copy = tree.copy()
        rewrite(copy, schema)
        after = copy.sql(dialect="sqlite")
        if after != before:
            yield rewrite.__name__, after
    if not tree.args.get("order"):
        yield "in_a_subquery", f"SELECT * FROM ({before})"


def other_aliases(tree: exp.Expr, schema: Schema) -> None:
    names = {
        table.alias.lower(): f"renamed_{table.alias}"
        for table in tree.find_all(exp.Table)
        if table.alias
    }
    for table in tree.find_all(exp.Table):
        if table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(names[table.alias.lower()])))
    for column in tree.find_all(exp.Column):
        if column.table.lower() in names:
            column.set("table", exp.to_identifier(names[column.table.lower()]))


def turned_comparisons(tree: exp.Expr, schema: Schema) -> None:
    for node in list(tree.find_all(*_TURNED)):
        node.replace(_TURNED[type(node)](this=node.right.copy(), expression=node.left.copy()))


def negated_comparisons(tree: exp.Expr, schema: Schema) -> None:
    for node in list(tree.find_all(*_NEGATED)):
        if not node.find(exp.Query) and not isinstance(node.parent, exp.Not):
            opposite = _NEGATED[type(node)](this=node.left.copy(), expression=node.right.copy())
            node.replace(exp.Not(this=exp.Paren(this=opposite)))


def between_as_bounds(tree: exp.Expr, schema: Schema) -> None:
    for node in list(tree.find_all(exp.Between)):
        low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
        high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
        node.replace(exp.paren(exp.and_(low, high)))


def conditions_in_another_order(tree: exp.Expr, schema: Schema) -> None:
    for node in tree.find_all(exp.And, exp.Or):
        left, right = node.left.copy(), node.right.copy()
        if isinstance(node, exp.And):  # OR binds less than AND
            left, right = exp.paren(left), exp.paren(right)
        node.set("this", right)
        node.set("expression", left)
        return


def counted_keys(tree: exp.Expr, schema: Schema) -> None:
    """COUNT(*) as COUNT of a primary key that can be no NULL."""
    for node in list(tree.find_all(exp.Count)):
        select = node.find_ancestor(exp.Select)
        joins = select.args.get("joins") or []
        if not isinstance(node.this, exp.Star) or any(join.args.get("side") for join in joins):
            continue
        for alias, name in scope_tables(select):
            table = schema.table(name)
            keys = [c.name for c in table.columns if c.primary_key] if table else []
            if keys:
                node.set("this", exp.column(keys[0], table=alias, quoted=True))
                break


def tables_in_another_order(tree: exp.Expr, schema: Schema) -> None:
    """Inner joins as a list of tables the other way round, their conditions in WHERE."""
    for select in list(tree.find_all(exp.Select)):
        joins = select.args.get("joins") or []
        if not joins or any(join.args.get("side") or join.args.get("using") for join in joins):
            continue
        if any(isinstance(column, exp.Star) for column in select.expressions):
            continue  # it would change the order of the columns
        tables = [select.args["from_"].this, *(join.this for join in joins)]
        conditions = [join.args["on"] for join in joins if join.args.get("on") is not None]
        where = select.args.get("where")
        parts = [*conditions, *([where.this] if where is not None else [])]
        select.set("from_", exp.From(this=tables[-1].copy()))
        select.set("joins", [exp.Join(this=table.copy()) for table in tables[-2::-1]])
        if parts:
            select.set("where", exp.Where(this=exp.and_(*(exp.paren(p.copy()) for p in parts))))


def in_as_exists(tree: exp.Expr, schema: Schema) -> None:
    """``x IN (SELECT …)`` as EXISTS; NOT IN only where no NULL can come out."""
    for number, node in enumerate(list(tree.find_all(exp.In))):
        query = node.args.get("query")
        if query is None or not isinstance(node.this, exp.Column) or not node.this.table:
            continue
        inner = query.this
        if isinstance(node.parent, exp.Not) or not isinstance(inner, exp.Select):
            continue
        if len(inner.expressions) != 1 or not isinstance(inner.expressions[0], exp.Column):
            continue
        source = exp.Subquery(
            this=inner.copy(), alias=exp.TableAlias(this=exp.to_identifier(f"inner_{number}"))
        )
        same = exp.EQ(
            this=exp.column(inner.expressions[0].name, table=f"inner_{number}"),
            expression=node.this.copy(),
        )
        found = exp.Select(
            expressions=[exp.Literal.number(1)],
            from_=exp.From(this=source),
            where=exp.Where(this=same),
        )
        node.replace(exp.Exists(this=found))


def sides_in_another_order(tree: exp.Expr, schema: Schema) -> None:
    for node in tree.find_all(exp.Union, exp.Intersect):
        if not any(side.args.get("limit") for side in (node.this, node.expression)):
            left, right = node.this.copy(), node.expression.copy()
            node.set("this", right)
            node.set("expression", left)
            return


def bounds_one_further(tree: exp.Expr, schema: Schema) -> None:
    """``HAVING count(*) > 2`` as ``>= 3``."""
    for having in list(tree.find_all(exp.Having)):
        for node in list(having.find_all(exp.GT)):
            if isinstance(node.this, exp.Count) and isinstance(node.expression, exp.Literal):
                bound = exp.Literal.number(int(node.expression.name) + 1)
                node.replace(exp.GTE(this=node.this.copy(), expression=bound))


def tables_as_subqueries(tree: exp.Expr, schema: Schema) -> None:
    for table in list(tree.find_all(exp.Table)):
        if schema.table(table.name) is not None:
            alias = table.alias or table.name
            everything = exp.Select(
                expressions=[exp.Star()], from_=exp.From(this=exp.to_table(table.name))
            )
            table.replace(
                exp.Subquery(this=everything, alias=exp.TableAlias(this=exp.to_identifier(alias)))
            )


def redundant_parents(tree: exp.Expr, schema: Schema) -> None:
    """One more join, to the parent that every row has."""
    for select in list(tree.find_all(exp.Select)):
        if any(column.is_star for column in select.expressions) or select.args.get("joins"):
            continue
        named = {column.name.lower() for column in select.find_all(exp.Column)}
        for alias, name in scope_tables(select):
            table = schema.table(name)
            for key in table.foreign_keys if table else ():
                parent = schema.table(key.ref_table)
                if parent is None or len(key.columns) != 1 or len(key.ref_columns) != 1:
                    continue
                if named & {c.name.lower() for c in parent.columns}:
                    continue  # names would become ambiguous
                same = exp.EQ(
                    this=exp.column(key.columns[0], table=alias),
                    expression=exp.column(key.ref_columns[0], table="the_parent"),
                )
                joined = exp.alias_(exp.to_table(parent.name), "the_parent", table=True)
                select.append("joins", exp.Join(this=joined, on=same))
                return


REWRITES: tuple[Rewrite, ...] = (
    other_aliases,
    turned_comparisons,
    negated_comparisons,
    between_as_bounds,
    conditions_in_another_order,
    counted_keys,
    tables_in_another_order,
    in_as_exists,
    sides_in_another_order,
    bounds_one_further,
    tables_as_subqueries,
    redundant_parents,
)
