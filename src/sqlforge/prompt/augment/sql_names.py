"""Where a query names tables and columns, and the same query with other names.

Every name of a query is replaced where it stands, so the rest of the text keeps its spelling. One
map serves the whole query: what is called alike before is called alike after, aliases and common
table expressions included, and what differs keeps differing. The renamed query is therefore the
same query whichever scope a name is looked up in. Scopes decide one question only, that of SQLite:
is a double-quoted word a name or, because nothing in sight is called so, a string?
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from sqlforge.core.names import sql_name
from sqlforge.core.schema import Schema
from sqlforge.prompt.augment.scopes import is_string

Kind = Literal["table", "column", "string"]
_MAX_CHARACTERS = 20_000  # a longer text is no query, and would take long to parse
_STATEMENTS = (exp.Query, exp.Insert, exp.Update, exp.Delete)


@dataclass(frozen=True, slots=True)
class NameUse:
    """``sql[start:end]`` spells ``name``; a ``string`` is a double-quoted literal."""

    start: int
    end: int
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Renaming:
    """New names by old ones in lower case; neither map gives one new name twice."""

    tables: Mapping[str, str]
    columns: Mapping[str, str]

    def table(self, name: str) -> str:
        """The new name of a table, or ``name`` itself."""
        return self.tables.get(name.lower(), name)

    def column(self, name: str) -> str:
        """The new name of a column, or ``name`` itself."""
        return self.columns.get(name.lower(), name)


def parse(sql: str, dialect: str) -> exp.Expr | None:
    """The tree of the one statement in ``sql``; ``None`` if it is not one or no query or DML."""
    if len(sql) > _MAX_CHARACTERS:
        return None
    logger = logging.getLogger("sqlglot")
    was_disabled, logger.disabled = logger.disabled, True  # it warns about what it only copies
    try:
        statements = [s for s in sqlglot.parse(sql, dialect=dialect) if s is not None]
    except (SqlglotError, RecursionError, ValueError):
        return None
    finally:
        logger.disabled = was_disabled
    if len(statements) != 1 or not isinstance(statements[0], _STATEMENTS):
        return None
    (tree,) = statements
    return None if isinstance(tree, exp.Select) and not tree.expressions else tree


def find_names(sql: str, schema: Schema) -> tuple[NameUse, ...] | None:
    """Every place where ``sql`` names something, in order; ``None`` where that is not certain.

    >>> from sqlforge.core.schema import Column, Table
    >>> shop = Schema((Table("shop", (Column("city", "TEXT"),)),))
    >>> [(u.name, u.kind) for u in find_names('SELECT city FROM shop WHERE city = "Bath"', shop)]
    [('city', 'column'), ('shop', 'table'), ('city', 'column'), ('Bath', 'string')]
    """
    tree = parse(sql, schema.dialect)
    if tree is None:
        return None
    found = []
    try:
        for identifier in tree.find_all(exp.Identifier):
            kind = _kind(identifier, sql, schema)
            if kind is None:
                continue
            use = _use(identifier, sql, kind)
            if use is None or (kind == "string" and _names_a_result(identifier)):
                return None
            found.append(use)
    except RecursionError:
        return None
    return tuple(sorted(found, key=lambda use: use.start))


def rename_sql(
    sql: str, uses: tuple[NameUse, ...], renaming: Renaming, dialect: str = "sqlite"
) -> str | None:
    """``sql`` with new names; ``None`` if a new one would meet another name of the query.

    Args:
        sql: the query that ``uses`` was found in.
        uses: what :func:`find_names` gave.
        renaming: the new names.
        dialect: whose quotes they get, where they need some.

    >>> from sqlforge.core.schema import Column, Table
    >>> shop = Schema((Table("shop", (Column("city", "TEXT"),)),))
    >>> sql = 'SELECT T1.city FROM shop AS T1 WHERE city = "city hall"'
    >>> rename_sql(sql, find_names(sql, shop), Renaming({"shop": "store"}, {"city": "town"}))
    'SELECT T1.town FROM store AS T1 WHERE town = "city hall"'
    """
    if _would_meet(uses, renaming):
        return None
    parts, end = [], 0
    for use in uses:
        new = _new(use, renaming)
        if new != use.name:
            parts += [sql[end : use.start], sql_name(new, dialect)]
            end = use.end
    return "".join(parts) + sql[end:]


def depends_on_order(sql: str, dialect: str) -> bool:
    """Whether the query means something else once the columns of a table are reordered.

    ``SELECT *`` alone does not: it gives the same rows, spelled in another order. Inside a set
    operation, an IN or an INSERT the order of columns decides what is compared with what.

    >>> depends_on_order("SELECT * FROM a UNION SELECT * FROM b", "sqlite")
    True
    >>> depends_on_order("SELECT count(*) FROM a", "sqlite")
    False
    """
    tree = parse(sql, dialect)
    if tree is None:
        return True
    if isinstance(tree, exp.Insert) and not isinstance(tree.this, exp.Schema):
        return True
    return any(_is_projected(star) and _is_compared(star) for star in tree.find_all(exp.Star))


def _is_projected(star: exp.Expr) -> bool:
    node = star.parent if isinstance(star.parent, exp.Column) else star
    return isinstance(node.parent, exp.Select)


def _is_compared(star: exp.Expr) -> bool:
    return any(
        isinstance(node, exp.SetOperation | exp.In | exp.Insert | exp.CTE)
        or (isinstance(node, exp.Subquery) and isinstance(node.parent, exp.Binary))
        for node in _ancestors(star)
    )


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def _kind(identifier: exp.Identifier, sql: str, schema: Schema) -> Kind | None:
    parent, key = identifier.parent, identifier.arg_key
    if isinstance(parent, exp.Column):
        if key == "this":
            if isinstance(parent.parent, exp.In) and parent.arg_key == "field":
                return "table"  # x IN some_table
            return "string" if is_string(parent, sql, schema) else "column"
        return "table" if key == "table" else None
    if isinstance(parent, exp.Table) or (isinstance(parent, exp.TableAlias) and key == "this"):
        return "table" if key == "this" else None
    if isinstance(parent, exp.Window) or (key == "alias" and isinstance(parent, exp.Table)):
        return None  # named windows live in a world of their own
    if isinstance(parent, exp.Alias | exp.Join | exp.Schema | exp.TableAlias | exp.PropertyEQ):
        return "column"
    return None


def _names_a_result(identifier: exp.Identifier) -> bool:
    """Whether a string is a result column of its own, which then bears its text as a name."""
    column = identifier.parent
    return column is not None and isinstance(column.parent, exp.Select)


def _use(identifier: exp.Identifier, sql: str, kind: Kind) -> NameUse | None:
    start, end = identifier.meta.get("start"), identifier.meta.get("end")
    if start is None or end is None:
        return None
    text = sql[start : end + 1]
    if text != identifier.name and _unquoted(text) != identifier.name:
        return None
    return NameUse(start, end + 1, identifier.name, kind)


def _unquoted(text: str) -> str:
    close = {"[": "]"}.get(text[:1], text[:1])
    if len(text) < 2 or close not in ('"', "`", "'", "]") or text[-1] != close:
        return text
    return text[1:-1].replace(close * 2, close)


def _new(use: NameUse, renaming: Renaming) -> str:
    if use.kind == "string":
        return use.name
    return renaming.table(use.name) if use.kind == "table" else renaming.column(use.name)


def _would_meet(uses: tuple[NameUse, ...], renaming: Renaming) -> bool:
    """Whether a name that stays (an alias, a string) is spelled like a new one."""
    for kind, names in (("table", renaming.tables), ("column", renaming.columns)):
        new = {name.lower() for name in names.values()}
        for use in uses:
            same_world = use.kind == kind or (use.kind == "string" and kind == "column")
            stays = use.kind == "string" or use.name.lower() not in names
            if same_world and stays and use.name.lower() in new:
                return True
    return False
