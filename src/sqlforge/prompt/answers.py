"""Golds as a small model writes them more easily: tables by their own names, one spelling of each.

``SELECT T2.name FROM concert AS T1 JOIN stadium AS T2`` chooses T2 before it is said which table
that is. Written with the tables' names every choice is among names that the prompt shows, in its
spelling. The query stays the same query: results do not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from sqlforge.core.names import sql_name
from sqlforge.core.schema import Schema
from sqlforge.prompt.augment.sql_names import find_names, parse

Change = tuple[int, int, str]  # sql[start:end] becomes this text
_QUOTED = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\])")
_ALIAS = re.compile(r"\s+(?:as\s+)?$", re.IGNORECASE)


def plain_answer(sql: str, schema: Schema) -> str:
    """``sql`` without table aliases, names spelled as in ``schema``, white space single.

    A query in which one table is a source twice, or is looked up across a subquery on the same
    table, keeps its aliases. What cannot be read with certainty comes back as it is.

    >>> from sqlforge.core.schema import Column, Table
    >>> shop = Schema((Table("Shop", (Column("City", "TEXT"), Column("id", "INT"))),
    ...                Table("sale", (Column("shop_id", "INT"),))))
    >>> plain_answer("SELECT  T1.city ,  T2.shop_id FROM shop AS T1 JOIN sale AS T2 "
    ...              "ON T1.id  =  T2.shop_id", shop)
    'SELECT Shop.City, sale.shop_id FROM Shop JOIN sale ON Shop.id = sale.shop_id'
    """
    tree, uses = parse(sql, schema.dialect), find_names(sql, schema)
    if tree is None or uses is None or tree.find(exp.CTE) is not None:
        return sql
    aliases = _without_aliases(tree, sql, schema)
    if aliases is None:
        aliases = []
    spelled = _spellings(schema, {use.name.lower() for use in uses if use.kind == "table"})
    changes = {(start, end): text for start, end, text in aliases}
    for use in uses:
        overlaps = any(start < use.end and use.start < end for start, end in changes)
        new = spelled.get((use.kind, use.name.lower()))
        if new is not None and new != use.name and not overlaps:
            changes[use.start, use.end] = sql_name(new, schema.dialect)
    return _single_spaced(_changed(sql, changes))


def _without_aliases(tree: exp.Expr, sql: str, schema: Schema) -> list[Change] | None:
    """What to change for tables to go by their own names; ``None`` where that is another query."""
    sources = {id(select): dict(_sources(select)) for select in tree.find_all(exp.Select)}
    changes: list[Change] = []
    for select in tree.find_all(exp.Select):
        named = [table.name.lower() for table in sources[id(select)].values()]
        if len(set(named)) < len(named):
            return None
        for alias, table in sources[id(select)].items():
            if table.alias:
                change = _end_of_table(table, sql)
                if change is None or schema.table(table.name) is None or alias in named:
                    return None
                changes.append(change)
    for column in tree.find_all(exp.Column):
        if not column.table:
            continue
        meant = _meant(column, sources)
        place = _span(column.args.get("table"))
        if meant is None or place is None:
            return None
        if meant.alias:
            known = schema.table(meant.name)
            assert known is not None  # looked at above
            changes.append((*place, sql_name(known.name, schema.dialect)))
    return changes


def _sources(select: exp.Select) -> Iterator[tuple[str, exp.Table]]:
    first = select.args.get("from_") or select.args.get("from")
    joined = [join.this for join in select.args.get("joins") or ()]
    for source in [*([first.this] if first else []), *joined]:
        if isinstance(source, exp.Table):
            yield source.alias_or_name.lower(), source


def _meant(column: exp.Column, sources: dict[int, dict[str, exp.Table]]) -> exp.Table | None:
    """The table of a column; ``None`` if a nearer query would catch the table's own name."""
    wanted, passed, node = column.table.lower(), set[str](), column.parent
    while node is not None:
        if isinstance(node, exp.Select):
            found = sources[id(node)].get(wanted)
            if found is not None:
                return None if found.name.lower() in passed else found
            passed |= {table.name.lower() for table in sources[id(node)].values()}
        node = node.parent
    return None


def _end_of_table(table: exp.Table, sql: str) -> Change | None:
    """Taking an alias out, with the words between it and its table."""
    name, alias = _span(table.this), _span(table.args["alias"].this)
    if name is None or alias is None or not _ALIAS.match(sql[name[1] : alias[0]]):
        return None
    return name[1], alias[1], ""


def _span(identifier: exp.Expr | None) -> tuple[int, int] | None:
    if identifier is None or "start" not in identifier.meta:
        return None
    return identifier.meta["start"], identifier.meta["end"] + 1


def _spellings(schema: Schema, used: set[str]) -> dict[tuple[str, str], str]:
    """The schema's spelling of tables and of the used ones' columns, where there is one only."""
    found: dict[tuple[str, str], set[str]] = {}
    for table in schema.tables:
        found.setdefault(("table", table.name.lower()), set()).add(table.name)
        for column in table.columns if table.name.lower() in used else ():
            found.setdefault(("column", column.name.lower()), set()).add(column.name)
    return {key: spellings.pop() for key, spellings in found.items() if len(spellings) == 1}


def _changed(sql: str, changes: dict[tuple[int, int], str]) -> str:
    parts, end = [], 0
    for (start, stop), text in sorted(changes.items()):
        parts += [sql[end:start], text]
        end = stop
    return "".join(parts) + sql[end:]


def _single_spaced(sql: str) -> str:
    parts = _QUOTED.split(sql)
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"\s+(?=,)", "", re.sub(r"\s+", " ", parts[place]))
    return "".join(parts).strip().rstrip(";").rstrip()
